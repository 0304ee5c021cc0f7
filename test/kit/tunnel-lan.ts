import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseIp } from "#base/ip.ts";
import { attachTcx } from "#io/bpf/link.ts";
import { loadBpfObject } from "#io/bpf/loader.ts";
import type { BpfMap } from "#io/bpf/map.ts";
import { parseBpfObject } from "#io/bpf/object.ts";
import { interfaceIndex, Netlink } from "#io/netlink.ts";
import { closeFd } from "#io/sockets.ts";
import { detachClientPrograms } from "#node/client-programs.ts";
import { detachPrograms } from "#node/programs.ts";
import { DESTINATION, ROUTE, SERVICE_KEY } from "#plan/director-layout.ts";
import { TUNNEL } from "#plan/director-numbers.ts";
import { compileBpf } from "./bpf.ts";
import { guard } from "./guard.ts";
import { createNetns, runInNetns, runProgram, withNetns } from "./netns.ts";
import type { Owner } from "./owner.ts";
import { gone } from "./processes.ts";

/*
 * A client, a director and a real server on one wire, each a network namespace:
 *
 *   client .1 ──┐
 *   director .2 ┼── switch          10.9.0.0/24, fd09::/64
 *   node .3 ────┘
 *
 * The client's route to the VIPs is the director, whose program puts packets into tunnels with the
 * code of the real one. Answers go the short way.
 */

export const VIP = { 4: "10.99.0.1", 6: "fd99::1" } as const;
export const CLIENT = { 4: "10.9.0.1", 6: "fd09::1" } as const;
export const DIRECTOR = { 4: "10.9.0.2", 6: "fd09::2" } as const;
export const NODE = { 4: "10.9.0.3", 6: "fd09::3" } as const;
export const DEVICE = "eth0";
const ROOT = join(import.meta.dirname, "..", "..");

export interface Lan {
  readonly client: string;
  readonly director: string;
  readonly node: string;
}

/** The three, their addresses, and the client's routes. */
export function createLan(owner: Owner): Lan {
  const hub = createNetns(owner);
  const [client, director, node] = [createNetns(owner), createNetns(owner), createNetns(owner)];
  runProgram("ip", "-n", hub, "link", "add", "br0", "type", "bridge");
  runProgram("ip", "-n", hub, "link", "set", "br0", "up");
  for (const [i, netns] of [client, director, node].entries()) {
    const port = `port${i}`;
    runProgram(
      ...(["ip", "-n", hub, "link", "add", port, "type", "veth"] as const),
      ...["peer", "name", DEVICE, "netns", netns],
    );
    runProgram("ip", "-n", hub, "link", "set", port, "master", "br0", "up");
    runProgram("ip", "-n", netns, "addr", "add", `10.9.0.${i + 1}/24`, "dev", DEVICE);
    runProgram("ip", "-n", netns, "addr", "add", `fd09::${i + 1}/64`, "dev", DEVICE, "nodad");
    // Neighbours are asked from the address of the link, which is to serve at once.
    withNetns(netns, () => writeFileSync(`/proc/sys/net/ipv6/conf/${DEVICE}/accept_dad`, "0"));
    runProgram("ip", "-n", netns, "link", "set", DEVICE, "up");
  }
  runProgram("ip", "-n", client, "route", "add", VIP[4], "via", DIRECTOR[4]);
  runProgram("ip", "-n", client, "-6", "route", "add", VIP[6], "via", DIRECTOR[6]);
  for (const v of ["-4", "-6"]) {
    // Clients elsewhere: answers go to a router.
    const [route, router] = v === "-4" ? ["default", CLIENT[4]] : ["default", CLIENT[6]];
    runProgram("ip", "-n", node, v, "route", "add", route, "via", router, "dev", DEVICE);
  }
  return { client, director, node };
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs weir in a namespace to its end. */
export function weirIn(netns: string, ...words: readonly string[]): Ran {
  const inside = [`--net=/var/run/netns/${netns}`, join(ROOT, "bin", "weir"), ...words];
  const { status, stdout, stderr } = spawnSync("nsenter", inside, { encoding: "utf8" });
  return { code: status ?? -1, out: stdout, err: stderr };
}

/**
 * Options for a node's state and pins of its own. In the end its programs are gone; all else goes
 * with its namespace.
 */
export function nodePlace(owner: Owner, name: string): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "weir-node-"));
  const pins = `weir-test-${process.pid}-${name}`;
  const release = guard(`rm -rf /sys/fs/bpf/${pins}`);
  owner.after(() => {
    const netlink = new Netlink();
    try {
      detachClientPrograms(netlink, pins);
      detachPrograms(netlink, pins);
    } finally {
      netlink.close();
      rmSync(folder, { recursive: true, force: true });
    }
    release();
  });
  return ["--state", join(folder, "node.json"), "--pins", pins];
}

