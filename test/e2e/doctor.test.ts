import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { noNetns, runInNetns, runProgram } from "#kit/netns.ts";
import { createLan, type Lan, NODE, nodePlace, startServer, VIP, weirIn } from "#kit/tunnel-lan.ts";

/*
 * weir doctor finds what is planted, names how to mend it, and finds nothing when it was mended.
 */

const DOCTOR = ["doctor", "--client", "198.51.100.9", "--port", "80"];

interface Fault {
  readonly name: string;
  /** The check that finds it, and what its line says. */
  readonly check: string;
  readonly text: RegExp;
  readonly remedy: RegExp;
  readonly severity?: "warning";
  readonly plant: readonly string[];
  readonly mend: readonly string[];
}

const ip = (...words: readonly string[]): string => `ip ${words.join(" ")}`;
const conf = (name: string, value: number): string =>
  `echo ${value} > /proc/sys/net/ipv4/conf/${name}`;

const FAULTS: readonly Fault[] = [
  {
    name: "an address that is gone",
    check: "vip-present",
    text: /^10\.99\.0\.1 is no address of this machine/,
    remedy: /^weir node join tun --vip 10\.99\.0\.1$/,
    plant: [ip("addr del", `${VIP[4]}/32`, "dev lo")],
    mend: [ip("addr add", `${VIP[4]}/32`, "dev lo")],
  },
  {
    name: "an address on the card, too",
    check: "vip-quiet",
    text: /^10\.99\.0\.1 is an address of eth0, which answers for it/,
    remedy: /^ip addr del 10\.99\.0\.1 dev eth0/,
    plant: [ip("addr add", `${VIP[4]}/32`, "dev eth0")],
    mend: [ip("addr del", `${VIP[4]}/32`, "dev eth0")],
  },
  {
    name: "ARP that answers",
    check: "arp-ignore",
    text: /^eth0 answers ARP for addresses on lo \(arp_ignore is 0,/,
    remedy: /^sysctl net\.ipv4\.conf\.all\.arp_ignore=1$/,
    plant: [conf("all/arp_ignore", 0), conf("eth0/arp_ignore", 0)],
    mend: [conf("all/arp_ignore", 1), conf("eth0/arp_ignore", 1)],
  },
  {
    name: "a larger value that ignores less: the larger counts",
    check: "arp-ignore",
    text: /^eth0 answers ARP for addresses on lo \(arp_ignore is 3,/,
    remedy: /no more than 2 for eth0$/,
    plant: [conf("eth0/arp_ignore", 3)],
    mend: [conf("eth0/arp_ignore", 1)],
  },
  {
    name: "ARP that asks in the service's name",
    check: "arp-announce",
    text: /^eth0 asks in the name of a service's address .* \(arp_announce is 1,/,
    remedy: /^sysctl net\.ipv4\.conf\.all\.arp_announce=2$/,
    plant: [conf("all/arp_announce", 0), conf("eth0/arp_announce", 1)],
    mend: [conf("all/arp_announce", 2), conf("eth0/arp_announce", 2)],
  },
  {
    name: "an interface too small for tunnels",
    check: "tunnel-mtu",
    text: /^eth0 has an MTU of 1400: in a tunnel \(52 bytes\) TCP segments of 1308 fit, and .* 1408/,
    remedy: /^ip link set eth0 mtu 1500/,
    plant: [ip("link set eth0 mtu 1400")],
    mend: [ip("link set eth0 mtu 1500")],
  },
  {
    name: "a strict filter where answers leave by another interface",
    check: "rp-filter",
    text: /^eth0 drops clients' packets out of tunnels: answers leave by out0/,
    remedy: /^sysctl net\.ipv4\.conf\.eth0\.rp_filter=2$/,
    plant: [
      conf("all/rp_filter", 1),
      ip("link add out0 type veth peer name out1"),
      ip("link set out0 up"),
      ip("route add 198.51.100.0/24 dev out0"),
    ],
    mend: [conf("all/rp_filter", 0), ip("link del out0")],
  },
  {
    name: "no way back",
    check: "return-route",
    text: /^there is no route to the client 198\.51\.100\.9/,
    remedy: /^ip route add 198\.51\.100\.9 via ROUTER/,
    plant: [ip("route del default")],
    mend: [ip("route add default via 10.9.0.1")],
  },
  {
    name: "a way that forbids",
    check: "return-route",
    text: /^there is no route to the client/,
    remedy: /route add/,
    plant: [ip("route add blackhole 198.51.100.9/32")],
    mend: [ip("route del blackhole 198.51.100.9/32")],
  },
  {
    name: "an address that came later",
    check: "tunnel-ends",
    severity: "warning",
    text: /^10\.9\.0\.33 came to this machine after it joined/,
    remedy: /^weir node join tun/,
    plant: [ip("addr add 10.9.0.33/24 dev eth0")],
    mend: [ip("addr del 10.9.0.33/24 dev eth0")],
  },
];

interface Shown {
  readonly check: string;
  readonly findings: readonly { severity: string; text: string; remedy: string }[];
}

describe("weir doctor on a real server", { skip: noNetns() || noBpf() }, () => {
  let lan: Lan;
  let place: readonly string[];
  const ends: (() => unknown)[] = [];
  const owner = { after: (end: () => unknown): void => void ends.unshift(end) };

  before(async () => {
    lan = createLan(owner);
    place = nodePlace(owner, "doctor");
    await startServer(owner, lan.node);
    const vips = ["--vip", VIP[4], "--vip", VIP[6]];
    const { code, err } = weirIn(lan.node, "node", "join", "tun", ...vips, ...place);
    assert.equal(code, 0, err);
  });
  test.after(async () => {
    for (const end of ends) await end();
  });

  const look = (...words: readonly string[]): { code: number; found: Shown[] } => {
    const { code, out, err } = weirIn(lan.node, ...DOCTOR, "--json", ...place, ...words);
    assert.equal(err, "");
    const shown = JSON.parse(out) as Shown[];
    assert.ok(shown.length >= 10);
    return { code, found: shown.filter(({ findings }) => findings.length > 0) };
  };
  const shell = (line: string): string => runInNetns(lan.node, "sh", "-c", line);

  test("a machine that is right", () => {
    assert.deepEqual(look("--strict"), { code: 0, found: [] });
    const { out } = weirIn(lan.node, ...DOCTOR, ...place);
    assert.match(out, /^ok +decapsulation: /m);
    assert.doesNotMatch(out, /problem|warning/);
  });

  for (const fault of FAULTS) {
    test(`finds ${fault.name}`, () => {
      for (const line of fault.plant) shell(line);
      try {
        const { code, found } = look("--strict");
        assert.equal(code, fault.severity === "warning" ? 4 : 1);
        const [finding] = found.find(({ check }) => check === fault.check)?.findings ?? [];
        assert.ok(finding, JSON.stringify(found));
        assert.equal(finding.severity, fault.severity ?? "problem");
        assert.match(finding.text, fault.text);
        assert.match(finding.remedy, fault.remedy);
        assert.equal(found.length, 1, JSON.stringify(found));
        const { out } = weirIn(lan.node, ...DOCTOR, ...place);
        assert.match(out, new RegExp(`^(problem|warning) +${fault.check}: .*; `, "m"));
      } finally {
        for (const line of fault.mend) shell(line);
      }
      assert.deepEqual(look("--strict"), { code: 0, found: [] });
    });
  }

  test("finds a port where nothing listens", () => {
    const { code, found } = look("--port", "81");
    assert.equal(code, 1);
    assert.deepEqual(
      found.map(({ findings }) => findings.map(({ text }) => text)),
      [
        [
          "nothing listens at 10.99.0.1:81: clients are refused",
          "nothing listens at [fd99::1]:81: clients are refused",
        ],
      ],
    );
  });

  test("finds programs that are gone with their interface, also when another has its name", () => {
    runProgram("ip", "-n", lan.node, "link", "del", "eth0");
    const { found: missing } = look();
    const gone = missing.find(({ check }) => check === "decapsulation");
    assert.match(gone!.findings[0]!.text, /^the interface eth0 is gone/);
    const add = ["link", "add", "eth0", "type", "veth", "peer", "name", "far"] as const;
    runProgram("ip", "-n", lan.node, ...add);
    runProgram("ip", "-n", lan.node, "link", "set", "eth0", "up");
    runProgram("ip", "-n", lan.node, "addr", "add", `${NODE[4]}/24`, "dev", "eth0");
    const { found: other } = look();
    const findings = other.find(({ check }) => check === "decapsulation")!.findings;
    assert.deepEqual(
      findings.map(({ text }) => text),
      [
        "our program is not at eth0 any more: packets stay in their tunnels",
        "our program is not at eth0 any more: MSS is not lowered",
      ],
    );
    const vips = ["--vip", VIP[4], "--device", "eth0"];
    assert.equal(weirIn(lan.node, "node", "join", "tun", ...vips, ...place).code, 0);
    assert.deepEqual(
      look().found.filter(({ check }) => check === "decapsulation"),
      [],
    );
  });
});

describe("weir doctor elsewhere", { skip: noNetns() }, () => {
  const bare = (t: { after(end: () => unknown): void }) => {
    const lan = createLan(t);
    const place = nodePlace(t, "bare");
    return { lan, run: (...words: readonly string[]) => weirIn(lan.node, ...words, ...place) };
  };

  test("a machine that is nothing", (t) => {
    const { code, out } = bare(t).run("doctor", "--director-pins", "weir-test-none");
    assert.equal(code, 0);
    assert.match(out, /^nothing to look at/);
  });

  test("a real server prepared by hand, badly", (t) => {
    const { run } = bare(t);
    const { code, out } = run("doctor", "--vip", VIP[4], "--director-pins", "weir-test-none");
    assert.equal(code, 1);
    for (const check of ["vip-present", "arp-ignore", "arp-announce"]) {
      assert.match(out, new RegExp(`^problem +${check}: `, "m"));
    }
  });

  test("a director that does not run, by its configuration", (t) => {
    const { lan, run } = bare(t);
    const folder = mkdtempSync(join(tmpdir(), "weir-doctor-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "weir.yaml");
    writeFileSync(
      file,
      [
        "director: { interfaces: [eth0, eth7, lo], pins: weir-test-none }",
        "services:",
        "  web: { bind: 10.99.0.1:80, method: nat, backend: pool }",
        "  dns: { bind: 10.99.0.2:53, protocol: udp, method: dr, backend: pool, onNoServer: bypass }",
        "backends:",
        "  pool: { servers: { a: 10.9.0.3:80 } }",
        "",
      ].join("\n"),
    );
    runProgram("ip", "-n", lan.node, "addr", "add", "10.99.0.1/32", "dev", "eth0");
    const { code, out, err } = run("doctor", "-f", file);
    assert.equal(err, "");
    assert.equal(code, 1);
    assert.match(out, /^problem .*the director's program is not at eth0: /m);
    assert.match(out, /^problem .*there is no interface eth7: /m);
    assert.match(out, /^problem .*lo has no Ethernet frames/m);
    assert.match(out, /^warning +vip-owner: 10\.99\.0\.2 is no address of this machine/m);
    assert.doesNotMatch(out, /vip-owner: 10\.99\.0\.1/);
    assert.match(
      out,
      /^problem +forwarding: this machine forwards no IPv4: .* net\.ipv4\.ip_forward=1$/m,
    );
    runInNetns(lan.node, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    assert.match(run("doctor", "-f", file).out, /^ok +forwarding: /m);
  });
});
