import { mkdtempSync, rmSync } from "node:fs";
import { attachTcx } from "#io/bpf/link.ts";
import { loadBpfObject } from "#io/bpf/loader.ts";
import { parseBpfObject } from "#io/bpf/object.ts";
import { interfaceIndex } from "#io/netlink.ts";
import { closeFd } from "#io/sockets.ts";
import { compileBpf } from "#kit/bpf.ts";
import { createLan, type Lan } from "#kit/lan.ts";
import { inNetns, runInNetns, runProgram, withNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";

/**
 * The network of a comparison: a Lan with one client, our director, another machine like it for
 * those we are compared with, and a server for each way that answers may take.
 *
 *   client ───────┐        ┌── routed     answers through our director
 *   director ─────┤ switch ├── straight   answers past everybody, knows the service's addresses
 *   rival ────────┘        └── rivals'    answers through the rival
 */
export interface Net {
  readonly lan: Lan;
  readonly client: string;
  readonly director: string;
  readonly rival: string;
  readonly servers: readonly Server[];
  /** A folder in memory for configurations. */
  readonly scratch: string;
}

export interface Server {
  readonly netns: string;
  readonly host: string;
}

/** Places among the Lan's servers. */
export const PLACE = { routed: 0, straight: 1, rivals: 2, rival: 3 } as const;

/** Addresses of services: ours, ours with a tunnel behind it, and the rival's. */
export const VIP = { weir: "10.1.0.100", tunnel: "10.1.0.102", rival: "10.1.0.101" } as const;

/** The rival as servers and as clients have it. */
const RIVAL_HOST = "10.2.0.14";
const RIVAL_CLIENTS = "10.1.0.3";

const sysctl = (netns: string, ...settings: readonly string[]): void =>
  void runInNetns(netns, "sysctl", "-qw", ...settings);

export function createNet(owner: Owner): Net {
  const lan = createLan(owner, "director", 4);
  const { client, director, device } = lan;
  const servers = [11, 12, 13].map((n, i) => ({ netns: lan.servers[i]!, host: `10.2.0.${n}` }));
  const rival = lan.servers[PLACE.rival]!;
  const ip = (netns: string, ...words: readonly string[]) =>
    runProgram("ip", "-n", netns, ...words);
  ip(client, "route", "add", "10.2.0.0/24", "dev", device);
  ip(director, "addr", "add", `${VIP.tunnel}/32`, "dev", device);

  const straight = servers[PLACE.straight]!.netns;
  sysctl(straight, "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2");
  for (const vip of [VIP.weir, VIP.tunnel]) ip(straight, "addr", "add", `${vip}/32`, "dev", "lo");
  ip(straight, "route", "add", "10.1.0.0/24", "dev", device);
  unwrapTunnels(owner, straight, device);

  for (const address of [`${RIVAL_CLIENTS}/24`, `${VIP.rival}/32`]) {
    ip(rival, "addr", "add", address, "dev", device);
  }
  const redirects = ["all", device].map((name) => `net.ipv4.conf.${name}.send_redirects=0`);
  sysctl(rival, "net.ipv4.ip_forward=1", ...redirects);
  ip(servers[PLACE.rivals]!.netns, "route", "replace", "default", "via", RIVAL_HOST);
  ip(client, "route", "add", servers[PLACE.rivals]!.host, "via", RIVAL_CLIENTS);

  // Connections that are over wait a minute for their port to be used again.
  for (const netns of [client, rival]) sysctl(netns, "net.ipv4.ip_local_port_range=1024 65535");
  const scratch = mkdtempSync("/dev/shm/weir-bench-");
  owner.after(() => rmSync(scratch, { recursive: true, force: true }));
  return { lan, client, director, rival, servers, scratch };
}

/** What a real server does with IP in IP, before its own network looks at the packet. */
const UNWRAP = `
#include <linux/ip.h>
SEC("tc")
int unwrap(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + 14;

	if ((void *)(ip + 1) > end || skb->protocol != 8 || ip->protocol != 4)
		return TC_ACT_OK;
	return bpf_skb_adjust_room(skb, -20, BPF_ADJ_ROOM_MAC, 0)
		? TC_ACT_SHOT : TC_ACT_OK;
}
`;

function unwrapTunnels(owner: Owner, netns: string, device: string): void {
  const object = loadBpfObject(parseBpfObject(compileBpf(UNWRAP)));
  owner.after(() => object.close());
  const program = object.programs["unwrap"]!;
  const link = withNetns(netns, () => attachTcx(program, interfaceIndex(device), "ingress"));
  owner.after(() => closeFd(link));
}

/** Packets and bytes that an interface has taken in. */
export function received(netns: string, device: string): { packets: number; bytes: number } {
  const [link] = JSON.parse(runProgram("ip", "-n", netns, "-s", "-j", "link", "show", device));
  return link.stats64.rx as { packets: number; bytes: number };
}

/** The client's command line begins so. */
export const fromClient = ({ client }: Net): string[] => inNetns(client);
