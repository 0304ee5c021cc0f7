import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseIp } from "#base/ip.ts";
import { planFromText } from "#kit/plan.ts";
import { CONFIG, DESTINATION, RANGE_KEY, SERVER_VALUE, SERVICE } from "#plan/director-layout.ts";
import {
  CONFIG_FLAG,
  DESTINATION_FLAG,
  METHOD,
  SERVER_FLAG,
  TUNNEL,
} from "#plan/director-numbers.ts";
import type { Plan } from "#plan/plan.ts";
import {
  composeConfig,
  composeDestination,
  composeServers,
  composeService,
  lookupsOf,
  placeOf,
  translatedSlots,
} from "./compose.ts";
import type { ServerFacts } from "./facts.ts";
import { ALL_PORTS } from "./local-ports.ts";
import { markKey, rangeKeys, replyPorts, serverKey, serverValue } from "./rows.ts";
import type { Entry } from "./table.ts";

const facts = (host: string, port: number): ServerFacts => ({
  name: host,
  identity: 1,
  address: parseIp(host)!,
  port,
  weight: 1,
  isClosed: false,
  isDown: false,
  upper: 0,
  lower: 0,
});

const planOf = (services: string): Plan =>
  planFromText(`
director: { interfaces: eth0, localAddresses: 10.0.0.9 }
services:
${services}
backends: { app: { balance: rr, servers: { a: 10.0.0.11:8000 } } }
`);

const NAT = "{ bind: 10.0.0.1:80, method: nat, backend: app }";
const OTHER = "{ bind: 10.0.0.2:81, method: nat, backend: app }";

const entriesOf = (plan: Plan, before: readonly Entry[] = []): Entry[] =>
  composeServers(
    plan.services,
    (service) => [placeOf(service, facts("10.0.0.11", 8000))],
    (key) => before.find((entry) => entry.key.join() === key.join())?.value,
  );

const flagsOf = ([entry]: readonly Entry[]): number => entry!.value[SERVER_VALUE.FLAGS]!;

/** A service whose servers have methods of their own; `service` is more of it. */
const mixedOf = (service: string): Plan =>
  planFromText(`
director: { interfaces: eth0, localAddresses: 10.0.0.9 }
services: { a: { bind: 10.0.0.1:80, method: dr, tunnel: gre, backend: app${service} } }
backends:
  app:
    balance: rr
    servers:
      dr: 10.0.0.11:80
      nat: { address: 10.0.0.12:8080, method: nat }
      tun: { address: "[fd00::13]:80", method: tun }
      gue: { address: 10.0.0.14:80, method: tun, tunnel: gue }
      full: { address: 10.0.0.15:8080, method: fullnat }
`);

/** Facts of its servers as the Board would have them. */
const mixedFacts = (plan: Plan): ServerFacts[] =>
  plan.backends[0]!.servers.map(({ name, address, method, tunnel }) => {
    assert.ok(address.kind === "inet");
    return { ...facts(address.host, address.port), name, method, tunnel };
  });

test("each server's row has its own method, tunnel and port", () => {
  const plan = mixedOf(", passClient: true");
  const rows = mixedFacts(plan).map((server) => {
    const row = composeDestination(plan.services[0]!, server, 1, false);
    const view = new DataView(row.buffer);
    return {
      method: row[DESTINATION.METHOD],
      tunnel: row[DESTINATION.TUNNEL],
      tunnelPort: view.getUint16(DESTINATION.TUNNEL_PORT),
      port: view.getUint16(DESTINATION.PORT),
      flags: row[DESTINATION.FLAGS],
    };
  });
  const { PRESENT, PASSES } = DESTINATION_FLAG;
  const plain = { tunnel: TUNNEL.IPIP, tunnelPort: 0, port: 0, flags: PRESENT };
  assert.deepEqual(rows, [
    { ...plain, method: METHOD.DR },
    { ...plain, method: METHOD.NAT, port: 8080 },
    { ...plain, method: METHOD.TUN, tunnel: TUNNEL.GRE },
    { ...plain, method: METHOD.TUN, tunnel: TUNNEL.GUE, tunnelPort: 6080 },
    { ...plain, method: METHOD.FULLNAT, port: 8080, flags: PRESENT | PASSES },
  ]);
});

