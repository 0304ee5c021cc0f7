import assert from "node:assert/strict";
import { test } from "node:test";
import { directorStatusOf } from "#kit/director-status.ts";
import { planFromText } from "#kit/plan.ts";
import { saveRules } from "./save-rules.ts";

const HEAD = "director: { interfaces: eth0, localAddresses: 10.9.9.9 }\n";

const saved = (config: string): string[] =>
  saveRules(directorStatusOf(planFromText(HEAD + config))!)
    .trimEnd()
    .split("\n");

test("services as ipvsadm would save them", () => {
  assert.deepEqual(
    saved(`
services:
  web: { bind: 192.0.2.1:80, method: nat, backend: web, persistence: { timeout: 5m, mask: 24 } }
  dns: { bind: "[2001:db8::1]:53", protocol: udp, method: dr, backend: dns, onePacket: true }
  far: { mark: 7, method: tun, tunnel: { type: gue }, backend: far }
backends:
  web:
    balance: { type: sh, port: true, fallback: true }
    servers:
      a: { address: 10.0.0.1:8080, weight: 3, maxConnections: 100, minConnections: 50 }
      b: { address: 10.0.0.2:0, weight: 0, maxConnections: 100 }
  dns: { balance: rr, servers: { a: "[fd00::1]:53" } }
  far: { balance: mh, servers: { a: 10.0.0.3:80 } }
`),
    [
      "-A -t 192.0.2.1:80 -s sh -p 300 -M 255.255.255.0 -b sh-fallback,sh-port",
      "-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 0 -x 100",
      "-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 3 -x 100 -y 50",
      "-A -u [2001:db8::1]:53 -s rr -o",
      "-a -u [2001:db8::1]:53 -r [fd00::1]:53 -g -w 1",
      "-A -f 7 -s mh",
      "-a -f 7 -r 10.0.0.3:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum",
    ],
  );
});

test("every address has its rules, all ports are port 0, also behind other services", () => {
  const backends = `
  app: { balance: wlc, servers: { a: 10.0.0.1:80 } }
  all: { balance: wlc, servers: { a: 10.0.0.1:0 } }`;
  assert.deepEqual(
    saved(`
services:
  web: { bind: [192.0.2.1:80, 192.0.2.2:80], method: dr, backend: app }
  all: { bind: ["192.0.2.1:1-79", "192.0.2.1:81-65535", "192.0.2.3:*"], method: dr, backend: all, persistence: 1m }
backends: ${backends}
`),
    [
      "-A -t 192.0.2.1:80 -s wlc",
      "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1",
      "-A -t 192.0.2.2:80 -s wlc",
      "-a -t 192.0.2.2:80 -r 10.0.0.1:80 -g -w 1",
      "# all: each of its addresses persists by itself here",
      "-A -t 192.0.2.1:0 -s wlc -p 60",
      "-a -t 192.0.2.1:0 -r 10.0.0.1:0 -g -w 1",
      "-A -t 192.0.2.3:0 -s wlc -p 60",
      "-a -t 192.0.2.3:0 -r 10.0.0.1:0 -g -w 1",
    ],
  );
});

test("what IPVS does not have is said", () => {
  const lines = saved(`
services:
  full: { bind: 192.0.2.1:80, method: fullnat, backend: app }
  ours: { bind: 192.0.2.2:80, method: dr, backend: ours }
  range: { bind: 192.0.2.3:5000-5999, method: dr, backend: app }
  all: { bind: "192.0.2.4:*", method: dr, backend: app }
  more: { bind: 192.0.2.5:80, method: nat, backend: app, onNoServer: drop, maxConnections: 5, synProxy: auto }
backends:
  app: { balance: { type: mh, tableSize: 251 }, servers: { a: 10.0.0.1:80 } }
  ours: { servers: { a: 10.0.0.1:80 } }
`);
  assert.deepEqual(lines, [
    "# full: left out: IPVS has no method fullnat",
    "# ours: left out: IPVS has no scheduler roundrobin",
    "# range: left out: tcp 192.0.2.3 ports 5000 to 5999: IPVS has no ranges, but firewall marks (-f)",
    "# range: the kernel's mh has 4093 slots, not 251",
    "# all: left out: tcp 192.0.2.4 ports 1 to 65535: IPVS takes all ports with persistence only (-p)",
    "# all: the kernel's mh has 4093 slots, not 251",
    "# more: onNoServer drop is not in the rules",
    "# more: maxConnections is not in the rules",
    "# more: synProxy auto is not in the rules",
    "# more: the kernel's mh has 4093 slots, not 251",
    "-A -t 192.0.2.5:80 -s mh",
    "-a -t 192.0.2.5:80 -r 10.0.0.1:80 -m -w 1",
  ]);
});