const ENCAPSULATE = `
#include "encapsulate.h"
__u64 answers_seen;
SEC("tc") int direct(struct __sk_buff *skb)
{
	struct scratch *s = array_row(&scratches, 0);
	struct service_key key = {};
	struct destination *d;
	struct route *r;
	__u32 *row;

	if (!s)
		return TC_ACT_OK;
	__builtin_memset(s, 0, sizeof(*s));
	if (parse_network(skb, &s->packet))
		return TC_ACT_OK;
	key.address = s->packet.flow.source;
	if (bpf_map_lookup_elem(&lookups, &key))
		__sync_fetch_and_add(&answers_seen, 1);
	key.address = s->packet.flow.destination;
	row = bpf_map_lookup_elem(&lookups, &key);
	if (!row)
		return TC_ACT_OK;
	if (has_ports(s->packet.flow.protocol) && !s->packet.fragment && parse_ports(skb, &s->packet))
		return TC_ACT_SHOT;
	d = array_row(&destinations, *row);
	r = array_row(&routes, *row);
	if (!d || !r || encapsulate(skb, &s->packet, d, r))
		return TC_ACT_SHOT;
	return send_to(r);
}
`;

export interface TestDirector {
  /** From now on packets of every VIP go through such tunnels. */
  use(tunnel: "ipip" | "gue" | "gre", outer: 4 | 6): void;
  /** Packets from a VIP that came here, where none should. */
  answersSeen(): number;
}

/** Attaches the program in the director's namespace. */
export function startDirector(owner: Owner, { director }: Lan, port: number): TestDirector {
  const include = `-I${join(ROOT, "src", "director", "bpf")}`;
  const object = parseBpfObject(compileBpf(ENCAPSULATE, include, "-mcpu=v3"));
  const loaded = loadBpfObject(object);
  owner.after(() => loaded.close());
  const ifindex = withNetns(director, () => interfaceIndex(DEVICE));
  const program = loaded.programs["direct"]!;
  const link = withNetns(director, () => attachTcx(program, ifindex, "ingress"));
  owner.after(() => closeFd(link));
  for (const vip of Object.values(VIP)) {
    const key = new Uint8Array(SERVICE_KEY.BYTES);
    key.set(parseIp(vip)!, SERVICE_KEY.ADDRESS);
    loaded.maps["lookups"]!.update(key, new Uint8Array(4));
  }
  return {
    use: (tunnel, outer) => fill(loaded.maps, ifindex, tunnel, outer, port),
    answersSeen: () => loaded.maps[".bss"]!.lookup(new Uint8Array(4))![0]!,
  };
}

