/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real server behind the director, tunnel method.
 *
 *   in:  outer header(s) | packet to a VIP      the outer ones come off, the stack gets the packet
 *   out: SYN-ACK from a VIP                     asks for segments that fit the tunnel
 *
 * Forms: IP in IP (RFC 2003, 2473, 4213), GRE (RFC 2784), GUE over UDP in version 0 and in version 1,
 * which is IP right behind UDP. Both families in both. Everything else goes on as it came: also outer
 * fragments, and what is not understood to the last bit.
 *
 * Outer checksums are not looked at: what is inside has its own (RFC 6935 argues the case for UDP).
 * Headers are copied, not pointed to, as they may lie in pages of the card's.
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stddef.h>
#include "node.h"

#define FRAGMENT bpf_htons(0x3fff)    /* more follow, or not the first */
#define LATER_FRAGMENT bpf_htons(0x1fff)

/* Linux 6.3; older headers do not name it. */
#define ADJ_ROOM_DECAP_L3_IPV4 (1ULL << 7)
#define EINVAL 22
/* What IPv6's header has more than IPv4's. */
#define MORE_V6 ((__s32)(sizeof(struct ipv6hdr) - sizeof(struct iphdr)))

#define ECN 3
#define ECN_NOT 0
#define ECN_CE 3

/* Bits of FORM_*; GUE's port in network order; `peers` counts. Set by who loads this. */
const volatile __u32 accepted = 0;
const volatile __u32 gue_port = 0;
const volatile __u32 peers_only = 0;

TABLE(vips, BPF_MAP_TYPE_HASH, struct address, struct vip, 1024, 0);
/* This machine's own addresses: tunnels end at one of them. */
TABLE(own, BPF_MAP_TYPE_HASH, struct address, __u32, 1024, 0);
TABLE(peers, BPF_MAP_TYPE_LPM_TRIE, struct peer_key, __u32, 1024, BPF_F_NO_PREALLOC);
TABLE(node_counters, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, NODE_COUNTER_ROWS, 0);

struct gre {
	__be16 flags;
	__be16 protocol;
};

struct gue {
	__u8 length;   /* version in 2 bits, control in 1, words of fields in 5 */
	__u8 protocol;
	__be16 flags;
};

/* A packet in a packet. */
struct tunnel {
	struct peer_key from;   /* where it begins */
	struct address outer;   /* where it ends */
	struct address inner;   /* where the packet in it goes */
	__u32 at;               /* of the inner header, from the frame's start */
	__u8 protocol;          /* what follows the header looked at last */
	__u8 family;            /* of the inner packet: 4, 6 */
	__u8 form;
	__u8 ecn;               /* of the outer header */
};

static __always_inline void count(__u32 row)
{
	count_in(&node_counters, row);
}

static __always_inline int read_outer_v4(struct __sk_buff *skb, struct tunnel *t)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)))
		return -1;
	if (ip.version != 4 || ip.ihl < 5 || ip.frag_off & FRAGMENT)
		return -1;
	map_v4(&t->from.address, ip.saddr);
	map_v4(&t->outer, ip.daddr);
	t->protocol = ip.protocol;
	t->ecn = ip.tos & ECN;
	t->at = ETH_HLEN + ip.ihl * 4;
	return 0;
}

static __always_inline int read_outer_v6(struct __sk_buff *skb, struct tunnel *t)
{
	struct ipv6hdr ip;
	__u8 extension[2];

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)))
		return -1;
	if (ip.version != 6)
		return -1;
	__builtin_memcpy(&t->from.address, &ip.saddr, 16);
	__builtin_memcpy(&t->outer, &ip.daddr, 16);
	t->protocol = ip.nexthdr;
	t->ecn = ip.flow_lbl[0] >> 4 & ECN;
	t->at = ETH_HLEN + sizeof(ip);
	/* Linux puts a limit of encapsulations there (RFC 2473 section 4.1.1). */
	if (t->protocol != IPPROTO_DSTOPTS)
		return 0;
	if (bpf_skb_load_bytes(skb, t->at, extension, sizeof(extension)))
		return -1;
	t->protocol = extension[0];
	t->at += (extension[1] + 1) * 8;
	return 0;
}

static __always_inline int read_gre(struct __sk_buff *skb, struct tunnel *t)
{
	struct gre gre;

	if (bpf_skb_load_bytes(skb, t->at, &gre, sizeof(gre)))
		return -1;
	/* A key or a number would make it another's tunnel. */
	if (gre.flags & ~bpf_htons(0x8000))
		return -1;
	t->at += gre.flags ? 8 : 4;
	t->form = FORM_GRE;
	t->family = gre.protocol == bpf_htons(ETH_P_IP) ? 4 : gre.protocol == bpf_htons(ETH_P_IPV6) ? 6 : 0;
	return t->family ? 0 : -1;
}

