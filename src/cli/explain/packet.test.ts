import assert from "node:assert/strict";
import { test } from "node:test";
import { planFromText } from "#kit/plan.ts";
import { createStyle } from "../style.ts";
import { explainPacket, type Packet, showPacket } from "./packet.ts";

const PLAN = planFromText(`
director: { interfaces: eth0 }
services:
  web: { bind: "192.0.2.1:80", method: nat, backend: hashed, persistence: 5m }
  range: { bind: "192.0.2.2:5000-5999", protocol: udp, method: dr, backend: counted }
  none: { bind: "[2001:db8::1]:80", method: dr, backend: away }
  far: { mark: 7, method: dr, backend: counted }
  sip: { bind: "192.0.2.3:5060", protocol: udp, method: dr, backend: counted, persistence: { by: call-id } }
  mixed: { bind: "192.0.2.4:80", method: nat, backend: mixed }
backends:
  mixed: { balance: wlc, servers: { a: { address: 10.0.0.1:80, state: maint }, b: { address: 10.0.0.2:80, method: tun } } }
  hashed: { balance: sh, servers: { a: 10.0.0.1:80, b: 10.0.0.2:80, c: { address: 10.0.0.3:80, weight: 0 } } }
  counted: { balance: wlc, servers: { a: { address: 10.0.0.1:0, state: maint }, b: 10.0.0.2:0 } }
  away: { balance: rr, servers: { a: { address: "[fd00::1]:80", state: drain } } }
`);
const style = createStyle(false);

function explain(protocol: Packet["protocol"], to: string, from = "198.51.100.7:1234") {
  const explained = explainPacket(PLAN, { protocol, to, from });
  assert.notEqual(typeof explained, "string", explained as string);
  return explained as Exclude<typeof explained, string>;
}

test("a hash says which server, the same for the same client", () => {
  const servers = Array.from({ length: 50 }, (_, i) => {
    const { server, isSure, service } = explain("tcp", "192.0.2.1:80", `198.51.100.${i}`);
    assert.deepEqual([isSure, service], [true, "web"]);
    return server;
  });
  // One bucket in three is the third server's, as in LVS; without `fallback` nobody else is asked.
  assert.deepEqual(new Set(servers), new Set(["a", "b", undefined]));
  const at = servers.indexOf(undefined);
  const shown = showPacket(explain("tcp", "192.0.2.1:80", `198.51.100.${at}`), style);
  assert.match(shown, /no server +takes it: the one of the hash takes nothing new/);
  const taken = servers.findIndex((server) => server !== undefined);
  const good = showPacket(explain("tcp", "192.0.2.1:80", `198.51.100.${taken}`), style);
  assert.match(
    good,
    /^ {2}service web +takes its address and port\n {2}backend hashed +method nat, /,
  );
  assert.match(
    good,
    /persistence +a client that has a server stays with it\n {2}server [ab] +would take it/,
  );
});

test("a call stays where it is", () => {
  const shown = showPacket(explain("udp", "192.0.2.3:5060"), style);
  assert.match(shown, /persistence +a call that has a server stays with it/);
});

test("the method is the server's where it has its own", () => {
  const { server, method } = explain("tcp", "192.0.2.4:80");
  assert.deepEqual([server, method], ["b", "tun"]);
});

test("a count says who is first", () => {
  const { server, isSure, method } = explain("udp", "192.0.2.2:5500");
  assert.deepEqual([server, isSure, method], ["b", false, "dr"]);
  assert.match(
    showPacket(explain("udp", "192.0.2.2:5500"), style),
    /would take the first connection/,
  );
});

test("nobody takes it: no service, or no server", () => {
  const nothing = explain("tcp", "192.0.2.2:5500");
  assert.equal(nothing.service, undefined);
  assert.match(
    showPacket(nothing, style),
    /no service +takes it, unless a filter gives it the mark/,
  );
  const none = explain("tcp", "[2001:db8:0::1]:80", "2001:db8::7");
  assert.deepEqual([none.service, none.server], ["none", undefined]);
  assert.match(showPacket(none, style), /no server +takes new connections/);
});

test("what is no packet is refused", () => {
  const refuse = (to: string, from: string) => explainPacket(PLAN, { protocol: "tcp", to, from });
  assert.match(refuse("192.0.2.1", "198.51.100.7") as string, /expected a port/);
  assert.match(refuse("/path", "198.51.100.7") as string, /no IP address/);
  assert.match(refuse("192.0.2.1:80", "me") as string, /"me": expected a port/);
});
