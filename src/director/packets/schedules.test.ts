import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { PacketFlow } from "#balance/packet-hash.ts";
import type { PacketSchedule, PacketServer } from "#balance/packet-schedule.ts";
import { createPacketTwin } from "#balance/packet-twin.ts";
import { mix32 } from "#base/hash.ts";
import { formatIp } from "#base/ip.ts";
import { PROTOCOL, type ProtocolName } from "#base/protocol.ts";
import { describeLoops, directorBed, noDirector, VERDICT } from "#kit/director-bed.ts";
import type { Placed } from "#kit/director-tables.ts";
import { frame, ip, ip16, sctp, tcp, udp } from "#kit/packet.ts";
import { packetSchedule, packetSchedules } from "#kit/packet-schedules.ts";
import {
  CONFIG_FLAG,
  HASH_KIND,
  POOL_LIMIT,
  PROGRAM,
  SCHEDULE_LIMIT,
  SERVICE_FLAG,
} from "#plan/director-numbers.ts";
import {
  PACKET_FLAG,
  PACKET_HASH,
  PACKET_MEMORY,
  PACKET_MEMORY_MS,
  PACKET_NOBODY,
  PACKET_PROBES,
  PACKET_PROBES_IPVS,
  PACKET_PROGRAM,
  PACKET_SEED,
} from "#plan/packet-schedule.ts";
import { composePool } from "../pool.ts";
import { ticksOf } from "../ticks.ts";

/*
 * For every scheduler that packets can have: the server that the kernel's program chooses is the
 * one that the twin in user space chooses, packet by packet.
 */

type Family = 4 | 6;

interface Facts {
  readonly weight: number;
  readonly active: number;
  readonly inactive: number;
  readonly full: boolean;
}

interface Step {
  readonly source: number;
  readonly far: number;
  readonly sport: number;
  readonly destination: number;
  readonly dport: number;
  readonly protocol: ProtocolName;
  /** Before the packet: time that goes by, and a server whose load is another one then. */
  readonly hours: number;
  readonly at: number;
  readonly load: Omit<Facts, "weight">;
}

const load = {
  active: fc.nat({ max: 30 }),
  inactive: fc.nat({ max: 300 }),
  full: fc.nat({ max: 3 }).map((n) => n === 0),
};
const anyServers = fc.array(fc.record({ weight: fc.nat({ max: 20 }), ...load }), {
  minLength: 1,
  maxLength: 40,
});
const word = fc.nat({ max: 0xffff_ffff });
const port = fc.integer({ min: 1, max: 65_535 });
const anyStep: fc.Arbitrary<Step> = fc.record({
  source: word,
  far: word,
  sport: port,
  destination: fc.oneof(fc.nat({ max: 3 }), word),
  dport: port,
  protocol: fc.constantFrom("tcp", "udp", "sctp"),
  // No sum of these is a whole day.
  hours: fc.constantFrom(0, 0, 0, 7, 13.3, 25),
  at: fc.nat(),
  load: fc.record(load),
});
const anySteps = fc.array(anyStep, { minLength: 1, maxLength: 25 });

/** An address of a word, in IPv6 with something before it. */
const addressOf = (family: Family, value: number, far: number): string => {
  const bytes = family === 4 ? ip16("0.0.0.0") : ip16("2001:db8::");
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(12, value);
  if (family === 6) view.setUint32(8, far);
  return formatIp(bytes);
};

const serverAddress = (family: Family, position: number): string =>
  family === 4 ? `10.0.1.${position + 1}` : `fd00::${(position + 1).toString(16)}`;

const SEGMENTS = { tcp, udp, sctp } as const;
const MARK = 7;

function packetServers(family: Family, list: readonly Facts[]): PacketServer[] {
  return list.map(({ weight }, position) => ({
    identity: mix32(position + 1) | 0,
    weight,
    lastWeight: weight,
    address: ip16(serverAddress(family, position)),
    port: 80,
  }));
}

/** Servers of a backend are not numbered in the order of the configuration. */
const numbersOf = (count: number): number[] =>
  Array.from({ length: count }, (_, position) => (position * 7 + 3) % 41).map(
    (n, _, all) => all.filter((other) => other < n).length,
  );

