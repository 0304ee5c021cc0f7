import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseIp } from "#base/ip.ts";
import { planFromText } from "#kit/plan.ts";
import { CONFIG, RANGE_KEY, SERVER_VALUE } from "#plan/director-layout.ts";
import { CONFIG_FLAG, SERVER_FLAG } from "#plan/director-numbers.ts";
import type { Plan } from "#plan/plan.ts";
import { composeConfig, composeServers, lookupsOf, placeOf } from "./compose.ts";
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