test("replies are known of the servers that answer through here, and of no others", () => {
  const plan = mixedOf("");
  const [service] = plan.services;
  const places = mixedFacts(plan).map((server) => placeOf(service!, server));
  const entries = composeServers(
    plan.services,
    () => places,
    () => undefined,
  );
  assert.deepEqual(
    entries.map(({ key }) => key),
    [serverKey(parseIp("10.0.0.12")!, 8080, 6), serverKey(parseIp("10.0.0.15")!, 8080, 6)],
  );
  assert.deepEqual(
    entries.map((entry) => flagsOf([entry])),
    [0, SERVER_FLAG.AMBIGUOUS],
  );
  assert.deepEqual([...translatedSlots(plan)], [plan.backends[0]!.slot]);
});

test("replies are looked for while there are any, of servers that are gone too", () => {
  const plan = planOf("  a: { bind: 10.0.0.1:80, method: dr, backend: app }");
  const looks = (one: Plan, hasReplies: boolean): boolean => {
    const row = composeConfig(one, one.director!, {
      ...{ destinations: 1, dropRate: 0, isSecure: false, hasReplies, localPorts: ALL_PORTS },
    });
    return (new DataView(row.buffer).getUint32(CONFIG.FLAGS, true) & CONFIG_FLAG.REPLIES) !== 0;
  };
  assert.equal(looks(plan, false), false);
  assert.equal(looks(plan, true), true);
  assert.equal(looks(mixedOf(""), false), true);
});

test("a service says whether some of its servers answer clients directly", () => {
  const pool = {
    program: 0,
    hash: 0,
    flags: 0,
    slots: new Uint16Array(),
    servers: new Uint16Array(),
  };
  const isDirect = (plan: Plan): boolean => {
    const [service, backend] = [plan.services[0]!, plan.backends[0]!];
    const row = composeService(service, backend, pool, { base: 0, capacity: 8 });
    return row[SERVICE.DIRECT] === 1;
  };
  assert.equal(isDirect(mixedOf("")), true);
  assert.equal(isDirect(planOf(`  a: ${NAT}`)), false);
});

test("a server of one service is told by its address and port", () => {
  const [entry, ...more] = entriesOf(planOf(`  a: ${NAT}`));
  assert.deepEqual(more, []);
  assert.deepEqual(entry!.value, serverValue(parseIp("10.0.0.1")!, 80, 0));
});

test("a server that becomes another service's too still answers for the first", () => {
  const before = entriesOf(planOf(`  a: ${NAT}`));
  for (const services of [`  a: ${NAT}\n  b: ${OTHER}`, `  b: ${OTHER}\n  a: ${NAT}`]) {
    const now = entriesOf(planOf(services), before);
    assert.equal(now.length, 1);
    assert.deepEqual(
      now[0]!.value,
      serverValue(parseIp("10.0.0.1")!, 80, SERVER_FLAG.AMBIGUOUS),
      services,
    );
  }
});

test("many ports to one, marks and fullnat are never told by the server", () => {
  for (const service of [
    "{ bind: 10.0.0.1:80-90, method: nat, backend: app }",
    "{ bind: [10.0.0.1:80, 10.0.0.2:80], method: nat, backend: app }",
    "{ mark: 7, protocol: tcp, method: nat, backend: app }",
    "{ bind: 10.0.0.1:80, method: fullnat, backend: app }",
  ]) {
    assert.equal(flagsOf(entriesOf(planOf(`  a: ${service}`))), SERVER_FLAG.AMBIGUOUS, service);
  }
});

test("a port stands in lookups, a range in ranges", () => {
  const [service] = planOf(
    "  a: { bind: [10.0.0.1:80, 10.0.0.1:5000-5999], method: dr, backend: app }",
  ).services;
  const { lookups, ranges } = lookupsOf(service!);
  assert.equal(lookups.length, 1);
  assert.ok(ranges.length > 1);
});

