import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseIp } from "#base/ip.ts";
import type { Finding } from "./check.ts";
import { checks } from "./checks/index.ts";
import { examine } from "./examine.ts";
import type { Facts, NodeFacts } from "./facts.ts";
import type { TunnelState } from "./state.ts";

/*
 * Checks over facts that are made up: kernels and cards that are not at hand.
 */

const card = {
  name: "eth0",
  index: 2,
  mtu: 1500,
  isUp: true,
  isEthernet: true,
  isLoopback: false,
  hasArp: true,
  kind: "",
  mergedBytes: 65_536,
};
const loopback = {
  ...card,
  name: "lo",
  index: 1,
  isEthernet: false,
  isLoopback: true,
  hasArp: false,
};

const tunnel: TunnelState = {
  forms: ["ipip"],
  port: 6080,
  from: [],
  devices: ["eth0"],
  outDevices: ["eth0"],
  own: ["192.0.2.7"],
  mss4: 1440,
  mss6: 1420,
};
const node: NodeFacts = {
  vips: [{ address: "10.0.0.1", tunnel: true }],
  tunnel,
  programs: [{ folder: "/", device: "eth0", direction: "ingress", hook: "tcx" }],
  told: undefined,
  clients: [],
  ports: [],
  listens: () => true,
};

const SYSCTLS: Readonly<Record<string, number>> = {
  "ipv4/conf/all/arp_ignore": 1,
  "ipv4/conf/all/arp_announce": 2,
  "ipv4/ip_forward": 0,
  "ipv6/conf/all/forwarding": 0,
};

const good: Facts = {
  interfaces: [loopback, card],
  addresses: [
    { address: parseIp("10.0.0.1")!, prefix: 32, interface: 1 },
    { address: parseIp("192.0.2.7")!, prefix: 24, interface: 2 },
  ],
  kernel: [6, 18],
  bpfRefusal: undefined,
  hasTcx: true,
  sysctl: (name) => SYSCTLS[name],
  way: () => ({ device: "eth0", local: false }),
  merging: () => ({ lro: false, gro: true }),
  xdp: () => ({ runs: true, redirects: true, sends: true }),
  node,
  director: undefined,
};
const director = {
  interfaces: [{ device: "eth0", attached: 2 }],
  services: [{ address: "10.0.0.1", methods: ["tun"], bypasses: false }],
  translated: [],
  wantsXdp: false,
  connections: { count: 10, size: 1000, wanted: 1000 },
} as const;

const found = (facts: Facts): (Finding & { check: string })[] =>
  examine(facts).flatMap(({ check, findings }) => findings.map((one) => ({ ...one, check })));
const names = (facts: Facts): string[] => found(facts).map(({ check }) => check);

describe("every check", () => {
  for (const { name, summary } of checks) {
    test(name, () => {
      assert.match(name, /^[a-z]+(-[a-z]+)*$/);
      assert.match(summary, /^[^\n]{10,100}$/);
      assert.equal(checks.filter((one) => one.name === name).length, 1);
    });
  }

  test("finds nothing on machines that are right", () => {
    assert.deepEqual(found(good), []);
    assert.deepEqual(found({ ...good, node: undefined, director }), []);
    assert.deepEqual(examine({ ...good, node: undefined }), []);
  });

  test("says each thing in one line, with a remedy", () => {
    const facts: Facts = {
      ...good,
      addresses: [],
      kernel: [5, 4],
      hasTcx: false,
      interfaces: [loopback, { ...card, mtu: 576 }],
      way: () => undefined,
      sysctl: () => 0,
      merging: () => ({ lro: true, gro: false }),
      node: {
        ...node,
        ports: [80],
        listens: () => false,
        programs: [{ ...node.programs[0]!, hook: undefined }],
      },
      director: { ...director, interfaces: [{ device: "eth0", attached: 0 }] },
    };
    const all = found(facts);
    assert.ok(all.length > 10);
    for (const { text, remedy } of all) {
      assert.match(text, /^[^\n]+[^\n.]$/);
      assert.match(remedy, /^[^\n]+$/);
    }
  });
});

describe("programs", () => {
  test("an old kernel, one without tcx, one that forbids", () => {
    const [old] = found({ ...good, kernel: [5, 7] });
    assert.match(old!.text, /^Linux 5\.7 is too old/);
    const onDirector = { ...good, node: undefined, director };
    assert.match(found({ ...onDirector, kernel: [5, 10] })[0]!.remedy, /^a kernel from 5\.15 on/);
    assert.deepEqual(found({ ...onDirector, kernel: [5, 15] }), []);
    const [clsact] = found({ ...good, kernel: [6, 1], hasTcx: false });
    assert.deepEqual([clsact!.check, clsact!.severity], ["bpf", "warning"]);
    assert.deepEqual(found({ ...good, bpfRefusal: "no CAP_BPF" })[0]!.text, "no CAP_BPF");
  });

  test("are no matter for a server without tunnels", () => {
    const plain = { ...node, tunnel: undefined, programs: [] };
    assert.deepEqual(found({ ...good, bpfRefusal: "no", kernel: [4, 19], node: plain }), []);
  });
});

