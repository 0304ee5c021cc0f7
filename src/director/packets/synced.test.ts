import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRandom, type Random } from "#base/clock.ts";
import { parseIp } from "#base/ip.ts";
import { type DirectorBed, directorBed, noDirector, VERDICT } from "#kit/director-bed.ts";
import { frame, ip, tcp } from "#kit/packet.ts";
import { planFromText } from "#kit/plan.ts";
import { CONFIG_FLAG, CONNECTION_FLAG, METHOD, SERVICE_FLAG } from "#plan/director-numbers.ts";
import type { ServerFacts } from "../facts.ts";
import { rowKey } from "../rows.ts";
import { Sweeper } from "../sweeper.ts";
import { Intake } from "../sync/intake.ts";
import { Known } from "../sync/known.ts";
import { type Directing, Places } from "../sync/places.ts";
import { type SyncEntry, WIRE_FLAG } from "../sync/wire.ts";

/*
 * Connections that another director told of, in the tables and for packets: as if they had begun
 * here.
 */

const SERVICES = { 4: "192.0.2.1", 6: "2001:db8::1" } as const;
const SERVERS = { 4: ["10.0.0.1", "10.0.0.2"], 6: ["fd00::1", "fd00::2"] } as const;
const CLIENTS = { 4: "198.51.100.", 6: "2001:db8:1::" } as const;
const PORTS = [80, 81] as const;
const FAMILIES = [4, 6] as const;
/** Of 8 clients with a port each. */
const FLOWS = 8;
const WAY = 7;

const bracket = (host: string): string => (host.includes(":") ? `"[${host}]` : `"${host}`);

