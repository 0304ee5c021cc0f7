import { Carry, carried } from "./carry.ts";
import type { Pool } from "./scheduler.ts";

/** What Latencies knows, by position. It follows the servers when positions move. */
export class LatencyState {
  readonly #carry: Carry;
  /** As it was at `seenAtMs`; -1 = never seen. */
  averageMs = new Float64Array(0);
  /** When the last sample came. */
  seenAtMs = new Float64Array(0);
  /** As last estimated. */
  expectedMs = new Float64Array(0);
  /** Average over the samples of all servers, in milliseconds. */
  readonly pool = Float64Array.of(1);

  constructor(pool: Pool) {
    this.#carry = new Carry(pool);
    this.rebuild();
  }

  rebuild(): void {
    const origins = this.#carry.origins();
    this.averageMs = carried(this.averageMs, origins, () => -1);
    this.seenAtMs = carried(this.seenAtMs, origins, () => 0);
    this.expectedMs = new Float64Array(origins.length);
  }
}

export const createLatencyState = (pool: Pool): LatencyState => new LatencyState(pool);
