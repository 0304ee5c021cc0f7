/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packet in a tunnel was too big for a link on the way. That is said to us, who made the tunnel; the
 * packet's sender has to know it, in sizes of its own (RFC 2003 section 5.1, RFC 2473 section 8).
 */
#pragma once

#include "encapsulate.h"
#include "icmp.h"

/* What IPv6's header has more than IPv4's. */
#define MORE_V6 ((__s32)(sizeof(struct ipv6hdr) - sizeof(struct iphdr)))

/* What an error says of a tunnel, and where in it the packet lies. */
struct tunneled {
	struct address server;
	__u32 at;
	__u32 mtu;
	__be16 port;
	__u8 tunnel;
};

static __always_inline int parse_outer(struct __sk_buff *skb, const struct packet *p,
				       struct tunneled *t, __u8 *protocol)
{
	__u32 l3 = p->l4 + sizeof(struct icmp);
	struct icmp *icmp = bytes_at(skb, p->l4, sizeof(*icmp));

	if (!icmp)
		return -1;
	if (p->family == 4) {
		struct iphdr *ip = bytes_at(skb, l3, sizeof(*ip));

		if (icmp->type != ICMP_UNREACHABLE || icmp->code != 4 || !ip || ip->ihl != 5)
			return -1;
		t->mtu = bpf_ntohl(icmp->info) & 0xffff;
		map_v4(&t->server, ip->daddr);
		*protocol = ip->protocol;
		t->at = l3 + sizeof(*ip);
	} else {
		struct ipv6hdr *ip = bytes_at(skb, l3, sizeof(*ip));

		if (icmp->type != ICMP6_TOO_BIG || !ip)
			return -1;
		t->mtu = bpf_ntohl(icmp->info);
		copy_v6(&t->server, &ip->daddr);
		*protocol = ip->nexthdr;
		t->at = l3 + sizeof(*ip);
	}
	return 0;
}

static __always_inline int parse_tunneled(struct __sk_buff *skb, const struct packet *p,
					  struct tunneled *t)
{
	struct gue *gue;
	__u8 protocol;

	if (parse_outer(skb, p, t, &protocol))
		return -1;
	switch (protocol) {
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		t->tunnel = TUNNEL_IPIP;
		return 0;
	case IPPROTO_GRE:
		t->tunnel = TUNNEL_GRE;
		t->at += sizeof(struct gre);
		return 0;
	case IPPROTO_UDP:
		gue = bytes_at(skb, t->at, sizeof(*gue));
		if (!gue)
			return -1;
		t->tunnel = TUNNEL_GUE;
		t->port = gue->udp.dest;
		t->at += sizeof(*gue);
		return 0;
	}
	return -1;
}

/* It is our tunnel to this destination that the error is of. */
static __always_inline int is_tunnel_to(const struct destination *d, const struct tunneled *t)
{
	return d->method == METHOD_TUN && d->tunnel == t->tunnel && same_address(&d->address, &t->server) &&
	       (t->tunnel != TUNNEL_GUE || d->tunnel_port == t->port);
}

/*
 * Leaves of the error the packet that was in the tunnel, as far as it is quoted. Before Linux 6.3
 * bpf_skb_adjust_room() knows of no other family; bpf_skb_change_proto() makes room for its header.
 */
static __always_inline int unpack(struct __sk_buff *skb, struct packet *p, const struct quote *q,
				  __u8 family)
{
	__be16 protocol = bpf_htons(family == 4 ? ETH_P_IP : ETH_P_IPV6);
	__s32 more = family == p->family ? 0 : family == 4 ? -MORE_V6 : MORE_V6;
	__u32 before = q->l3 - ETH_HLEN;
	struct ethhdr *eth;

	if (more && bpf_skb_change_proto(skb, protocol, 0))
		return -1;
	if (bpf_skb_adjust_room(skb, -(__s32)before - more, BPF_ADJ_ROOM_MAC, 0))
		return -1;
	eth = bytes_at(skb, 0, sizeof(*eth));
	if (!eth)
		return -1;
	eth->h_proto = protocol;
	p->family = family;
	p->flow = q->flow;
	p->l4 = q->l4 - before;
	p->bytes -= before;
	return 0;
}

/* Passes on that a packet in one of our tunnels was too big. NOBODY: it is about something else. */
static __noinline int tell_of_tunnel(struct __sk_buff *skb, struct packet *p)
{
	struct tunneled t = {};
	struct quote q = {};
	struct connection *c;
	struct destination *d;
	__u8 *first, family;
	__u32 more;

	if (parse_tunneled(skb, p, &t))
		return NOBODY;
	first = bytes_at(skb, t.at, 1);
	if (!first)
		return NOBODY;
	family = *first >> 4;
	if ((family != 4 && family != 6) || parse_inner(skb, family, t.at, p->l3 + p->bytes, &q))
		return NOBODY;
	c = bpf_map_lookup_elem(&connections, &q.flow);
	d = c ? destination_of(c) : NULL;
	if (!d || !is_tunnel_to(d, &t))
		return NOBODY;
	note_flow(&q.flow, EVENT_ICMP);
	count(COUNTER_ICMP);
	more = tunnel_bytes(d, p->family == 4);
	if (t.mtu <= more || unpack(skb, p, &q, family))
		return TC_ACT_SHOT;
	/* As much as is to be quoted again has to be there. */
	if (quoted_bytes(p) > p->bytes || may_be_cut(skb, p) ||
	    make_icmp(skb, p, ANSWER_TOO_BIG, t.mtu - more))
		return TC_ACT_SHOT;
	return bpf_redirect_neigh(c->interface, NULL, 0, 0);
}
