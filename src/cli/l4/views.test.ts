import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceView } from "#control/api.ts";
import { directorStatusOf } from "#kit/director-status.ts";
import { planFromText } from "#kit/plan.ts";
import { syncStatusOf } from "#kit/sync-status.ts";
import { createStyle } from "../style.ts";
import { connectionsView } from "./connections-view.ts";
import { largeNumber, listView } from "./list-view.ts";
import { ratesView } from "./rates-view.ts";
import { syncView } from "./sync-view.ts";

const status = directorStatusOf(
  planFromText(`
director: { interfaces: eth0, connections: 4096 }
services:
  web: { bind: [192.0.2.1:80, "192.0.2.2:*"], method: nat, backend: web, persistence: { timeout: 5m, mask: 24 } }
  six: { mark: 9, family: ipv6, method: dr, backend: six }
  sip: { bind: 192.0.2.3:5060, protocol: udp, method: dr, backend: sip, onePacket: true, persistence: { by: call-id, mask: 8 } }
backends:
  web: { balance: { type: sh, port: true }, servers: { a: { address: 10.0.0.1:8080, weight: 3, maxConnections: 100 } } }
  six: { balance: wlc, servers: { a: "[fd00::1]:80" } }
  sip: { balance: rr, servers: { a: 10.0.0.4:5060 } }
`),
)!;
const counts = {
  connections: 12_345_678,
  inPackets: 123_456_789,
  outPackets: 1_234_567_890,
  inBytes: 123_456_789_012,
  outBytes: 0,
};
const services = status.services.map((service): ServiceView => {
  const servers = service.servers.map((one) => ({ ...one, counts, active: 17, inactive: 4 }));
  const rates = { ...counts, connections: 2.7, inPackets: 3.2, outPackets: 0 };
  return { ...service, counts, rates, servers };
});
const list = (kind: "plain" | "stats" | "rate" | "thresholds", exact = false): string[] =>
  listView(status, services, { kind, exact })
    .replace(/\(weir [^,]*/, "(weir V")
    .split("\n");

test("the list has ipvsadm's columns", () => {
  assert.deepEqual(list("plain"), [
    "IP Virtual Server (weir V, size=4096)",
    "Prot LocalAddress:Port Scheduler Flags",
    "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
    "TCP  192.0.2.1:80 sh (sh-port) persistent 300 mask 255.255.255.0",
    "TCP  192.0.2.2:0 sh (sh-port) persistent 300 mask 255.255.255.0",
    "  -> 10.0.0.1:8080                Masq    3      17         4         ",
    "FWM  9 IPv6 wlc",
    "  -> [fd00::1]:80                 Route   1      17         4         ",
    "UDP  192.0.2.3:5060 rr persistent 300 mask 255.0.0.0 pe sip ops",
    "  -> 10.0.0.4:5060                Route   1      17         4         ",
    "",
  ]);
});

test("each server has its own word for the way to it", () => {
  const mixed = directorStatusOf(
    planFromText(`
director: { interfaces: eth0, localAddresses: 10.0.0.9 }
services: { web: { bind: 192.0.2.1:80, method: nat, backend: web } }
backends:
  web:
    balance: rr
    servers:
      a: 10.0.0.1:80
      b: { address: 10.0.0.2:80, method: dr }
      c: { address: 10.0.0.3:80, method: tun, tunnel: gre }
      d: { address: 10.0.0.4:80, method: fullnat }
      e: { address: 10.0.0.5:80, method: local }
`),
  )!;
  const lines = listView(mixed, mixed.services, { kind: "plain", exact: false }).split("\n");
  assert.deepEqual(
    lines.slice(4, 9).map((line) => line.trim().split(/ +/).slice(1, 3)),
    [
      ["10.0.0.1:80", "Masq"],
      ["10.0.0.2:80", "Route"],
      ["10.0.0.3:80", "Tunnel"],
      ["10.0.0.4:80", "FullNat"],
      ["10.0.0.5:80", "Local"],
    ],
  );
});

test("so have counts, rates and limits", () => {
  assert.deepEqual(list("stats").slice(1, 6), [
    "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes",
    "  -> RemoteAddress:Port",
    "TCP  192.0.2.1:80                 12345678  123456K    1234M     123G        0",
    "TCP  192.0.2.2:0",
    "  -> 10.0.0.1:8080                12345678  123456K    1234M     123G        0",
  ]);
  assert.equal(
    list("stats", true)[3],
    "TCP  192.0.2.1:80                 12345678 123456789 1234567890 123456789012        0",
  );
  assert.equal(
    list("rate")[3],
    "TCP  192.0.2.1:80                        2        3        0     123G        0",
  );
  assert.deepEqual(list("thresholds").slice(1, 6), [
    "Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn ",
    "  -> RemoteAddress:Port",
    "TCP  192.0.2.1:80",
    "TCP  192.0.2.2:0",
    "  -> 10.0.0.1:8080                100        75         17         4         ",
  ]);
});

test("numbers are cut as ipvsadm cuts them", () => {
  const cut: readonly [number, string][] = [
    [99_999_999, " 99999999"],
    [100_000_000, "  100000K"],
    [999_999_999, "  999999K"],
    [1_000_000_000, "    1000M"],
    [99_999_999_999, "   99999M"],
    [100_000_000_000, "     100G"],
    [100_000_000_000_000, "     100T"],
  ];
  for (const [value, text] of cut) assert.equal(largeNumber(value, false), text);
});

test("connections have ipvsadm's columns", () => {
  const one = {
    protocol: 6,
    state: "ESTABLISHED",
    client: "198.51.100.1",
    clientPort: 40_000,
    service: "192.0.2.1",
    servicePort: 80,
    serviceName: "web",
    server: "10.0.0.1",
    serverPort: 8080,
    expiresMs: 894_700,
  };
  const gone = { ...one, protocol: 132, state: "UDP", server: "", client: "2001:db8::1" };
  assert.deepEqual(connectionsView([one, gone]).split("\n"), [
    "IPVS connection entries",
    "pro expire state       source             virtual            destination",
    "TCP 14:54  ESTABLISHED 198.51.100.1:40000 192.0.2.1:80       10.0.0.1:8080",
    "SCTP 14:54  UDP         [2001:db8::1]:40000 192.0.2.1:80       -",
    "",
  ]);
});

test("rates are a line for each service and server", () => {
  const lines = ratesView({ ...status, services }, createStyle(false));
  assert.equal(lines[0], "0 of 4096 connections tracked");
  assert.match(lines[3]!, /^web +TCP 192\.0\.2\.1:80 and 1 more +3 +17 +4 +2\.7 +3\.2 +0 +123 GB/);
  assert.match(lines[4]!, /^ {2}a +10\.0\.0\.1:8080 +3 +17 +4 +0 /);
});

test("sync says who is there, and what came of it", () => {
  const { counts } = syncStatusOf();
  const quiet = syncView(syncStatusOf(), createStyle(false));
  assert.equal(
    quiet,
    `both, sync id 7, by eth1 to 224.0.0.81:8848

nobody has been heard

sent      0 connections, 0 templates, 0 messages
received  0 connections, 0 templates, 0 messages
`,
  );
  const busy = syncStatusOf({
    to: ["fd00::2", "fd00::3"],
    problem: "eth1 is\x1b gone",
    peers: [
      { address: "fd00::2", kind: "weir", role: "backup", isLost: false, silentMs: 420 },
      { address: "fd00::3", kind: "ipvs", role: undefined, isLost: true, silentMs: 61_000 },
    ],
    waiting: 12,
    isTellingAll: true,
    counts: { ...counts, untold: 1, unsent: 2, refused: { ...counts.refused, id: 3, older: 4 } },
  });
  const lines = syncView(busy, createStyle(false)).split("\n");
  assert.equal(lines[0], "both, sync id 7, by eth1 to [fd00::2]:8848, [fd00::3]:8848");
  assert.match(lines[1]!, /^eth1 is[^\x1b]* gone$/);
  assert.match(lines[4]!, /^fd00::2 +weir +backup +0\.4 s ago$/);
  assert.match(lines[5]!, /^fd00::3 +ipvs +- +61\.0 s ago, lost$/);
  assert.deepEqual(lines.slice(7), [
    "sent      0 connections, 0 templates, 0 messages",
    "          12 wait, the whole table is being sent",
    "          1 connections cannot be told",
    "          2 messages were not taken by the kernel",
    "received  0 connections, 0 templates, 0 messages",
    "refused   3 id, 4 older",
    "",
  ]);
});
