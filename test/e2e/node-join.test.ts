import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { noNetns, noProgram, runInNetns, runProgram } from "#kit/netns.ts";
import {
  createLan,
  type Lan,
  NODE,
  nodePlace,
  startServer,
  sysctlIn,
  upload,
  VIP,
  weirIn,
} from "#kit/tunnel-lan.ts";

/*
 * weir node join and leave: who hears of an address, and what is left behind.
 */

const skip = noNetns() || noProgram("ping", "ip");
const VIPS = ["--vip", VIP[4], "--vip", VIP[6]];

/** Whether somebody on the client's wire says that he has the address. */
function isClaimed({ client }: Lan, vip: string, patience = "0.3"): boolean {
  const family = vip.includes(":") ? "-6" : "-4";
  runProgram("ip", "-n", client, "neigh", "flush", "dev", "eth0");
  runProgram("ip", "-n", client, family, "route", "replace", vip, "dev", "eth0");
  try {
    runInNetns(client, "ping", "-n", "-q", "-c", "1", "-W", patience, vip);
  } catch {
    // Nobody answered, or nobody was found.
  }
  return /lladdr/.test(runProgram("ip", "-n", client, family, "neigh", "show", vip));
}

/** Everything that join may touch. */
const snapshot = (netns: string): string =>
  [
    runInNetns(netns, "ip", "addr"),
    ...["all", "default", "lo", "eth0"].flatMap((device) =>
      ["arp_ignore", "arp_announce", "rp_filter"].map(
        (name) => `${device} ${name} ${sysctlIn(netns, `ipv4/conf/${device}/${name}`)}`,
      ),
    ),
  ].join("\n");

test("dr: the address is kept quiet, served, and gone again", { skip }, async (t) => {
  const lan = createLan(t);
  const place = nodePlace(t, "dr");
  await startServer(t, lan.node);
  const before = snapshot(lan.node);

  // By hand, as one might: everybody on the wire hears of it.
  runProgram("ip", "-n", lan.node, "addr", "add", `${VIP[4]}/32`, "dev", "lo");
  assert.equal(isClaimed(lan, VIP[4], "20"), true);
  runProgram("ip", "-n", lan.node, "addr", "del", `${VIP[4]}/32`, "dev", "lo");

  const { code, out, err } = weirIn(lan.node, "node", "join", "dr", ...VIPS, ...place);
  assert.equal(code, 0, err);
  assert.match(out, /^net\.ipv4\.conf\.all\.arp_ignore = 1$/m);
  assert.match(out, /^10\.99\.0\.1 is an address of lo$/m);
  assert.equal(isClaimed(lan, VIP[4]), false);
  assert.equal(isClaimed(lan, VIP[6]), false);

  // What the director does with dr: the frame goes to the server's card.
  const link = JSON.parse(runInNetns(lan.node, "ip", "-j", "link", "show", "eth0"));
  for (const vip of Object.values(VIP)) {
    runProgram(
      ...(["ip", "-n", lan.client, "neigh", "replace", vip, "lladdr", link[0].address] as const),
      ...["dev", "eth0", "nud", "permanent"],
    );
    const { error, bytes, hash, sent } = upload(lan.client, vip, 1 << 20);
    assert.deepEqual([error, bytes, hash], [undefined, 1 << 20, sent]);
  }
  // Own connections do not come from the service's address.
  const way = runInNetns(lan.node, "ip", "-6", "route", "get", "fd09::1");
  assert.match(way, new RegExp(`src ${NODE[6]}`));

  const again = weirIn(lan.node, "node", "join", "dr", ...VIPS, ...place);
  assert.equal(again.out, "everything was so already\n");
  const status = JSON.parse(weirIn(lan.node, "node", "status", "--json", ...place).out);
  assert.deepEqual(status, {
    joined: true,
    vips: Object.values(VIP).map((address) => ({ address, method: "dr", on: ["lo"] })),
    tunnel: null,
    client: null,
  });

  assert.equal(weirIn(lan.node, "node", "leave", ...place).code, 0);
  assert.equal(snapshot(lan.node), before);
  const nothing = weirIn(lan.node, "node", "leave", ...place);
  assert.deepEqual([nothing.code, nothing.out], [0, "nothing was joined: nothing to undo\n"]);
});

test("what was there before stays, and what others changed since", { skip }, (t) => {
  const lan = createLan(t);
  const place = nodePlace(t, "before");
  const set = (name: string, value: number): string =>
    runInNetns(lan.node, "sh", "-c", `echo ${value} > /proc/sys/net/ipv4/conf/${name}`);
  runProgram("ip", "-n", lan.node, "addr", "add", `${VIP[4]}/32`, "dev", "lo");
  set("all/arp_ignore", 2);
  set("eth0/arp_announce", 1);
  assert.equal(weirIn(lan.node, "node", "join", "dr", ...VIPS, ...place).code, 0);
  assert.equal(sysctlIn(lan.node, "ipv4/conf/all/arp_ignore"), 2);
  assert.equal(sysctlIn(lan.node, "ipv4/conf/eth0/arp_announce"), 2);
  set("all/arp_announce", 1);
  const { out } = weirIn(lan.node, "node", "leave", ...place);
  assert.match(out, /^10\.99\.0\.1 was on lo before, and stays$/m);
  assert.match(out, /^net\.ipv4\.conf\.all\.arp_announce = 1: somebody has changed it since$/m);
  assert.equal(sysctlIn(lan.node, "ipv4/conf/eth0/arp_announce"), 1);
  assert.match(runInNetns(lan.node, "ip", "addr", "show", "lo"), /10\.99\.0\.1/);
});

