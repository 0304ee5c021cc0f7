import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIp } from "#base/ip.ts";
import { planFromText } from "#kit/plan.ts";
import { understand } from "./trace.ts";

const plan = planFromText(`
director: { interfaces: eth0 }
services:
  web: { bind: [192.0.2.1:80, "192.0.2.1:8000-8099"], method: dr, backend: app }
  dns: { bind: 192.0.2.1:53, protocol: [tcp, udp], method: dr, backend: app }
  far: { bind: "[2001:db8::1]:80", protocol: udp, method: dr, backend: six }
  near: { bind: "[2001:db8::1]:80", method: dr, backend: six }
backends:
  app: { balance: rr, servers: { a: 10.0.0.1:0 } }
  six: { balance: rr, servers: { a: "[fd00::1]:0" } }
`);
const slotOf = (name: string) => plan.services.find((service) => service.name === name)!.slot;
const ask = (change: { client?: string; service?: string }) => {
  const wish = { client: undefined, service: undefined, count: 5, seconds: 7, ...change };
  return understand(plan, wish);
};

test("packets of all, of a client, of a service", () => {
  const all = { client: undefined, service: undefined, address: undefined, port: undefined };
  const bounds = { count: 5, seconds: 7 };
  assert.deepEqual(ask({}), { ...all, ...bounds });
  const client = parseIp("2001:db8::7")!;
  assert.deepEqual(ask({ client: "2001:DB8::7" }), { ...all, ...bounds, client });
  assert.deepEqual(ask({ service: "dns" }), { ...all, ...bounds, service: slotOf("dns") });
});

test("a service by an address and a port that it takes", () => {
  const found = (service: string) => {
    const wanted = ask({ service });
    assert.ok(!("ok" in wanted), service);
    return [wanted.service, wanted.address, wanted.port];
  };
  assert.deepEqual(found("192.0.2.1:8050"), [slotOf("web"), "192.0.2.1", 8050]);
  // Two services share it: the address alone says which packets.
  assert.deepEqual(found("[2001:db8:0::1]:80"), [undefined, "2001:db8::1", 80]);
});

test("what cannot be meant is refused with a reason", () => {
  const refused = (change: { client?: string; service?: string }) => {
    const wanted = ask(change);
    assert.ok("ok" in wanted && wanted.code === "USAGE");
    return wanted.message;
  };
  assert.equal(refused({ client: "me" }), '"me" is no address');
  assert.equal(refused({ service: "wbe" }), 'there is no service "wbe"; did you mean "web"?');
  assert.match(refused({ service: "192.0.2.1" }), /^there is no service "192\.0\.2\.1"/);
  assert.equal(refused({ service: "192.0.2.1:81" }), "no service takes packets for 192.0.2.1:81");
});
