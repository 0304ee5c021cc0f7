/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tunnels to servers: IP in IP (RFC 2003, 2473), GRE (RFC 2784), GUE version 0 over UDP. Cards and links
 * spread them by what differs outside: the port of GUE, the flow label of IPv6 (RFC 6438).
 */
#pragma once

#include "rewrite.h"
#include "hash.h"

struct gre {
	__be16 flags;
	__be16 protocol;
};

struct gue {
	struct udphdr udp;
	__u8 length;   /* version 0, data, no fields */
	__u8 protocol;
	__be16 flags;
};

static __always_inline __u32 tunnel_bytes(const struct destination *d, int outer_v4)
{
	return (outer_v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) +
	       (d->tunnel == TUNNEL_GUE   ? sizeof(struct gue)
		: d->tunnel == TUNNEL_GRE ? sizeof(struct gre)
					  : 0);
}

/* What follows the outer header. */
static __always_inline __u8 outer_protocol(const struct packet *p, const struct destination *d)
{
	return d->tunnel == TUNNEL_GUE	 ? IPPROTO_UDP
	       : d->tunnel == TUNNEL_GRE ? IPPROTO_GRE
	       : p->family == 4		 ? IPPROTO_IPIP
					 : IPPROTO_IPV6;
}

/* Of the first bytes of a header. */
static __always_inline __u8 class_in(const __u8 *first, __u8 family)
{
	return family == 4 ? first[1] : (first[0] & 15) << 4 | first[1] >> 4;
}

static __always_inline __u8 traffic_class(struct __sk_buff *skb, const struct packet *p)
{
	__u8 *first = bytes_at(skb, p->l3, 2);

	return first ? class_in(first, p->family) : 0;
}

/* IPv6, from us to the server, with a label for the flow. None is 0: that would say there is no label. */
static __always_inline void fill_outer_v6(struct ipv6hdr *ip, const struct packet *p,
					  const struct route *r, const struct destination *d,
					  __u8 protocol, __u8 class, __u32 bytes)
{
	__u32 label = hash_value(&p->flow, HASH_FLOW) & 0xfffff;

	fill_v6(ip, protocol, class, bytes, &r->source, &d->address);
	*(__be32 *)ip |= bpf_htonl(label ? label : 1);
}

/* The outer header, from us to the server. */
static __always_inline int write_outer(struct __sk_buff *skb, const struct packet *p,
				       const struct route *r, const struct destination *d,
				       __u8 protocol, __u8 class, __u32 bytes)
{
	if (is_v4(&d->address)) {
		struct iphdr *ip = bytes_at(skb, p->l3, sizeof(*ip));

		if (!ip)
			return -1;
		fill_v4(ip, protocol, class, bytes, &r->source, &d->address);
	} else {
		struct ipv6hdr *ip = bytes_at(skb, p->l3, sizeof(*ip));

		if (!ip)
			return -1;
		fill_outer_v6(ip, p, r, d, protocol, class, bytes);
	}
	return 0;
}

static __always_inline void fill_gre(struct gre *gre, const struct packet *p)
{
	gre->flags = 0;
	gre->protocol = bpf_htons(p->family == 4 ? ETH_P_IP : ETH_P_IPV6);
}

static __always_inline void fill_gue(struct gue *gue, const struct packet *p,
				     const struct destination *d, __u32 bytes)
{
	gue->udp.source = bpf_htons(0xc000 | (hash_value(&p->flow, HASH_FLOW) & 0x3fff));
	gue->udp.dest = d->tunnel_port;
	gue->udp.len = bpf_htons(bytes);
	gue->udp.check = 0;
	gue->length = 0;
	gue->protocol = p->family == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;
	gue->flags = 0;
}

static __always_inline int write_shim(struct __sk_buff *skb, const struct packet *p,
				      const struct destination *d, __u32 at, __u32 bytes)
{
	if (d->tunnel == TUNNEL_GRE) {
		struct gre *gre = bytes_at(skb, at, sizeof(*gre));

		if (!gre)
			return -1;
		fill_gre(gre, p);
	} else if (d->tunnel == TUNNEL_GUE) {
		struct gue *gue = bytes_at(skb, at, sizeof(*gue));

		if (!gue)
			return -1;
		fill_gue(gue, p, d, bytes);
	}
	return 0;
}

/* Puts the packet into another to the server. The room was looked at before. */
static __noinline int encapsulate(struct __sk_buff *skb, const struct packet *p,
				  const struct destination *d, const struct route *r)
{
	int v4 = is_v4(&d->address);
	__u32 more = tunnel_bytes(d, v4);
	__u32 l3 = v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	__u64 flags = v4 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV6;
	__u8 class = traffic_class(skb, p);
	__u32 inner = p->bytes;
	struct ethhdr *eth;

	if (d->tunnel == TUNNEL_GUE)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
	else if (d->tunnel == TUNNEL_GRE)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L4_GRE;
	/* TCP that the kernel is to cut up is cut into smaller segments, so that each still fits. */
	if (p->flow.protocol != IPPROTO_TCP)
		flags |= BPF_F_ADJ_ROOM_FIXED_GSO;
	if (bpf_skb_adjust_room(skb, more, BPF_ADJ_ROOM_MAC, flags))
		return -1;
	if (write_outer(skb, p, r, d, outer_protocol(p, d), class, inner + more))
		return -1;
	eth = bytes_at(skb, 0, sizeof(*eth));
	if (!eth)
		return -1;
	eth->h_proto = bpf_htons(v4 ? ETH_P_IP : ETH_P_IPV6);
	return write_shim(skb, p, d, p->l3 + l3, inner + more - l3);
}
