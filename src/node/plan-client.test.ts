import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ClientFacts, type ClientRequest, planClient } from "./plan-client.ts";

const card = (name: string, index: number) => ({
  ...{ name, index, mtu: 1500, isUp: true, isEthernet: name !== "tun0", isLoopback: false },
  ...{ hasArp: true, kind: "", mergedBytes: 65_536 },
});

const facts: ClientFacts = {
  interfaces: [card("eth0", 2), card("eth1", 3), card("tun0", 4)],
  addresses: [],
  devicesTo: (networks) => (networks.includes("10.2.0.1") ? ["eth1"] : []),
  cgroups: "/sys/fs/cgroup",
  isCgroup: (path) => path.startsWith("/sys/fs/cgroup"),
};
const request: ClientRequest = {
  method: "fullnat",
  from: ["10.2.0.1"],
  ports: [8000],
  devices: [],
  cgroup: undefined,
};

describe("joining fullnat", () => {
  test("by default at the way to the directors, for all processes", () => {
    assert.deepEqual(planClient(undefined, request, facts), {
      ...{ from: ["10.2.0.1"], ports: [8000], devices: ["eth1"], cgroup: "/sys/fs/cgroup" },
    });
  });

  test("a second time adds interfaces, and replaces the rest", () => {
    const given = { ...request, cgroup: "/sys/fs/cgroup/web" };
    const before = planClient(undefined, given, facts);
    const more = { ...request, from: ["10.3.0.0/24"], ports: [], devices: ["eth0"] };
    assert.deepEqual(planClient(before, more, facts), {
      ...{ from: ["10.3.0.0/24"], ports: [], devices: ["eth1", "eth0"] },
      cgroup: "/sys/fs/cgroup/web",
    });
  });

  test("what cannot be is said", () => {
    const fails = (change: Partial<ClientRequest>, known: Partial<ClientFacts>, why: RegExp) =>
      assert.throws(
        () => planClient(undefined, { ...request, ...change }, { ...facts, ...known }),
        why,
      );
    fails({ from: ["10.9.0.1"] }, {}, /no interface leads to 10\.9\.0\.1: --device has to say/);
    fails({ devices: ["eth9"] }, {}, /there is no interface eth9/);
    fails({ devices: ["tun0"] }, {}, /tun0 has no Ethernet frames: packets are not looked at/);
    fails({}, { cgroups: undefined }, /no cgroups of version 2 are mounted.*mount -t cgroup2/);
    fails({ cgroup: "/tmp" }, {}, /\/tmp is no cgroup of version 2/);
  });
});