describe("merging", () => {
  test("LRO, no GRO, and more than a tunnel can tell", () => {
    const texts = (facts: Facts): string =>
      found(facts)
        .map(({ text }) => text)
        .join("; ");
    assert.match(texts({ ...good, merging: () => ({ lro: true, gro: true }) }), /LRO/);
    const off = { ...good, merging: () => ({ lro: false, gro: false }) };
    assert.match(texts(off), /GRO is off/);
    assert.equal(texts({ ...off, interfaces: [loopback, { ...card, kind: "veth" }] }), "");
    const big = { ...good, interfaces: [loopback, { ...card, mergedBytes: 190_000 }] };
    assert.equal(texts(big), "");
    assert.match(texts({ ...big, node: undefined, director }), /up to 190000 bytes/);
    assert.equal(texts({ ...good, merging: () => undefined }), "");
  });
});

describe("the reverse path filter", () => {
  const other = { ...card, name: "eth1", index: 3 };
  const strict = (of: Partial<Facts>, ...devices: string[]): Facts => ({
    ...good,
    interfaces: [loopback, card, other],
    addresses: [...good.addresses, { address: parseIp("192.0.3.7")!, prefix: 24, interface: 3 }],
    sysctl: (name) => {
      const device = /^ipv4\/conf\/(\w+)\/rp_filter$/.exec(name)?.[1];
      return device === undefined ? SYSCTLS[name] : Number(devices.includes(device));
    },
    ...of,
  });
  const dr = { ...node, vips: [{ address: "10.0.0.1", tunnel: false }], tunnel: undefined };
  const direct = { node: { ...dr, programs: [] } };
  const said = (facts: Facts) =>
    found(facts)
      .filter(({ check }) => check === "rp-filter")
      .map(({ severity, text, remedy }) => [severity, text.split(" ")[0], remedy]);

  test("strict where tunnels come in, and answers leave elsewhere", () => {
    const away = { way: () => ({ device: "eth1", local: false }) };
    const remedy = "sysctl net.ipv4.conf.eth0.rp_filter=2";
    assert.deepEqual(said(strict(away, "eth0", "eth1")), [["problem", "eth0", remedy]]);
    assert.deepEqual(said(strict(away, "all")), [["problem", "eth0", remedy]]);
    assert.deepEqual(said(strict(away, "eth1")), []);
    assert.deepEqual(said(strict({}, "all")), []);
  });

  test("strict where the director may be, with dr, and answers leave elsewhere", () => {
    const remedy = "sysctl net.ipv4.conf.eth1.rp_filter=2";
    assert.deepEqual(said(strict(direct, "all")), [["warning", "eth1", remedy]]);
    assert.deepEqual(said(strict(direct, "eth0")), []);
    assert.deepEqual(said(strict({ ...direct, interfaces: [loopback, card] }, "all")), []);
    const down = [loopback, card, { ...other, isUp: false }];
    assert.deepEqual(said(strict({ ...direct, interfaces: down }, "all")), []);
  });
});

describe("clients' addresses", () => {
  const told = {
    ...{ from: ["10.2.0.1"], ports: [], devices: ["eth0"], cgroup: "/sys/fs/cgroup" },
    programs: [{ device: "eth0", hook: "tcx" as const }],
    tells: true,
    counts: { begun: 50, told: 50, said: 60, unfit: 0 },
  };
  const facts = (change: Partial<typeof told> | object): Facts => ({
    ...good,
    node: { ...node, vips: [], tunnel: undefined, programs: [], told: { ...told, ...change } },
  });
  const texts = (change: object): string[] => found(facts(change)).map(({ text }) => text);

  test("are told as they should be", () => {
    assert.deepEqual(found(facts({})), []);
    assert.deepEqual(texts({ counts: undefined }), []);
    assert.deepEqual(names({ ...facts({}), bpfRefusal: "no CAP_BPF" }), ["bpf"]);
  });

  test("are not: a program is gone, its interface, the cgroup", () => {
    assert.match(
      texts({ programs: [{ device: "eth0", hook: undefined }] })[0]!,
      /not at eth0 any more/,
    );
    assert.match(
      texts({ programs: [{ device: "eth7", hook: "tcx" }] })[0]!,
      /interface eth7 is gone/,
    );
    assert.match(texts({ tells: false })[0]!, /nothing of ours is at the cgroup/);
  });

  test("are not said by the director", () => {
    const counts = (begun: number) => ({ counts: { begun, told: 0, said: 0, unfit: 0 } });
    assert.deepEqual(texts(counts(9)), []);
    const [silent] = found(facts(counts(10)));
    assert.deepEqual([silent!.check, silent!.severity], ["client-address", "warning"]);
    assert.match(silent!.remedy, /passClient: true/);
  });
});

