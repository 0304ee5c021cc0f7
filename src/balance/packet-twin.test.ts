import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createRandom } from "#base/clock.ts";
import { mix32 } from "#base/hash.ts";
import { SimPool } from "#kit/pool.ts";
import { PACKET_HASH, PACKET_NOBODY, PACKET_PROGRAM } from "#plan/packet-schedule.ts";
import { fallbacks } from "#schema/index.ts";
import { foldAddress, type PacketFlow } from "./packet-hash.ts";
import type { PacketSchedule, PacketServer } from "./packet-schedule.ts";
import { createPacketTwin, type TwinState } from "./packet-twin.ts";
import type { Scheduler, SchedulerType } from "./scheduler.ts";
import { schedulerByName, schedulers } from "./schedulers/index.ts";

/** An IPv4 address, mapped. */
const v4 = (word: number): Uint8Array => {
  const bytes = new Uint8Array(16).fill(255, 10, 12);
  new DataView(bytes.buffer).setUint32(12, word);
  return bytes;
};

const flowOf = (source: number, destination = 1, nowMs = 0): PacketFlow => ({
  source: v4(source),
  sport: 40_000,
  destination: v4(destination),
  dport: 80,
  protocol: 6,
  nowMs,
});

interface Facts {
  readonly weight: number;
  readonly load: number;
  readonly full: boolean;
}

/** Servers whose identity is what mh hashes of their address and port. */
const serversOf = (list: readonly Facts[]): PacketServer[] =>
  list.map(({ weight }, i) => {
    const address = v4(0x0a000001 + i);
    const identity = foldAddress(address) + 80;
    return { identity, weight, lastWeight: weight, address, port: 80 };
  });

const stateOf = (list: readonly Facts[]): TwinState => ({
  active: Int32Array.from(list, (s) => s.load),
  inactive: new Int32Array(list.length),
  overloaded: Uint8Array.from(list, (s) => Number(s.full)),
});

function poolOf(list: readonly Facts[]): SimPool {
  const pool = new SimPool(list.map((s, i) => ({ ...s, name: `s${i}` })));
  pool.identity = Int32Array.from(serversOf(list), (server) => server.identity);
  return pool;
}

/** Options that packets can be served with. */
const optionsOf = (type: SchedulerType, more: object = {}): never =>
  ({
    ...fallbacks(type.options),
    ...("balanceFactor" in type.options ? { balanceFactor: 0 } : {}),
    ...more,
  }) as never;

function scheduleOf(type: SchedulerType, more: object = {}): PacketSchedule {
  const schedule = type.packets!(optionsOf(type, more));
  assert.ok(typeof schedule === "object", String(schedule));
  return schedule;
}

/** A scheduler for requests and its twin for packets, over the same servers. */
function both(name: string, list: readonly Facts[], more: object = {}) {
  const type: SchedulerType = schedulerByName(name)!;
  const pool = poolOf(list);
  const scheduler: Scheduler = type.create(pool, optionsOf(type, more), 0);
  const schedule = scheduleOf(type, more);
  return { pool, scheduler, schedule, twin: createPacketTwin(schedule, serversOf(list)) };
}

const facts = fc.record({
  weight: fc.nat({ max: 9 }),
  load: fc.nat({ max: 20 }),
  full: fc.boolean(),
});
const anyServers = fc.array(facts, { minLength: 1, maxLength: 12 });
const openServers = anyServers.map((list) =>
  list.map((s) => ({ ...s, weight: s.weight + 1, full: false })),
);

const forPackets = schedulers.filter((type: SchedulerType) => type.packets);

for (const type of forPackets as readonly SchedulerType[]) {
  test(`${type.name}: packets go to servers that take something new, whatever they are`, () => {
    const fallback = "fallback" in type.options ? { fallback: true } : {};
    fc.assert(
      fc.property(anyServers, fc.array(fc.nat(), { maxLength: 20 }), (list, words) => {
        const twin = createPacketTwin(scheduleOf(type, fallback), serversOf(list));
        const state = { ...stateOf(list), random: () => mix32(words.length) };
        for (const word of words) {
          const position = twin.pick(flowOf(word, word), state);
          assert.ok(position >= -1 && position < list.length);
          if (position < 0) continue;
          assert.ok(list[position]!.weight > 0 && !list[position]!.full);
        }
      }),
      { numRuns: 30 },
    );
  });
}