test("tun: one program an interface, and none afterwards", { skip: skip || noBpf() }, (t) => {
  const lan = createLan(t);
  const place = nodePlace(t, "tun");
  const before = snapshot(lan.node);
  const join = [
    "node",
    "join",
    "tun",
    ...VIPS,
    "--type",
    "gue",
    "--port",
    "7000",
    "--from",
    "10.9.0.0/24",
  ];
  for (let i = 0; i < 2; i++) assert.equal(weirIn(lan.node, ...join, ...place).code, 0);
  const { tunnel } = JSON.parse(weirIn(lan.node, "node", "status", "--json", ...place).out);
  assert.deepEqual([tunnel.forms, tunnel.port], [["gue"], 7000]);
  assert.deepEqual(tunnel.from, ["10.9.0.0/24"]);
  assert.deepEqual(tunnel.own.toSorted(), Object.values(NODE).toSorted());
  assert.deepEqual(tunnel.programs, [
    { device: "eth0", direction: "ingress", hook: "tcx" },
    { device: "eth0", direction: "egress", hook: "tcx" },
  ]);
  const text = weirIn(lan.node, "node", "status", ...place).out;
  assert.match(text, /eth0, in +takes packets out of tunnels +tcx/);
  assert.match(text, /tunnels: gue, UDP port 7000; from 10\.9\.0\.0\/24; TCP/);
  const pins = `/sys/fs/bpf/${place.at(-1)}`;
  assert.ok(existsSync(pins));
  assert.equal(weirIn(lan.node, "node", "leave", ...place).code, 0);
  assert.ok(!existsSync(pins));
  assert.equal(snapshot(lan.node), before);
});

test("tun on an interface with a dot in its name", { skip: skip || noBpf() }, (t) => {
  const lan = createLan(t);
  const place = nodePlace(t, "vlan");
  const add = ["link", "add", "eth0.7", "type", "veth", "peer", "name", "far"] as const;
  runProgram("ip", "-n", lan.node, ...add);
  const { code, err } = weirIn(
    lan.node,
    ...["node", "join", "tun", ...VIPS, "--device", "eth0.7", ...place],
  );
  assert.equal(code, 0, err);
  const { tunnel } = JSON.parse(weirIn(lan.node, "node", "status", "--json", ...place).out);
  assert.equal(tunnel.programs[0].device, "eth0.7");
  assert.equal(tunnel.programs[0].hook, "tcx");
  assert.match(weirIn(lan.node, "node", "leave", ...place).out, /ingress of eth0\.7$/m);
});

test("what failed half-way is undone", { skip }, (t) => {
  const lan = createLan(t);
  const place = nodePlace(t, "half");
  const before = snapshot(lan.node);
  // The settings are made, IPv4's address is there, and IPv6's is refused.
  runInNetns(lan.node, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/lo/disable_ipv6");
  const { code, err } = weirIn(lan.node, "node", "join", "dr", ...VIPS, ...place);
  assert.match(err, /add fd99::1.*weir node leave undoes/);
  assert.ok(code === 5 || code === 1);
  assert.equal(sysctlIn(lan.node, "ipv4/conf/all/arp_ignore"), 1);
  assert.equal(weirIn(lan.node, "node", "leave", ...place).code, 0);
  runInNetns(lan.node, "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/lo/disable_ipv6");
  assert.equal(snapshot(lan.node), before);
});

test("what cannot be is refused, and nothing is changed", { skip }, (t) => {
  const lan = createLan(t);
  const place = nodePlace(t, "refused");
  const before = snapshot(lan.node);
  const cases = [
    [2, /--vip is missing/, "dr"],
    [2, /METHOD is dr, tun or fullnat, not "nat"/, "nat", ...VIPS],
    [2, /"10.0.0.300" is no address/, "dr", "--vip", "10.0.0.300"],
    [
      2,
      /"10.9.0.1\/24" is not a network whose host bits are zero/,
      "tun",
      ...VIPS,
      "--from",
      "10.9.0.1/24",
    ],
    [2, /there is no interface eth9; there are lo, eth0/, "dr", ...VIPS, "--device", "eth9"],
    [2, /lo has no Ethernet frames|eth9/, "tun", ...VIPS, "--device", "eth9"],
    [7, /10\.9\.0\.3 is an address of eth0, which tells everybody/, "dr", "--vip", NODE[4]],
  ] as const;
  for (const [expected, text, ...words] of cases) {
    const { code, err } = weirIn(lan.node, "node", "join", ...words, ...place);
    assert.match(err, text);
    assert.equal(code, expected, err);
  }
  assert.equal(snapshot(lan.node), before);
});