describeLoops("schedules", { destinations: 48, poolLength: 131_200, drawsCounted: true }, (bed) => {
  /** A service of any address with these servers; the rows of the servers by position. */
  function place(schedule: PacketSchedule, family: Family, list: readonly Facts[]): number[] {
    bed.reset();
    bed.configure({ flags: CONFIG_FLAG.MARKS });
    const numbers = numbersOf(list.length);
    const pool = composePool(schedule, packetServers(family, list), numbers);
    const bySlot = numbers
      .map((number, position) => ({ number, position }))
      .sort((a, b) => a.number - b.number);
    const placed: Placed = bed.service({
      address: family === 4 ? "0.0.0.0" : "::",
      mark: MARK,
      program: pool.program,
      hash: pool.hash,
      flags:
        SERVICE_FLAG.ONE_PACKET | (pool.flags & PACKET_FLAG.FALLBACK ? SERVICE_FLAG.FALLBACK : 0),
      pool: [],
      servers: bySlot.map(({ position }) => ({
        address: serverAddress(family, position),
        weight: list[position]!.weight,
        upper: 1_000_000,
      })),
    });
    bed.pool(placed, pool.slots, pool.servers);
    const rows = numbers.map((number) => placed.base + number);
    for (const [position, facts] of list.entries()) setLoad(rows[position]!, facts);
    return rows;
  }

  const setLoad = (row: number, { active, inactive, full }: Omit<Facts, "weight">): void =>
    bed.setLoad(row, { active, inactive, overloaded: Number(full) });

  /** Position of the server that the kernel sends the packet to; -1 = nobody. */
  function chosen(family: Family, count: number, step: Step): number {
    const packet = ip(
      {
        from: addressOf(family, step.source, step.far),
        to: addressOf(family, step.destination, 0),
      },
      SEGMENTS[step.protocol]({ from: step.sport, to: step.dport }),
    );
    const { verdict, frame: sent } = bed.run(frame(packet), { mark: MARK });
    if (verdict === VERDICT.drop) return -1;
    assert.equal(verdict, VERDICT.send);
    const to = family === 4 ? sent.subarray(30, 34) : sent.subarray(38, 54);
    for (let position = 0; position < count; position++) {
      const address = ip16(serverAddress(family, position));
      if (Buffer.from(address.subarray(16 - to.length)).equals(to)) return position;
    }
    throw new Error("the packet goes to no server");
  }

  function agree(
    schedule: PacketSchedule,
    family: Family,
    list: readonly Facts[],
    steps: readonly Step[],
  ): void {
    const rows = place(schedule, family, list);
    const twin = createPacketTwin(schedule, packetServers(family, list));
    const active = Int32Array.from(list, (s) => s.active);
    const inactive = Int32Array.from(list, (s) => s.inactive);
    const overloaded = Uint8Array.from(list, (s) => Number(s.full));
    let nowMs = 0;
    let draws = 0;
    for (const step of steps) {
      const at = step.at % list.length;
      setLoad(rows[at]!, step.load);
      active[at] = step.load.active;
      inactive[at] = step.load.inactive;
      overloaded[at] = Number(step.load.full);
      if (step.hours > 0) bed.ageLocalities(ticksOf(step.hours * 3_600_000));
      nowMs = (nowMs + step.hours * 3_600_000) | 0;
      const flow: PacketFlow = {
        source: ip16(addressOf(family, step.source, step.far)),
        sport: step.sport,
        destination: ip16(addressOf(family, step.destination, 0)),
        dport: step.dport,
        protocol: PROTOCOL[step.protocol],
        nowMs,
      };
      // Where nobody is open the kernel draws nothing.
      const isNobody = list.every(({ weight }, i) => weight === 0 || overloaded[i] !== 0);
      const before = draws;
      const expected = twin.pick(flow, {
        ...{ active, inactive, overloaded },
        random: () => mix32(draws++) >>> 0,
      });
      if (isNobody) draws = before;
      assert.equal(chosen(family, list.length, step), expected);
    }
  }

  for (const { name, schedule } of packetSchedules()) {
    test(`${name}: the kernel chooses as the twin does`, () => {
      fc.assert(
        fc.property(fc.constantFrom<Family>(4, 6), anyServers, anySteps, (family, list, steps) =>
          agree(schedule, family, list, steps),
        ),
        { numRuns: 25 },
      );
    });
  }

  for (const name of ["lblc", "lblcr"]) {
    test(`${name}: few addresses and servers, much to remember`, () => {
      const schedule = packetSchedule(name);
      const small = {
        active: fc.nat({ max: 6 }),
        inactive: fc.nat({ max: 2 }),
        full: fc.nat({ max: 9 }).map((n) => n === 0),
      };
      const servers = fc.array(fc.record({ weight: fc.nat({ max: 4 }), ...small }), {
        minLength: 2,
        maxLength: 26,
      });
      const steps = fc.array(
        fc.record({
          ...{ source: word, far: word, sport: port, dport: port, at: fc.nat() },
          protocol: fc.constant<ProtocolName>("udp"),
          destination: fc.nat({ max: 1 }),
          hours: fc.constantFrom(0, 0, 0, 0, 7, 13.3),
          load: fc.record(small),
        }),
        { minLength: 100, maxLength: 150 },
      );
      fc.assert(
        fc.property(servers, steps, (list, sequence) => agree(schedule, 4, list, sequence)),
        { numRuns: 40 },
      );
    });
  }

  test("lblcr: a set is full with SET servers", () => {
    const schedule = packetSchedule("lblcr");
    const idle = { weight: 4, active: 0, inactive: 0, full: false };
    const step = (at: number, active: number): Step => ({
      ...{ source: 1, far: 0, sport: 1, destination: 1, dport: 1, protocol: "udp" },
      ...{ hours: 0, at, load: { active, inactive: 0, full: false } },
    });
    const { SET } = PACKET_MEMORY;
    const members = Array.from({ length: SET }, (_, at) => at);
    const steps = [
      step(SET + 3, 0),
      ...members.map((at) => step(at, 10)),
      ...members.map((at) => step(at, 3)),
      step(SET, 1),
    ];
    const all = new Array<Facts>(SET + 4).fill(idle);
    agree(schedule, 4, all, steps);
    const last = chosen(4, all.length, step(SET, 1));
    assert.equal(last, SET - 1, "the next is not in it, though less loaded");
  });

  test("turns: whoever fills all that is looked at is passed over", () => {
    const schedule = packetSchedule("wrr");
    const facts = { active: 0, inactive: 0 };
    const list = [
      { weight: 1000, full: true, ...facts },
      { weight: 1, full: false, ...facts },
      { weight: 1, full: false, ...facts },
    ];
    const step: Step = {
      ...{ source: 1, far: 0, sport: 1, destination: 1, dport: 1, protocol: "udp" },
      ...{ hours: 0, at: 0, load: { ...facts, full: true } },
    };
    agree(schedule, 4, list, new Array<Step>(10).fill(step));
    assert.notEqual(chosen(4, 3, step), -1);
  });
});