describe("requests and packets go the same way", () => {
  test("turns", () => {
    for (const name of ["rr", "wrr", "static-rr", "roundrobin"]) {
      fc.assert(
        fc.property(anyServers, (list) => {
          const free = list.map((s) => ({ ...s, full: false }));
          const { scheduler, twin } = both(name, free);
          for (let n = 0; n < 100; n++) {
            const expected = Math.max(-1, scheduler.pick(-1, 0));
            assert.equal(twin.pick(flowOf(n), stateOf(free)), expected, name);
          }
        }),
        { numRuns: 30 },
      );
    }
  });

  test("walks", () => {
    for (const name of ["lc", "wlc", "sed", "nq", "fo", "ovf", "leastconn"]) {
      fc.assert(
        fc.property(anyServers, (list) => {
          const { scheduler, twin } = both(name, list);
          for (let n = 0; n < 5; n++) {
            const expected = Math.max(-1, scheduler.pick(-1, 0));
            assert.equal(twin.pick(flowOf(n), stateOf(list)), expected, name);
          }
        }),
      );
    }
  });

  test("leastconn counts flows of UDP, which are inactive", () => {
    const idle = { weight: 1, load: 0, full: false };
    const list = [idle, idle];
    const { twin } = both("leastconn", list);
    const state = { ...stateOf(list), inactive: Int32Array.of(2, 1) };
    const picks = (protocol: number) =>
      [1, 2, 3, 4].map(() => twin.pick({ ...flowOf(1), protocol }, state));
    assert.deepEqual(picks(17), [1, 1, 1, 1]);
    assert.deepEqual(picks(6), [0, 1, 0, 1]);
  });

  test("two draws, with the same numbers", () => {
    fc.assert(
      fc.property(anyServers, (list) => {
        const { scheduler, twin } = both("twos", list);
        const random = createRandom(mix32(1));
        const state = { ...stateOf(list), random: () => random.next() };
        for (let n = 0; n < 10; n++) {
          assert.equal(twin.pick(flowOf(n), state), Math.max(-1, scheduler.pick(-1, 0)));
        }
      }),
    );
  });

  test("IPVS's hashes: a key is hashed as an address is", () => {
    for (const name of ["sh", "dh", "mh"]) {
      fc.assert(
        fc.property(openServers, fc.array(fc.nat(), { maxLength: 20 }), (list, words) => {
          const { scheduler, twin } = both(name, list);
          for (const word of words) {
            const flow = flowOf(word, word);
            assert.equal(twin.pick(flow, stateOf(list)), scheduler.pick(word, 0), name);
          }
        }),
        { numRuns: 20 },
      );
    }
  });

  test("and the way on from a server that takes nothing new", () => {
    for (const name of ["sh", "mh"]) {
      fc.assert(
        fc.property(anyServers, fc.array(fc.nat(), { maxLength: 20 }), (list, words) => {
          const { scheduler, twin } = both(name, list, { fallback: true });
          const open = list.filter((s) => s.weight > 0 && !s.full);
          // Else nobody is found among the first few.
          if (open.length * 4 < list.length || open.some((s) => s.weight < 3)) return;
          for (const word of words) {
            assert.equal(twin.pick(flowOf(word), stateOf(list)), scheduler.pick(word, 0), name);
          }
        }),
      );
    }
  });

  test("localities, while loads move and time goes by", () => {
    const step = fc.record({ word: fc.nat({ max: 30 }), at: fc.nat(), load: fc.nat({ max: 20 }) });
    for (const name of ["lblc", "lblcr"]) {
      fc.assert(
        fc.property(anyServers, fc.array(step, { maxLength: 80 }), (list, steps) => {
          const { pool, scheduler, twin } = both(name, list);
          const state = stateOf(list);
          for (const [n, { word, at, load }] of steps.entries()) {
            const nowMs = n * 10_000_000;
            const expected = Math.max(-1, scheduler.pick(word, nowMs));
            assert.equal(twin.pick(flowOf(1, word, nowMs), state), expected, name);
            pool.loads[at % list.length] = load;
            state.active[at % list.length] = load;
          }
        }),
      );
    }
  });

  test("tables of ours are those of requests", () => {
    fc.assert(
      fc.property(openServers, fc.nat({ max: 16_380 }), (list, slot) => {
        const pool = poolOf(list);
        const ownerOf = (name: string, key: number): number => {
          const type: SchedulerType = schedulerByName(name)!;
          return type.create(pool, optionsOf(type), 0).pick(key, 0);
        };
        const table = (name: string): Uint16Array => {
          const schedule = scheduleOf(schedulerByName(name)!);
          return schedule.kind === "walk" ? new Uint16Array(0) : schedule.table(serversOf(list));
        };
        assert.equal(table("maglev")[slot], ownerOf("maglev", slot));
        assert.equal(table("ring")[slot], ownerOf("ring", slot * 2 ** 15));
        const map = table("source");
        assert.equal(map[slot % map.length], ownerOf("source", slot));
      }),
      { numRuns: 10 },
    );
  });
});