test("a mark stands in lookups once for each protocol of its service", () => {
  const keysOf = (service: string): Uint8Array[] =>
    lookupsOf(
      planOf(`  a: { mark: 7, ${service}, method: dr, backend: app }`).services[0]!,
    ).lookups.map(({ key }) => key);
  assert.deepEqual(keysOf("protocol: udp"), [markKey(7, 4, 17)]);
  const all = [6, 17, 132].map((protocol) => markKey(7, 4, protocol));
  assert.deepEqual(keysOf("onNoServer: drop"), all);
  assert.equal(new Set(all.map(String)).size, 3);
});

test("the keys of a range hold its ports and no others", () => {
  const port = fc.integer({ min: 0, max: 65_535 });
  fc.assert(
    fc.property(port, port, (a, b) => {
      const [first, last] = [Math.min(a, b), Math.max(a, b)];
      let next = first;
      for (const key of rangeKeys(parseIp("10.0.0.1")!, first, last, 6)) {
        const view = new DataView(key.buffer);
        const size = 2 ** (8 * (RANGE_KEY.BYTES - 4) - view.getUint32(RANGE_KEY.BITS, true));
        const from = view.getUint16(RANGE_KEY.PORT);
        assert.equal(from, next);
        assert.equal(from % size, 0);
        next = from + size;
      }
      assert.equal(next, last + 1);
    }),
  );
});

test("the ports that replies come from have a bit each, as packets have them", () => {
  const key = (port: number) => serverKey(parseIp("10.2.0.1")!, port, 6);
  const bits = replyPorts([key(80), key(8080), key(80)]);
  const set = Array.from({ length: 65_536 }, (_, i) => i).filter(
    (i) => bits[i >> 3]! & (1 << (i & 7)),
  );
  const asInPacket = (port: number) =>
    new Uint16Array(Uint8Array.of(port >> 8, port & 255).buffer)[0]!;
  assert.deepEqual(
    set,
    [80, 8080].map(asInPacket).sort((a, b) => a - b),
  );
  assert.ok(replyPorts([key(80), key(0)]).every((byte) => byte === 0xff));
});

test("connReuse has the bits of conn_reuse_mode, of which the second includes the first", () => {
  const plan = planOf(`  a: ${NAT}`);
  const { REUSE, REUSE_FIN } = CONFIG_FLAG;
  for (const [connReuse, wanted] of [0, REUSE, REUSE | REUSE_FIN, REUSE | REUSE_FIN].entries()) {
    const director = { ...plan.director!, connReuse };
    const row = composeConfig(plan, director, {
      ...{
        destinations: 1,
        dropRate: 7,
        isSecure: false,
        hasReplies: false,
        localPorts: ALL_PORTS,
      },
    });
    const view = new DataView(row.buffer);
    assert.equal(view.getUint32(CONFIG.FLAGS, true) & (REUSE | REUSE_FIN), wanted);
    assert.equal(view.getUint32(CONFIG.DROP_RATE, true), 7);
  }
});

test("servers are listened to where they translate and go by calls", () => {
  const by = (method: string, persistence: string): boolean => {
    const what = `bind: 10.0.0.1:80, protocol: udp, method: ${method}, backend: app`;
    const plan = planOf(`  a: { ${what}, persistence: ${persistence} }`);
    const row = composeConfig(plan, plan.director!, {
      destinations: 1,
      dropRate: 0,
      isSecure: true,
      hasReplies: false,
      localPorts: ALL_PORTS,
    });
    const flags = new DataView(row.buffer).getUint32(CONFIG.FLAGS, true);
    assert.ok(flags & CONFIG_FLAG.SECURE);
    return (flags & CONFIG_FLAG.CALLS) !== 0;
  };
  assert.equal(by("nat", "{ by: call-id }"), true);
  assert.equal(by("nat", "5m"), false);
  assert.equal(by("fullnat", "{ by: call-id }"), false);
});