function fill(
  maps: Readonly<Record<string, BpfMap>>,
  ifindex: number,
  tunnel: "ipip" | "gue" | "gre",
  outer: 4 | 6,
  port: number,
): void {
  const destination = new Uint8Array(DESTINATION.BYTES);
  destination.set(parseIp(NODE[outer])!, DESTINATION.ADDRESS);
  destination[DESTINATION.TUNNEL] = { ipip: TUNNEL.IPIP, gue: TUNNEL.GUE, gre: TUNNEL.GRE }[tunnel];
  new DataView(destination.buffer).setUint16(DESTINATION.TUNNEL_PORT, port);
  const route = new Uint8Array(maps["routes"]!.valueBytes);
  route.set(parseIp(NODE[outer])!, ROUTE.NEXT_HOP);
  route.set(parseIp(DIRECTOR[outer])!, ROUTE.SOURCE);
  new DataView(route.buffer).setUint32(ROUTE.INTERFACE, ifindex, true);
  route[ROUTE.FAMILY] = outer;
  maps["destinations"]!.update(new Uint8Array(4), destination);
  maps["routes"]!.update(new Uint8Array(4), route);
}

/** Answers with how many bytes came, their hash, and from whom. */
const SERVER = `
import { createHash } from "node:crypto";
import { createServer } from "node:net";
createServer({ allowHalfOpen: true }, (socket) => {
  const hash = createHash("sha256");
  let bytes = 0;
  socket.on("data", (chunk) => { bytes += chunk.length; hash.update(chunk); });
  socket.on("end", () => socket.end(JSON.stringify({ bytes, hash: hash.digest("hex"), peer: socket.remoteAddress })));
  socket.on("error", () => {});
}).listen(80, "::", () => console.log("ready"));
`;

/** A server on every address of the node, port 80; resolves when it listens. */
export async function startServer(owner: Owner, netns: string): Promise<void> {
  const child = spawn(
    "nsenter",
    [`--net=/var/run/netns/${netns}`, process.execPath, "--input-type=module", "-e", SERVER],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  owner.after(async () => {
    child.kill("SIGKILL");
    await gone(child.pid!);
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve());
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
}

const UPLOADER = `
import { createHash } from "node:crypto";
import { connect } from "node:net";
const [host, size, patience] = process.argv.slice(1);
const chunk = Buffer.from(Array.from({ length: 65536 }, (_, i) => (i * 31 + (i >> 8)) & 255));
const hash = createHash("sha256");
const startedAt = performance.now();
const socket = connect(80, host);
let answer = "";
let left = Number(size);
const fill = () => {
  while (left > 0) {
    const part = chunk.subarray(0, Math.min(left, chunk.length));
    left -= part.length;
    hash.update(part);
    if (!socket.write(part)) return;
  }
  socket.end();
};
socket.on("connect", fill).on("drain", fill);
socket.on("data", (data) => { answer += data; });
socket.on("error", (error) => { console.log(JSON.stringify({ error: error.message })); process.exit(0); });
socket.on("close", () => {
  console.log(JSON.stringify({ ...JSON.parse(answer), sent: hash.digest("hex"), ms: performance.now() - startedAt }));
  process.exit(0);
});
setTimeout(() => { console.log(JSON.stringify({ error: "stalled" })); process.exit(0); }, Number(patience));
`;

export interface Upload {
  readonly error?: string;
  readonly bytes: number;
  /** Of what came, and of what was sent. */
  readonly hash: string;
  readonly sent: string;
  /** As the server saw it. */
  readonly peer: string;
  readonly ms: number;
}

/** Sends that many bytes to port 80, and waits for the answer. */
export function upload(netns: string, host: string, bytes: number, patienceMs = 30_000): Upload {
  const words = [host, String(bytes), String(patienceMs)];
  const inside = [process.execPath, "--input-type=module", "-e", UPLOADER, ...words] as const;
  return JSON.parse(runInNetns(netns, ...inside)) as Upload;
}

/** A setting in a namespace. */
export const sysctlIn = (netns: string, name: string): number =>
  withNetns(netns, () => Number(readFileSync(`/proc/sys/net/${name}`, "utf8")));
