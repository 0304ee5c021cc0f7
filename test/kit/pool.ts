import type { Pool, Scheduler } from "#balance/scheduler.ts";
import { hashText } from "#base/hash.ts";
import { WEIGHT_SCALE } from "#plan/board.ts";

/** A server of a SimPool. */
export interface SimServer {
  readonly name: string;
  /** In units, as a user writes it; 0 = not eligible. */
  readonly weight: number;
  readonly load?: number;
  readonly full?: boolean;
  readonly rate?: number;
}

/** A pool whose every fact a test sets by hand. Tell the scheduler `changed` after `set`. */
export class SimPool implements Pool {
  count = 0;
  weight = new Int32Array(0);
  identity = new Int32Array(0);
  names: string[] = [];
  loads = new Int32Array(0);
  fulls: boolean[] = [];
  rates: number[] = [];

  constructor(servers: readonly SimServer[]) {
    this.set(servers);
  }

  set(servers: readonly SimServer[]): void {
    this.count = servers.length;
    this.weight = Int32Array.from(servers, (s) => s.weight * WEIGHT_SCALE);
    this.identity = Int32Array.from(servers, (s) => hashText(s.name));
    this.names = servers.map((s) => s.name);
    this.loads = Int32Array.from(servers, (s) => s.load ?? 0);
    this.fulls = servers.map((s) => s.full ?? false);
    this.rates = servers.map((s) => s.rate ?? 0);
  }

  load(position: number): number {
    return this.loads[position]!;
  }

  total(): number {
    let sum = 0;
    for (let i = 0; i < this.count; i++) sum += this.loads[i]!;
    return sum;
  }

  full(position: number): boolean {
    return this.fulls[position]!;
  }

  rate(position: number): number {
    return this.rates[position]!;
  }
}

/** Servers a, b, c … of these weights. */
export function servers(...weights: number[]): SimServer[] {
  return weights.map((weight, i) => ({ name: serverName(i), weight }));
}

const serverName = (i: number): string =>
  i < 26 ? String.fromCharCode(97 + i) : `s${i.toString().padStart(4, "0")}`;

/** Names of the servers picked in a row, without a key and with nothing in flight: `"abcab"`. */
export function picks(pool: SimPool, scheduler: Scheduler, count: number): string {
  return Array.from({ length: count }, () => pool.names[scheduler.pick(-1, 0)]).join("");
}