test("each server by its own method; of those that IPVS has no method for it is said", () => {
  const lines = saved(`
services:
  web: { bind: 192.0.2.1:80, method: dr, tunnel: gre, backend: web }
  none: { bind: 192.0.2.1:81, method: nat, backend: none }
backends:
  web:
    balance: rr
    servers:
      a: 10.0.0.1:8080
      b: { address: 10.0.0.2:8080, method: nat }
      c: { address: "[fd00::3]:8080", method: tun }
      d: { address: 10.0.0.4:80, method: tun, tunnel: { type: gue, port: 6081 } }
      e: { address: 10.0.0.5:80, method: fullnat }
  none:
    balance: rr
    servers: { a: { address: 10.0.0.1:81, method: fullnat }, b: { address: 10.0.0.2:81, method: local } }
`);
  assert.deepEqual(lines, [
    "-A -t 192.0.2.1:80 -s rr",
    "# web: server e is left out: IPVS has no method fullnat",
    "-a -t 192.0.2.1:80 -r 10.0.0.4:80 -i -w 1 --tun-type gue --tun-port 6081 --tun-nocsum",
    "-a -t 192.0.2.1:80 -r [fd00::3]:80 -i -w 1 --tun-type gre --tun-nocsum",
    "-a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -w 1",
    "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1",
    "# none: left out: IPVS has no method fullnat or local",
  ]);
});

test("a mark is one service's in IPVS, whatever the protocol", () => {
  assert.deepEqual(
    saved(`
services:
  left: { mark: 7, protocol: sctp, method: fullnat, backend: app }
  tcp: { mark: 7, protocol: tcp, method: dr, backend: app }
  udp: { mark: 7, protocol: udp, method: dr, backend: app }
  six: { mark: 7, family: ipv6, method: tun, backend: app }
backends: { app: { balance: rr, servers: { a: 10.0.0.1:0 } } }
`),
    [
      "# left: left out: IPVS has no method fullnat",
      "# tcp: IPVS takes more than tcp",
      "-A -f 7 -s rr",
      "-a -f 7 -r 10.0.0.1:0 -g -w 1",
      "# udp: left out: IPVS has one service for a mark, which is tcp",
      "-A -f 7 -6 -s rr",
      "-a -f 7 -6 -r 10.0.0.1:0 -i -w 1",
    ],
  );
});

test("a server without an address is left out", () => {
  const config = `${HEAD}
services: { web: { bind: 192.0.2.1:80, method: dr, backend: app } }
backends: { app: { balance: rr, servers: { a: 10.0.0.1:80 } } }`;
  const status = directorStatusOf(planFromText(config))!;
  const [service] = status.services;
  const servers = service!.servers.map((server) => ({ ...server, host: "" }));
  assert.equal(
    saveRules({ ...status, services: [{ ...service!, servers }] }),
    "-A -t 192.0.2.1:80 -s rr\n# web: server a is left out: it has no address now\n",
  );
});

test("calls of SIP", () => {
  assert.deepEqual(
    saved(`
services:
  all: { bind: ["192.0.2.1:5060", "[2001:db8::1]:5060"], protocol: udp, method: tun, backend: sip, persistence: { by: call-id, timeout: 60s } }
  one: { bind: "192.0.2.2:5060", protocol: udp, method: nat, backend: sip, onePacket: true, persistence: { by: call-id, mask: 32 } }
backends: { sip: { balance: rr, servers: { a: 10.0.0.1:5060 } } }
`).filter((line) => !line.startsWith("-a")),
    [
      "# all: each of its addresses persists by itself here",
      "# all: calls are of half of all addresses of IPv6 (-M 1), not of all",
      "-A -u 192.0.2.1:5060 -s rr -p 60 -M 0.0.0.0 --pe sip",
      "-A -u [2001:db8::1]:5060 -s rr -p 60 -M 1 --pe sip",
      "-A -u 192.0.2.2:5060 -s rr -p 300 --pe sip -o",
    ],
  );
});
