import assert from "node:assert/strict";
import { viewOf } from "#base/bytes.ts";
import { formatIp } from "#base/ip.ts";
import { rowKey } from "#director/rows.ts";
import { possibleCpus } from "#io/bpf/cpus.ts";
import type { BpfMap } from "#io/bpf/map.ts";
import {
  CONNECTION,
  FLOW,
  LOAD,
  LOCALITY,
  REPLY,
  SERVICE_STATE,
  SOURCE,
  STATISTICS,
  TEMPLATE,
} from "#plan/director-layout.ts";
import { COUNTER } from "#plan/director-numbers.ts";

export interface Connection {
  readonly flow: string;
  readonly server: number;
  readonly generation: number;
  readonly seen: number;
  readonly interface: number;
  readonly local: string;
  readonly localPort: number;
  readonly state: number;
  readonly flags: number;
  readonly key: Uint8Array;
}

/** A service that is set up: its number, and the row of its first server. */
export interface Placed {
  readonly number: number;
  readonly base: number;
}

/** What the director's programs have written into their maps, and how it is made older. */
export abstract class DirectorTables {
  /** Of `destinations`. */
  protected readonly rows: number;
  /** Addresses of FULLNAT. */
  protected locals: readonly string[] = [];

  constructor(rows: number) {
    this.rows = rows;
  }

  abstract map(name: string): BpfMap;

  connections(): Connection[] {
    const map = this.map("connections");
    return [...map.keys()].map((key) => {
      const value = map.lookup(key)!;
      const at = viewOf(value);
      const ports = viewOf(key);
      const source = `${formatIp(key, FLOW.SOURCE)}:${ports.getUint16(FLOW.SOURCE_PORT)}`;
      const to = `${formatIp(key, FLOW.DESTINATION)}:${ports.getUint16(FLOW.DESTINATION_PORT)}`;
      return {
        flow: `${source} > ${to}`,
        server: at.getUint32(CONNECTION.DESTINATION, true),
        generation: at.getUint32(CONNECTION.GENERATION, true),
        seen: at.getUint32(CONNECTION.SEEN, true),
        interface: at.getUint32(CONNECTION.INTERFACE, true),
        local: this.locals[at.getUint16(CONNECTION.LOCAL, true)] ?? "",
        localPort: at.getUint16(CONNECTION.LOCAL_PORT),
        state: at.getUint16(CONNECTION.STATE, true),
        flags: at.getUint16(CONNECTION.FLAGS, true),
        key,
      };
    });
  }

  /** The one connection there is. */
  connection(): Connection {
    const all = this.connections();
    assert.equal(all.length, 1, "connections");
    return all[0]!;
  }

  /** Makes the last packet of every connection as old. */
  age(ticks: number): void {
    this.#age("connections", CONNECTION.SEEN, ticks);
  }

  ageTemplates(ticks: number): void {
    this.#age("templates", TEMPLATE.SEEN, ticks);
  }

  ageLocalities(ticks: number): void {
    this.#age("localities", LOCALITY.USED, ticks);
    this.#age("localities", LOCALITY.CHANGED, ticks);
  }

  ageReplies(ticks: number): void {
    this.#age("replies", REPLY.SEEN, ticks);
  }

  ageSources(ticks: number): void {
    this.#age("sources", SOURCE.CHANGED, ticks);
  }

