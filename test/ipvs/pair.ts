import { connectionsView } from "#cli/l4/connections-view.ts";
import { listView } from "#cli/l4/list-view.ts";
import { ipvsadm } from "#config/import/ipvsadm.ts";
import { writeConfig } from "#config/write.ts";
import type { DirectorView } from "#control/api.ts";
import { flushKernel } from "#director/kernel.ts";
import { createNetns, runInNetns, runProgram } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { startWeir, type Weir } from "#kit/weir.ts";
import type { ConnectionsDocument } from "#monitor/document.ts";
import { startMachine } from "./machine.ts";
import { DIRECTOR, DIRECTOR_MAC, GATEWAY, NEIGHBOURS, type Side } from "./side.ts";
import { Wire } from "./wire.ts";

/* The real IPVS and our director, each on a wire of its own, with the same rules. */

const DEVICE = "eth0";
/** A service that is always there: a configuration without any has no director. */
const IDLE = "-A -t 10.1.0.100:9 -s rr";

export interface Pair {
  readonly ipvs: Side;
  readonly ours: Side;
  /** Of IPVS's kernel. */
  readonly version: string;
}

export async function startPair(owner: Owner): Promise<Pair> {
  const world = createNetns(owner);
  const [{ side: ipvs, version }, ours] = await Promise.all([
    ipvsSide(owner, world),
    startOurs(owner, world),
  ]);
  return { ipvs, ours, version };
}

async function ipvsSide(owner: Owner, world: string): Promise<{ side: Side; version: string }> {
  const tap = "ipvs";
  runProgram("ip", "-n", world, "tuntap", "add", tap, "mode", "tap");
  quieten(world, tap);
  const machine = await startMachine(owner, { netns: world, tap, mac: DIRECTOR_MAC });
  await machine.run(
    [
      "ip link set lo up",
      `ip link set ${DEVICE} up`,
      ...DIRECTOR.map((address) => `ip addr add ${address} dev ${DEVICE}`),
      ...NEIGHBOURS.map(([address, mac]) => `arp -s ${address} ${mac}`),
      `ip route add default via ${GATEWAY}`,
      "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0",
      ...["all", DEVICE].map((on) => `sysctl -qw net.ipv4.conf.${on}.send_redirects=0`),
      `ipvsadm ${IDLE}`,
    ].join(" && "),
  );
  const side: Side = {
    name: "ipvs",
    wire: new Wire(owner, world, tap),
    async apply(calls) {
      await machine.run(calls.map((words) => `ipvsadm ${words}`).join(" && "));
    },
    async set(name, value) {
      await machine.run(`sysctl -qw net.ipv4.vs.${name}=${value}`);
    },
    list: () => machine.run("ipvsadm -L -n"),
    connections: () => machine.run("ipvsadm -L -c -n"),
  };
  return { side, version: machine.version };
}

/** Settings of IPVS by our names. */
const SETTINGS: Readonly<Record<string, (value: number) => [string, unknown]>> = {
  conn_reuse_mode: (value) => ["connReuse", value],
  sloppy_tcp: (value) => ["sloppyTcp", value > 0],
  sloppy_sctp: (value) => ["sloppySctp", value > 0],
  expire_nodest_conn: (value) => ["expireNodest", value > 0],
  // Its modes 1 and 2 are one here: the kernel goes from one to the other by itself.
  secure_tcp: (value) => ["secureTcp", ["off", "auto", "auto", "always"][value]],
  // Not one of IPVS's: 0 is none, else the sync id.
  sync: (value) => ["sync", value > 0 ? { interface: DEVICE, id: value } : undefined],
  expire_quiescent_template: (value) => ["expireQuiescentTemplate", value > 0],
};

async function startOurs(owner: Owner, world: string): Promise<Side> {
  const device = "ours";
  const netns = createNetns(owner);
  runProgram(
    ...(["ip", "-n", world, "link", "add", device, "type", "veth"] as const),
    ...["peer", "name", DEVICE, "netns", netns],
  );
  quieten(world, device);
  runProgram("ip", "-n", netns, "link", "set", DEVICE, "address", DIRECTOR_MAC, "up");
  for (const address of DIRECTOR)
    runProgram("ip", "-n", netns, "addr", "add", address, "dev", DEVICE);
  for (const [address, mac] of NEIGHBOURS) {
    runProgram("ip", "-n", netns, "neigh", "replace", address, "lladdr", mac, "dev", DEVICE);
  }
  runProgram("ip", "-n", netns, "route", "add", "default", "via", GATEWAY);
  runInNetns(netns, "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0");
  const pins = `weir-ipvs-${process.pid}`;
  owner.after(() => void flushKernel(pins));
  const rules = [IDLE];
  const settings: Record<string, unknown> = { pins };
  const write = (): string => configurationOf(rules, settings);
  const weir = await startWeir(owner, write, { netns, ports: [] });
  const reload = async (): Promise<void> => {
    weir.configure(write());
    const { code, err } = await weir.cli("reload");
    if (code !== 0) throw new Error(`reload: ${err}\n${write()}`);
  };
  return {
    name: "ours",
    wire: new Wire(owner, world, device),
    async apply(calls) {
      rules.push(...calls);
      await reload();
    },
    async set(name, value) {
      const [keyword, mapped] = SETTINGS[name]!(value);
      settings[keyword] = mapped;
      await reload();
    },
    async list() {
      const view = await directorOf(weir);
      return listView(view, view.services, { kind: "plain", exact: true });
    },
    async connections() {
      const path = "/api/v1/director/connections?limit=100000";
      return connectionsView(((await weir.adminJson(path)) as ConnectionsDocument).connections);
    },
  };
}

const directorOf = async (weir: Weir): Promise<DirectorView> =>
  (await weir.adminJson("/api/v1/director")) as DirectorView;

function configurationOf(rules: readonly string[], settings: object): string {
  const { document, faults } = ipvsadm.read(rules.join("\n"), { interfaces: [DEVICE] });
  const errors = faults.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join("; "));
  const director = { ...(document["director"] as object), ...settings };
  return writeConfig({ ...document, director }, []);
}

/** Up, and the machine's own kernel says nothing on it. */
function quieten(netns: string, device: string): void {
  runInNetns(netns, "sysctl", "-qw", `net.ipv6.conf.${device}.disable_ipv6=1`);
  runProgram("ip", "-n", netns, "link", "set", device, "arp", "off", "up");
}
