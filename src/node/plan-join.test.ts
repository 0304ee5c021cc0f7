import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseIp } from "#base/ip.ts";
import { type JoinFacts, type JoinRequest, planJoin } from "./plan-join.ts";
import { emptyState } from "./state.ts";

const card = (name: string, index: number, mtu = 1500) => ({
  ...{ name, index, mtu, isUp: true, isEthernet: true, isLoopback: false, hasArp: true },
  ...{ kind: "", mergedBytes: 65_536 },
});
const lo = { ...card("lo", 1), isEthernet: false, isLoopback: true, hasArp: false };

const facts = (sysctls: Readonly<Record<string, number>> = {}): JoinFacts => ({
  interfaces: [lo, card("eth0", 2), card("eth1", 3, 9000)],
  addresses: [
    { address: parseIp("127.0.0.1")!, prefix: 8, interface: 1 },
    { address: parseIp("192.0.2.7")!, prefix: 24, interface: 2 },
    { address: parseIp("fe80::1")!, prefix: 64, interface: 2 },
  ],
  sysctl: (name) => (name.includes("eth9") ? undefined : (sysctls[name] ?? 0)),
  outDevices: ["eth0"],
});

const request: JoinRequest = {
  method: "tun",
  vips: ["10.0.0.1"],
  vipDevice: "lo",
  forms: ["ipip"],
  port: 6080,
  devices: [],
  from: [],
  mss: undefined,
};
const none = emptyState("weir-node");

describe("what joining changes", () => {
  test("by default tunnels come in where the default route leads", () => {
    const { tunnel } = planJoin(none, request, facts());
    assert.deepEqual(tunnel, {
      ...{ forms: ["ipip"], port: 6080, from: [], devices: ["eth0"], outDevices: ["eth0"] },
      ...{ own: ["192.0.2.7"], mss4: 1440, mss6: 1420 },
    });
  });

  test("segments leave room for the largest header that may come", () => {
    const mss = (change: Partial<JoinRequest>, own: string[] = []): number => {
      const more = own.map((text) => ({ address: parseIp(text)!, prefix: 64, interface: 2 }));
      const known = facts();
      const all = { ...known, addresses: [...known.addresses, ...more] };
      return planJoin(none, { ...request, ...change }, all).tunnel!.mss4;
    };
    assert.equal(mss({}), 1440);
    assert.equal(mss({ forms: ["gre"] }), 1432);
    assert.equal(mss({ forms: ["ipip", "gue", "gre"] }), 1428);
    assert.equal(mss({}, ["2001:db8::7"]), 1420);
    assert.equal(mss({ devices: ["eth1"] }), 8940);
    assert.equal(mss({ devices: ["eth1", "eth0"] }), 1440);
    assert.equal(mss({ mss: 1300 }), 1300);
  });

  test("a second time adds, and keeps what was there before the first", () => {
    const first = planJoin(none, request, facts());
    const changed = Object.fromEntries(first.sysctls.map(({ name, now }) => [name, now]));
    const more = { ...request, vips: ["fd00::1"], devices: ["eth1"] };
    const second = planJoin(first, more, facts(changed));
    assert.deepEqual(second.sysctls.slice(0, first.sysctls.length), first.sysctls);
    assert.deepEqual(
      second.vips.map(({ address }) => address),
      ["10.0.0.1", "fd00::1"],
    );
    assert.deepEqual(second.tunnel!.devices, ["eth0", "eth1"]);
    const dr = planJoin(second, { ...request, method: "dr", vips: ["10.0.0.2"] }, facts(changed));
    assert.deepEqual(dr.tunnel, second.tunnel);
    assert.deepEqual(
      dr.vips.map(({ tunnel }) => tunnel),
      [true, true, false],
    );
  });

  test("settings that are right stay as they are; IPv6 needs none", () => {
    const right = {
      "ipv4/conf/all/arp_ignore": 2,
      "ipv4/conf/lo/arp_ignore": 1,
      "ipv4/conf/eth0/arp_ignore": 8,
      "ipv4/conf/all/arp_announce": 2,
    };
    const { sysctls } = planJoin(none, { ...request, method: "dr" }, facts(right));
    assert.deepEqual(
      sysctls.map(({ name }) => name.slice("ipv4/conf/".length)),
      ["lo/arp_announce", "eth0/arp_announce", "eth1/arp_ignore", "eth1/arp_announce"],
    );
    const v6 = planJoin(none, { ...request, method: "dr", vips: ["fd00::1"] }, facts());
    assert.deepEqual(v6.sysctls, []);
  });

  test("a strict filter is loosened where no answer leaves, and only there", () => {
    const loosened = (devices: string[], sysctls: Readonly<Record<string, number>>): string[] =>
      planJoin(none, { ...request, devices }, facts(sysctls))
        .sysctls.filter(({ name }) => name.endsWith("rp_filter"))
        .map(({ name, now }) => `${name}=${now}`);
    const strict = { "ipv4/conf/all/rp_filter": 1 };
    assert.deepEqual(loosened(["eth1"], strict), ["ipv4/conf/eth1/rp_filter=2"]);
    assert.deepEqual(loosened(["eth0"], strict), []);
    assert.deepEqual(loosened(["eth1"], {}), []);
    assert.deepEqual(loosened(["eth1"], { ...strict, "ipv4/conf/eth1/rp_filter": 2 }), []);
  });

  test("without a default route --device has to say", () => {
    const lost = { ...facts(), outDevices: [] };
    assert.throws(() => planJoin(none, request, lost), /--device has to say where tunnels come in/);
    assert.throws(() => planJoin(none, { ...request, devices: ["lo"] }, facts()), /no Ethernet/);
  });
});