  #age(name: string, offset: number, ticks: number): void {
    const map = this.map(name);
    for (const key of [...map.keys()]) {
      const value = map.lookup(key)!;
      viewOf(value).setUint32(offset, viewOf(value).getUint32(offset, true) - ticks, true);
      map.update(key, value);
    }
  }

  /** Puts a connection into a state, the one there is or that of `key`, and makes it older. */
  force(state: number, key = this.connection().key, ticks = 0): void {
    const value = this.map("connections").lookup(key)!;
    viewOf(value).setUint16(CONNECTION.STATE, state, true);
    const seen = viewOf(value).getUint32(CONNECTION.SEEN, true);
    viewOf(value).setUint32(CONNECTION.SEEN, seen - ticks, true);
    this.map("connections").update(key, value);
  }

  load(row: number): { active: number; inactive: number; overloaded: number } {
    const at = viewOf(this.map("loads").lookup(rowKey(row))!);
    return {
      active: at.getInt32(LOAD.ACTIVE, true),
      inactive: at.getInt32(LOAD.INACTIVE, true),
      overloaded: at.getInt32(LOAD.OVERLOADED, true),
    };
  }

  setLoad(row: number, load: Readonly<Record<"active" | "inactive" | "overloaded", number>>): void {
    const bytes = new Uint8Array(LOAD.BYTES);
    viewOf(bytes).setInt32(LOAD.ACTIVE, load.active, true);
    viewOf(bytes).setInt32(LOAD.INACTIVE, load.inactive, true);
    viewOf(bytes).setInt32(LOAD.OVERLOADED, load.overloaded, true);
    this.map("loads").update(rowKey(row), bytes);
  }

  /** Connections that `sources` has, by the client's address. */
  sources(): Record<string, number> {
    const map = this.map("sources");
    const all = [...map.keys()].map((key) => {
      const value = map.lookup(key)!;
      return [formatIp(key), viewOf(value).getInt32(SOURCE.CONNECTIONS, true)] as const;
    });
    return Object.fromEntries(all);
  }

  serviceConnections({ number }: Placed): number {
    const value = this.map("service_states").lookup(rowKey(number))!;
    return viewOf(value).getInt32(SERVICE_STATE.CONNECTIONS, true);
  }

  /** Of a server, over all processors. */
  statistics(row: number): Record<"connections" | "in" | "inBytes" | "out" | "outBytes", number> {
    const sum = (offset: number): number => {
      let all = 0;
      for (let cpu = 0; cpu < possibleCpus(); cpu++) {
        const value = this.map("statistics").lookup(rowKey(cpu * this.rows + row))!;
        all += Number(viewOf(value).getBigUint64(offset, true));
      }
      return all;
    };
    return {
      connections: sum(STATISTICS.CONNECTIONS),
      in: sum(STATISTICS.IN_PACKETS),
      inBytes: sum(STATISTICS.IN_BYTES),
      out: sum(STATISTICS.OUT_PACKETS),
      outBytes: sum(STATISTICS.OUT_BYTES),
    };
  }

  /** Those that are not zero, by their names. */
  counters(): Record<string, number> {
    const found: Record<string, number> = {};
    for (const [name, row] of Object.entries(COUNTER)) {
      if (name === "ROWS") continue;
      const value = this.map("counters").lookup(rowKey(row))!;
      const at = viewOf(value);
      let all = 0;
      for (let i = 0; i < value.length; i += 8) all += Number(at.getBigUint64(i, true));
      if (all > 0) found[name] = all;
    }
    return found;
  }

  /**
   * Runs `work` while no processor has an allowance left in `row` of `allowances`. It may run
   * again, when a second ended meanwhile; `prime` makes the kernel write down which second it is.
   */
  exhausted(row: number, prime: () => void, work: () => void): void {
    const map = this.map("allowances");
    for (let tries = 0; tries < 20; tries++) {
      prime();
      const seconds = Array.from(new Uint32Array(map.lookup(rowKey(row))!.buffer));
      const second = Math.max(...seconds.filter((_, i) => i % 2 === 0));
      const all = Uint32Array.from({ length: seconds.length }, (_, i) =>
        i % 2 ? 1 << 20 : second,
      );
      map.update(rowKey(row), new Uint8Array(all.buffer));
      let failure: unknown;
      try {
        work();
      } catch (error) {
        failure = error;
      }
      const after = new Uint32Array(map.lookup(rowKey(row))!.buffer);
      if (after.every((value, i) => i % 2 === 1 || value === second)) {
        if (failure !== undefined) throw failure;
        return;
      }
    }
    assert.fail("every second ended too soon");
  }
}