const list = (...weights: number[]): Facts[] =>
  weights.map((weight) => ({ weight, load: 0, full: false }));

test("without the fallback, a flow of a server that takes nothing new is refused", () => {
  const { twin } = both("sh", list(1, 0));
  const picks = Array.from({ length: 64 }, (_, n) => twin.pick(flowOf(n), stateOf(list(1, 0))));
  assert.deepEqual(new Set(picks), new Set([0, -1]));
});

test("mh keeps the table of a server whose weight went to nothing", () => {
  const schedule = scheduleOf(schedulerByName("mh")!);
  assert.ok(schedule.kind === "hash");
  const servers = serversOf(list(2, 1, 1));
  const drained = servers.map((s, i) => (i === 1 ? { ...s, weight: 0 } : s));
  assert.deepEqual(schedule.table(drained), schedule.table(servers));
});

test("turns: overloaded servers are passed over, also where they fill what is looked at", () => {
  const twin = createPacketTwin(scheduleOf(schedulerByName("wrr")!), serversOf(list(1000, 1)));
  const state = { ...stateOf(list(1000, 1)), overloaded: Uint8Array.of(1, 0) };
  assert.deepEqual(
    Array.from({ length: 3 }, (_, n) => twin.pick(flowOf(n), state)),
    [1, 1, 1],
  );
});

test("a table's owners are positions in the list, those without a weight counted", () => {
  const schedule = scheduleOf(schedulerByName("rr")!);
  assert.ok(schedule.kind === "turns");
  assert.deepEqual([...schedule.table(serversOf(list(0, 1, 0, 1)))], [1, 3]);
  assert.equal(schedule.table([]).length, 0);
});

test("a period that is too long is made shorter", () => {
  for (const name of ["wrr", "static-rr", "roundrobin"]) {
    const schedule = scheduleOf(schedulerByName(name)!);
    assert.ok(schedule.kind === "turns");
    const table = schedule.table(serversOf(list(60_000, 59_999, 1)));
    assert.ok(table.length <= 65_536, name);
    assert.deepEqual(new Set(table), new Set([0, 1, 2]));
  }
});

test("no servers: nobody", () => {
  for (const type of forPackets) {
    const twin = createPacketTwin(scheduleOf(type), []);
    assert.equal(twin.pick(flowOf(1), stateOf([])), -1, type.name);
  }
});

test("what packets cannot do is said", () => {
  const say = (name: string, more: object): string => {
    const type: SchedulerType = schedulerByName(name)!;
    return String(type.packets!({ ...fallbacks(type.options), ...more } as never));
  };
  const uri = { key: { name: "uri", options: {} } };
  const source = { key: { name: "source", options: {} } };
  assert.match(say("maglev", uri), /hashes the uri of a request/);
  assert.match(say("ring", {}), /set balanceFactor: 0/);
  assert.match(say("source", { balanceFactor: 150 }), /set balanceFactor: 0/);
  assert.match(say("dh", source), /not by the source: leave key out/);
  assert.match(say("lblc", source), /leave key out/);
  const silent = ["first", "random", "ewma", "uri", "header", "query"];
  for (const name of silent) assert.equal(schedulerByName(name)!.packets, undefined, name);
});

test("the numbers that C knows", () => {
  assert.equal(PACKET_NOBODY, 65_535);
  assert.deepEqual(Object.values(PACKET_PROGRAM), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  assert.deepEqual(Object.values(PACKET_HASH), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  const programs = ["lc", "wlc", "sed", "nq", "fo", "ovf", "twos", "lblc", "lblcr", "leastconn"];
  for (const [n, name] of programs.entries()) {
    assert.deepEqual(scheduleOf(schedulerByName(name)!), { kind: "walk", program: n + 2 });
  }
});