/** Two services of each family, with the same servers: whose a reply is has to be kept. */
const plan = planFromText(`
director: { interfaces: eth0 }
services:
${FAMILIES.flatMap((family) =>
  PORTS.map(
    (port) =>
      `  s${family}-${port}: { bind: ${bracket(SERVICES[family])}:${port}", method: nat, backend: b${family}, maxPerSource: 100 }`,
  ),
).join("\n")}
backends:
${FAMILIES.map((family) => {
  const servers = SERVERS[family].map((host, i) => `s${i}: ${bracket(host)}:8080"`).join(", ");
  return `  b${family}: { servers: { ${servers} } }`;
}).join("\n")}
`);

function intakeFor(bed: DirectorBed, sweeper: Sweeper): Intake {
  bed.enable(CONFIG_FLAG.REPLIES);
  const placed = plan.services.map(({ binds, name }) => {
    const [{ host, firstPort: port }] = binds as [(typeof binds)[0]];
    const servers = SERVERS[name.startsWith("s4") ? 4 : 6].map((address) => ({
      ...{ address, port: 8080, generation: 3, method: METHOD.NAT, upper: 6, lower: 3 },
    }));
    const flags = SERVICE_FLAG.REJECT;
    return bed.service({ address: host, port, servers, flags, sourceLimit: 100 });
  });
  const directing: Directing = {
    plan,
    epoch: 1,
    destination: (row) => bed.map("destinations").lookup(rowKey(row)),
    rowsOf: (service) =>
      SERVERS[service.name.startsWith("s4") ? 4 : 6].map((host, i) => {
        const facts = { name: `s${i}`, identity: i, address: parseIp(host)!, port: 8080 };
        const all: ServerFacts = {
          ...facts,
          weight: 1,
          isClosed: false,
          isDown: false,
          upper: 6,
          lower: 3,
        };
        return { row: placed[plan.services.indexOf(service)]!.base + i, facts: all };
      }),
  };
  const intake = new Intake({
    kernel: bed.kernel,
    places: new Places(directing),
    counts: sweeper.counts,
    connections: new Known(1024, 1),
    templates: new Known(1024, 1),
    wayTo: () => WAY,
    isAmbiguous: (key) => (bed.map("servers").lookup(key)?.[18] ?? 0) !== 0,
    isFull: () => false,
  });
  intake.begin();
  return intake;
}

/** Of its own for each service: else answers of one server would be for both. */
const clientPort = (i: number, port: number): number => 5000 + i + 100 * (port - 80);

const client = (family: 4 | 6, i: number): string => `${CLIENTS[family]}${i + 1}`;

function entry(family: 4 | 6, i: number, change: Partial<SyncEntry> = {}): SyncEntry {
  return {
    ...{ family, protocol: 6, flags: 0, state: 1, mark: 0, timeoutSeconds: 1 },
    ...{ client: parseIp(client(family, i))!, clientPort: 5000 + i },
    ...{ service: parseIp(SERVICES[family])!, servicePort: 80 },
    ...{ server: parseIp(SERVERS[family][0])!, serverPort: 8080 },
    ...change,
  };
}

/** Every count is what the table has. */
function checkCounts(bed: DirectorBed): void {
  const loads = new Map<number, [number, number]>();
  const sources: Record<string, number> = {};
  let paired = 0;
  for (const { server, flags, flow } of bed.connections()) {
    const load = loads.get(server) ?? [0, 0];
    load[flags & CONNECTION_FLAG.INACTIVE ? 1 : 0]++;
    loads.set(server, load);
    if (flags & CONNECTION_FLAG.PAIRED) paired++;
    if (flags & CONNECTION_FLAG.SOURCED) sources[flow] = 1;
  }
  for (let row = 0; row < 8; row++) {
    const { active, inactive } = bed.load(row);
    assert.deepEqual([active, inactive], loads.get(row) ?? [0, 0], `row ${row}`);
  }
  const all = plan.services.map((_, number) => bed.serviceConnections({ number, base: 0 }));
  const sum = all.reduce((a, b) => a + b);
  assert.equal(sum, bed.connections().length);
  const counted = [...bed.map("sources").keys()].reduce((total, key) => {
    const value = bed.map("sources").lookup(key)!;
    return total + new DataView(value.buffer).getInt32(0, true);
  }, 0);
  assert.equal(counted, Object.keys(sources).length);
  assert.equal([...bed.map("replies").keys()].length, paired);
}

describe("connections of another director", { skip: noDirector() }, () => {
  const bed = directorBed({ destinations: 16 });

  function withIntake(work: (intake: Intake, sweeper: Sweeper) => void): void {
    const sweeper = new Sweeper(bed.kernel);
    try {
      work(intakeFor(bed, sweeper), sweeper);
    } finally {
      sweeper.close();
    }
  }

  const toService = (family: 4 | 6, i: number, flags: string, port = 80): Uint8Array => {
    const ends = { from: client(family, i), to: SERVICES[family] };
    return frame(ip(ends, tcp({ from: clientPort(i, port), to: port, flags })));
  };

  for (const family of FAMILIES) {
    test(`IPv${family}: packets of both ends go on`, () =>
      withIntake((intake) => {
        assert.equal(intake.take(entry(family, 1)), "connection");
        const [one] = bed.connections();
        assert.equal(one!.interface, WAY);
        assert.ok(one!.flags & CONNECTION_FLAG.PAIRED);
        const ends = { from: SERVERS[family][0], to: client(family, 1) };
        const answer = frame(ip(ends, tcp({ from: 8080, to: 5001, flags: "A" })));
        assert.equal(bed.run(answer).verdict, VERDICT.send, "its server's");
        assert.equal(bed.run(toService(family, 1, "A")).verdict, VERDICT.send, "its client's");
        bed.run(toService(family, 2, "A"));
        assert.equal(bed.connections().length, 1, "another client's is not known");
        bed.run(toService(family, 1, "R"));
        checkCounts(bed);
      }));
  }

  test("thresholds see them", () =>
    withIntake((intake) => {
      for (let i = 0; i < 6; i++) intake.take(entry(4, i));
      const row = bed.connections()[0]!.server;
      assert.equal(bed.load(row).overloaded, 1);
      const over = { state: 5, flags: WIRE_FLAG.INACTIVE };
      for (let i = 0; i < 6; i++) intake.take(entry(4, i, { ...over, timeoutSeconds: 100 }));
      assert.deepEqual(bed.load(row), { active: 0, inactive: 6, overloaded: 1 });
    }));

  test("whatever comes in whatever order, counts are what the table has", () =>
    withIntake((intake, sweeper) => {
      const random = createRandom(0x51c);
      for (let round = 0; round < 40; round++) {
        for (let i = 0; i < 40; i++) step(random, intake);
        checkCounts(bed);
      }
      // The longest that is believed, and some more.
      bed.age(2 ** 30);
      bed.age(2 ** 21);
      while (!sweeper.step());
      assert.equal(bed.connections().length, 0);
      checkCounts(bed);
    }));

  function step(random: Random, intake: Intake): void {
    const pick = <T>(from: readonly T[]): T => from[random.next() % from.length]!;
    const family = pick(FAMILIES);
    const i = random.next() % FLOWS;
    const servicePort = pick(PORTS);
    if (random.next() % 3 === 0) {
      bed.run(toService(family, i, pick(["S", "A", "FA", "R", "PA"]), servicePort));
      return;
    }
    // Some is wrong.
    const server = parseIp(pick([...SERVERS[family], "10.9.9.9"]))!;
    const state = random.next() % 12;
    const timeoutSeconds = pick([0, 1, 2, 900, 0xffff_ffff]);
    const flags = pick([0, WIRE_FLAG.INACTIVE, WIRE_FLAG.DR, random.next()]) & ~WIRE_FLAG.TEMPLATE;
    const change = {
      servicePort,
      clientPort: clientPort(i, servicePort),
      server,
      state,
      timeoutSeconds,
      flags,
    };
    assert.equal(typeof intake.take(entry(family, i, change)), "string");
  }
});