describe("a director", () => {
  const as = (services: object[], sysctl = good.sysctl): Facts => ({
    ...good,
    sysctl,
    node: undefined,
    director: { ...director, services: services as never },
  });

  test("needs no forwarding for what its program sends on", () => {
    for (const method of ["dr", "tun", "fullnat"]) {
      assert.deepEqual(
        names(as([{ address: "10.0.0.1", methods: [method], bypasses: false }])),
        [],
      );
    }
  });

  test("needs it for packets that bypass, and as the router of servers", () => {
    const [bypass] = found(as([{ address: "10.0.0.1", methods: ["bypass"], bypasses: true }]));
    assert.deepEqual([bypass!.check, bypass!.severity], ["forwarding", "problem"]);
    const nat = as([{ address: "10.0.0.1", methods: ["nat"], bypasses: false }]);
    assert.deepEqual(
      found(nat).map(({ severity }) => severity),
      ["warning"],
    );
    assert.deepEqual(names({ ...nat, sysctl: () => 1 }), []);
    // By mark, of either family.
    assert.equal(found(as([{ address: undefined, methods: ["nat"], bypasses: false }])).length, 2);
  });

  test("a server on this machine, where nothing comes from a network", () => {
    const facts: Facts = {
      ...good,
      node: undefined,
      director: { ...director, translated: ["10.2.0.1", "127.0.0.1", "::1", "fd00::1"] },
      way: () => ({ device: "lo", local: true }),
    };
    const said = found(facts);
    assert.deepEqual(
      said.map(({ check, severity }) => [check, severity]),
      [
        ["local-server", "problem"],
        ["local-server", "problem"],
      ],
    );
    assert.match(said[0]!.text, /^the server 127\.0\.0\.1 is at a loopback address/);
    assert.match(said[1]!.text, /^the server ::1 is/);
  });

  test("an address on an interface it does not look at", () => {
    const other = { ...card, name: "eth1", index: 3 };
    const facts = {
      ...as([{ address: "10.0.0.1", methods: ["dr"], bypasses: false }]),
      interfaces: [loopback, card, other],
      addresses: [{ address: parseIp("10.0.0.1")!, prefix: 24, interface: 3 }],
    };
    assert.match(found(facts)[0]!.text, /^10\.0\.0\.1 is an address of eth1, where the director/);
    const nowhere = found({ ...facts, addresses: [] });
    assert.deepEqual(
      nowhere.map(({ severity }) => severity),
      ["warning"],
    );
  });

  test("a connection table that is nearly full, or of another size than wanted", () => {
    const of = (count: number, wanted: number | undefined) => {
      const connections = { count, size: 1000, wanted };
      return found({ ...good, node: undefined, director: { ...director, connections } });
    };
    assert.deepEqual(of(900, undefined), []);
    const [full, ...none] = of(901, undefined);
    assert.deepEqual([full!.check, full!.severity, none], ["connection-table", "warning", []]);
    assert.match(full!.text, /901 of 1000 entries/);
    assert.match(of(0, 4000)[0]!.text, /keeps the 1000 entries it was made with, not 4000/);
  });

  test("an interface that is down", () => {
    const facts = {
      ...good,
      node: undefined,
      director,
      interfaces: [loopback, { ...card, isUp: false }],
    };
    assert.equal(found(facts)[0]!.text, "eth0 is down");
  });
});

describe("xdp", () => {
  const at = (xdpAt: number | undefined, features: Partial<ReturnType<Facts["xdp"]>> | undefined) =>
    found({
      ...good,
      node: undefined,
      director: { ...director, wantsXdp: true, interfaces: [{ ...director.interfaces[0], xdpAt }] },
      xdp: () => features && { runs: true, redirects: true, sends: true, ...features },
    }).map(({ check, severity, text }) => `${check} ${severity} ${text}`);

  test("is well where the program is and the driver can", () => {
    assert.deepEqual(at(2, {}), []);
  });

  test("a kernel or driver that does not, a program that is not there, no way out", () => {
    assert.match(at(2, undefined).join(), /^xdp warning this kernel does not say/);
    assert.match(at(undefined, { runs: false }).join(), /^xdp warning the driver of eth0/);
    assert.match(at(undefined, {}).join(), /^xdp warning .* is not at eth0/);
    assert.match(at(7, {}).join(), /^xdp warning .* is not at eth0/);
    assert.match(at(2, { sends: false }).join(), /^xdp warning eth0 takes no frames/);
  });
});