static __always_inline int read_gue(struct __sk_buff *skb, struct tunnel *t)
{
	struct udphdr udp;
	struct gue gue;

	if (bpf_skb_load_bytes(skb, t->at, &udp, sizeof(udp)))
		return -1;
	if (udp.dest != (__be16)gue_port)
		return -1;
	t->at += sizeof(udp);
	if (bpf_skb_load_bytes(skb, t->at, &gue, sizeof(gue)))
		return -1;
	t->form = FORM_GUE;
	if (gue.length >> 6 == 1) {
		/* The first bits of IP itself: 0100 and 0110. */
		t->family = gue.length >> 4;
		return 0;
	}
	/* Flags tell of fields that change what the packet means; fields without are for others. */
	if (gue.length >> 5 || gue.flags)
		return -1;
	t->at += sizeof(gue) + (gue.length & 31) * 4;
	t->family = gue.protocol == IPPROTO_IPIP ? 4 : gue.protocol == IPPROTO_IPV6 ? 6 : 0;
	return t->family ? 0 : -1;
}

/* What lies between the outer header and the inner one. */
static __always_inline int read_shim(struct __sk_buff *skb, struct tunnel *t)
{
	switch (t->protocol) {
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		t->form = FORM_IPIP;
		t->family = t->protocol == IPPROTO_IPIP ? 4 : 6;
		return 0;
	case IPPROTO_GRE:
		return read_gre(skb, t);
	case IPPROTO_UDP:
		return read_gue(skb, t);
	}
	return -1;
}

/*
 * The path was congested: the packet shall say so to its receiver (RFC 6040 section 4.2). 1: it
 * cannot, and is to be dropped.
 */
static __always_inline int note_congestion_v4(struct __sk_buff *skb, const struct tunnel *t,
					      const struct iphdr *ip)
{
	/* Version and length, and the class: one word of the header's sum. */
	__be16 was[2], now;
	__u32 sum;

	if (t->ecn != ECN_CE || (ip->tos & ECN) == ECN_CE)
		return 0;
	if ((ip->tos & ECN) == ECN_NOT)
		return 1;
	if (bpf_skb_load_bytes(skb, t->at, was, sizeof(was[0])))
		return 1;
	now = was[0] | bpf_htons(ECN_CE);
	sum = (__u16)~ip->check + (__u16)~was[0] + now;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	was[1] = ~sum;
	if (bpf_skb_store_bytes(skb, t->at, &now, sizeof(now), BPF_F_RECOMPUTE_CSUM))
		return 1;
	return bpf_skb_store_bytes(skb, t->at + offsetof(struct iphdr, check), &was[1], sizeof(was[1]),
				   BPF_F_RECOMPUTE_CSUM) != 0;
}

static __always_inline int note_congestion_v6(struct __sk_buff *skb, const struct tunnel *t,
					      const struct ipv6hdr *ip)
{
	__u8 second = ip->flow_lbl[0];
	__u8 ecn = second >> 4 & ECN;

	if (t->ecn != ECN_CE || ecn == ECN_CE)
		return 0;
	if (ecn == ECN_NOT)
		return 1;
	second |= ECN_CE << 4;
	return bpf_skb_store_bytes(skb, t->at + 1, &second, 1, BPF_F_RECOMPUTE_CSUM) != 0;
}

union header {
	struct iphdr v4;
	struct ipv6hdr v6;
};

static __always_inline int read_inner(struct __sk_buff *skb, struct tunnel *t, union header *h)
{
	if (t->family == 4) {
		if (bpf_skb_load_bytes(skb, t->at, &h->v4, sizeof(h->v4)))
			return -1;
		if (h->v4.version != 4 || h->v4.ihl < 5)
			return -1;
		map_v4(&t->inner, h->v4.daddr);
		return 0;
	}
	if (bpf_skb_load_bytes(skb, t->at, &h->v6, sizeof(h->v6)))
		return -1;
	if (h->v6.version != 6)
		return -1;
	__builtin_memcpy(&t->inner, &h->v6.daddr, 16);
	return 0;
}

/* Everything before the inner header goes, but for Ethernet's. */
static __always_inline int strip(struct __sk_buff *skb, const struct tunnel *t, int from)
{
	__be16 protocol = bpf_htons(t->family == 4 ? ETH_P_IP : ETH_P_IPV6);
	/* Segments that were merged stay as long as they were: each had its own outer header. */
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;
	__s32 less = ETH_HLEN - (__s32)t->at;
	/* Else what remains must not be shorter than an IPv6 header. */
	__u64 shorter = from == 6 && t->family == 4 ? ADJ_ROOM_DECAP_L3_IPV4 : 0;
	long result = bpf_skb_adjust_room(skb, less, BPF_ADJ_ROOM_MAC, flags | shorter);

	if (result == -EINVAL && shorter)
		result = bpf_skb_adjust_room(skb, less, BPF_ADJ_ROOM_MAC, flags);
	/* Which takes two steps before Linux 6.3. */
	if (result && shorter && !bpf_skb_change_proto(skb, protocol, 0))
		result = bpf_skb_adjust_room(skb, less + MORE_V6, BPF_ADJ_ROOM_MAC, flags);
	if (result)
		return -1;
	if (from == t->family)
		return 0;
	return bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &protocol, sizeof(protocol), 0);
}

