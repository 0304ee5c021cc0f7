import { WEIGHT_SCALE } from "#plan/board.ts";
import type { PacketServer } from "./packet-schedule.ts";
import type { Pool } from "./scheduler.ts";

/** What the kernel counts, by position. */
export interface PacketState {
  readonly active: Int32Array;
  readonly inactive: Int32Array;
  /** 1 = at its upper threshold. */
  readonly overloaded: Uint8Array;
}

/** Servers of packets as a pool, so that what chooses among requests chooses among packets too. */
export class PacketPool implements Pool {
  readonly count: number;
  readonly weight: Int32Array;
  readonly identity: Int32Array;
  state: PacketState;
  /** Inactive connections are load as well. */
  countsAll = false;

  constructor(servers: readonly Pick<PacketServer, "identity" | "weight">[]) {
    this.count = servers.length;
    this.weight = Int32Array.from(servers, (server) => server.weight * WEIGHT_SCALE);
    this.identity = Int32Array.from(servers, (server) => server.identity);
    this.state = {
      active: new Int32Array(this.count),
      inactive: new Int32Array(this.count),
      overloaded: new Uint8Array(this.count),
    };
  }

  load(position: number): number {
    return this.state.active[position]! + (this.countsAll ? this.inactive(position) : 0);
  }

  inactive(position: number): number {
    return this.state.inactive[position]!;
  }

  total(): number {
    return this.state.active.reduce((sum, n) => sum + n, 0);
  }

  full(position: number): boolean {
    return this.state.overloaded[position] !== 0;
  }

  /** Packets are not counted by the second. */
  rate(): number {
    return 0;
  }
}
