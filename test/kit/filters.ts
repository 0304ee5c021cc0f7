import { addClsact, setFilter } from "#io/bpf/clsact.ts";
import { attachTcx, type Direction } from "#io/bpf/link.ts";
import { loadBpfObject } from "#io/bpf/loader.ts";
import { parseBpfObject } from "#io/bpf/object.ts";
import { interfaceIndex, Netlink } from "#io/netlink.ts";
import { closeFd } from "#io/sockets.ts";
import { compileBpf } from "./bpf.ts";
import { withNetns } from "./netns.ts";
import type { Owner } from "./owner.ts";

/* Filters and programs at interfaces that are not ours. */

export interface Filter {
  readonly netns: string;
  readonly device: string;
  readonly side: Direction;
  /** At tcx, behind those that are there; or as a filter of clsact, by its preference. */
  readonly at: "tcx" | number;
  /** Packets of IPv4 that it is for. */
  readonly protocol: number;
  readonly source?: string;
  readonly destination?: string;
  readonly ports?: readonly number[];
  /** What becomes of them; a mark, and on to the next. */
  readonly verdict: "drop" | { readonly mark: number };
}

const SOURCE = `
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
SEC("tc") int filter(struct __sk_buff *skb)
{
	struct iphdr ip;
	__be16 port = 0;

	if (skb->protocol != bpf_htons(ETH_P_IP) || bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)))
		return TC_ACT_UNSPEC;
	bpf_skb_load_bytes(skb, ETH_HLEN + ip.ihl * 4 + 2, &port, sizeof(port));
	port = bpf_ntohs(port);
	if (!(CONDITION))
		return TC_ACT_UNSPEC;
	THEN
}
`;

const word = (host: string): string =>
  `bpf_htonl(0x${Buffer.from(host.split(".").map(Number)).toString("hex")})`;

function sourceOf({ protocol, source, destination, ports, verdict }: Filter): string {
  const all = [
    `ip.protocol == ${protocol}`,
    ...(source ? [`ip.saddr == ${word(source)}`] : []),
    ...(destination ? [`ip.daddr == ${word(destination)}`] : []),
    ...(ports ? [`(${ports.map((port) => `port == ${port}`).join(" || ")})`] : []),
  ];
  const end =
    verdict === "drop"
      ? "return TC_ACT_SHOT;"
      : `skb->mark = ${verdict.mark}; return TC_ACT_UNSPEC;`;
  return SOURCE.replace("CONDITION", all.join(" && ")).replace("THEN", end);
}

/** Puts it there; it is gone with its namespace, when the owner ends. */
export function addFilter(owner: Owner, filter: Filter): void {
  const { netns, device, side, at } = filter;
  const { programs, close } = loadBpfObject(parseBpfObject(compileBpf(sourceOf(filter))));
  owner.after(close);
  const program = programs["filter"]!;
  withNetns(netns, () => {
    const ifindex = interfaceIndex(device);
    if (at === "tcx") {
      const link = attachTcx(program, ifindex, side);
      owner.after(() => closeFd(link));
      return;
    }
    const netlink = new Netlink();
    try {
      addClsact(netlink, ifindex);
      setFilter(netlink, { ifindex, direction: side, priority: at, handle: 1 }, program, "theirs");
    } finally {
      netlink.close();
    }
  });
}