/* It begins where it may, ends here, and is for a service. */
static __always_inline int is_ours(struct tunnel *t)
{
	t->from.bits = 128;
	if (peers_only && !bpf_map_lookup_elem(&peers, &t->from))
		return 0;
	return bpf_map_lookup_elem(&vips, &t->inner) && bpf_map_lookup_elem(&own, &t->outer);
}

/*
 * What is not ours goes on to programs and filters behind (TC_ACT_UNSPEC), and so does what came out
 * of a tunnel: what they say of packets to this machine holds for it.
 */
SEC("tc")
int weir_decapsulate(struct __sk_buff *skb)
{
	struct tunnel t = {};
	union header h = {};
	int from = skb->protocol == bpf_htons(ETH_P_IP) ? 4 : skb->protocol == bpf_htons(ETH_P_IPV6) ? 6 : 0;

	/* A frame of a VLAN is its own interface's. */
	if (!from || skb->pkt_type != PACKET_HOST || skb->vlan_present)
		return TC_ACT_UNSPEC;
	if (from == 4 ? read_outer_v4(skb, &t) : read_outer_v6(skb, &t))
		return TC_ACT_UNSPEC;
	if (read_shim(skb, &t) || !(t.form & accepted))
		return TC_ACT_UNSPEC;
	if (read_inner(skb, &t, &h) || !is_ours(&t))
		return TC_ACT_UNSPEC;
	if (t.family == 4 ? note_congestion_v4(skb, &t, &h.v4) : note_congestion_v6(skb, &t, &h.v6)) {
		count(NODE_COUNTER_CONGESTED);
		return TC_ACT_SHOT;
	}
	if (strip(skb, &t, from)) {
		count(NODE_COUNTER_FAILED);
		return TC_ACT_SHOT;
	}
	count(t.form == FORM_IPIP  ? NODE_COUNTER_IPIP
	      : t.form == FORM_GUE ? NODE_COUNTER_GUE
				   : NODE_COUNTER_GRE);
	/* A packet of another family has to come in anew, to be given to that. */
	return from == t.family ? TC_ACT_UNSPEC : bpf_redirect(skb->ifindex, BPF_F_INGRESS);
}

#define TCP_SYN 0x02
#define OPTIONS_MAX 20
#define OPTION_END 0
#define OPTION_NOTHING 1
#define OPTION_MSS 2

/* Lowers the MSS option whose value is at `at`, of a TCP header at `l4`. */
static __always_inline void lower(struct __sk_buff *skb, __u32 l4, __u32 at, __u32 most)
{
	__be16 was, now = bpf_htons(most);
	int odd = (at - l4) & 1;

	if (bpf_skb_load_bytes(skb, at, &was, sizeof(was)) || bpf_ntohs(was) <= most)
		return;
	/* At an odd place the bytes are halves of two words of the sum: the other way round. */
	if (bpf_l4_csum_replace(skb, l4 + offsetof(struct tcphdr, check),
				odd ? __builtin_bswap16(was) : was, odd ? __builtin_bswap16(now) : now,
				sizeof(was)))
		return;
	if (!bpf_skb_store_bytes(skb, at, &now, sizeof(now), 0))
		count(NODE_COUNTER_CLAMPED);
}

static __always_inline void clamp(struct __sk_buff *skb, __u32 l4, const struct address *from)
{
	struct vip *vip = bpf_map_lookup_elem(&vips, from);
	__u8 tcp[sizeof(struct tcphdr)], option[2];
	__u32 at = l4 + sizeof(tcp), end;

	if (!vip || !vip->mss || bpf_skb_load_bytes(skb, l4, tcp, sizeof(tcp)))
		return;
	if (!(tcp[13] & TCP_SYN))
		return;
	end = l4 + (tcp[12] >> 4) * 4;
	for (int i = 0; i < OPTIONS_MAX; i++) {
		if (at + 4 > end || bpf_skb_load_bytes(skb, at, option, sizeof(option)))
			return;
		if (option[0] == OPTION_MSS && option[1] == 4)
			return lower(skb, l4, at + 2, vip->mss);
		if (option[0] == OPTION_END || (option[0] != OPTION_NOTHING && option[1] < 2))
			return;
		at += option[0] == OPTION_NOTHING ? 1 : option[1];
	}
}

SEC("tc")
int weir_clamp(struct __sk_buff *skb)
{
	struct address from = {};
	union header h;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, ETH_HLEN, &h.v4, sizeof(h.v4)))
			return TC_ACT_UNSPEC;
		if (h.v4.protocol != IPPROTO_TCP || h.v4.ihl < 5 || h.v4.frag_off & LATER_FRAGMENT)
			return TC_ACT_UNSPEC;
		map_v4(&from, h.v4.saddr);
		clamp(skb, ETH_HLEN + h.v4.ihl * 4, &from);
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if (bpf_skb_load_bytes(skb, ETH_HLEN, &h.v6, sizeof(h.v6)) ||
		    h.v6.nexthdr != IPPROTO_TCP)
			return TC_ACT_UNSPEC;
		__builtin_memcpy(&from, &h.v6.saddr, 16);
		clamp(skb, ETH_HLEN + sizeof(h.v6), &from);
	}
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "Apache-2.0";