describe("twos, as the kernel draws", { skip: noDirector() }, () => {
  const bed = directorBed();

  test("shares are those of the formula", () => {
    const { base } = bed.service({
      address: "198.51.100.1",
      protocol: "udp",
      program: PROGRAM.TWOS,
      flags: SERVICE_FLAG.ONE_PACKET,
      servers: [1, 2, 3].map((weight, i) => ({ address: `10.0.0.${i + 2}`, weight })),
    });
    const packet = frame(
      ip({ from: "192.0.2.1", to: "198.51.100.1" }, udp({ from: 4000, to: 80 })),
    );
    const runs = 7000;
    for (let n = 0; n < runs; n++) bed.run(packet);
    // Of the remainders 0 to 6 the first server has 0 and 1.
    const expected = [2, 2, 3].map((share) => (share * runs) / 7);
    const chi = expected.reduce(
      (sum, value, i) => sum + (bed.statistics(base + i).in - value) ** 2 / value,
      0,
    );
    // Two degrees of freedom: once in three million runs.
    assert.ok(chi < 30, `chi-square ${chi}`);
  });
});

test("numbers of C are those of TypeScript", () => {
  assert.equal(SCHEDULE_LIMIT.SEED, PACKET_SEED);
  assert.equal(SCHEDULE_LIMIT.PROBES, PACKET_PROBES);
  assert.equal(SCHEDULE_LIMIT.PROBES_IPVS, PACKET_PROBES_IPVS);
  assert.equal(SCHEDULE_LIMIT.SET, PACKET_MEMORY.SET);
  assert.equal(SCHEDULE_LIMIT.MEMORY, ticksOf(PACKET_MEMORY_MS));
  assert.equal(POOL_LIMIT.NOBODY, PACKET_NOBODY);
  assert.deepEqual({ ...PROGRAM }, { ...PACKET_PROGRAM });
  assert.deepEqual({ ...HASH_KIND }, { ...PACKET_HASH });
});
