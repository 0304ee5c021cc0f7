/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packet gets headers of the other family (RFC 7915, for what checks send): TCP, UDP and echoes,
 * without options and extensions. What follows the headers stays as it is.
 */
#pragma once

#include "rewrite.h"

#define ECHO_ID offsetof(struct icmp, info)

static __always_inline __u8 echo_type(__u8 family, int is_reply)
{
	return family == 4 ? (is_reply ? 0 : 8) : is_reply ? 129 : 128;
}

/* An echo's identifier stands for the port of who asks. -1: it is no such echo. */
static __always_inline int parse_echo(struct __sk_buff *skb, struct packet *p, int is_reply)
{
	struct icmp *echo = bytes_at(skb, p->l4, sizeof(*echo));

	if (!echo || echo->type != echo_type(p->family, is_reply) || echo->code)
		return -1;
	p->flow.source_port = is_reply ? 0 : *(__be16 *)&echo->info;
	p->flow.destination_port = is_reply ? *(__be16 *)&echo->info : 0;
	return 0;
}

/* By how much the sum of the addresses differs. Mapped ones of IPv4 sum to what they are. */
static __always_inline __s64 change_of_ends(const struct flow *f, const struct address *from,
					    const struct address *to)
{
	__s64 sum = bpf_csum_diff((__u32 *)f->source.word, 16, (__u32 *)from->word, 16, 0);

	return bpf_csum_diff((__u32 *)f->destination.word, 16, (__u32 *)to->word, 16, sum);
}

/*
 * An echo's sum is of itself alone in IPv4. In IPv6 it is of addresses, length and protocol as well
 * (RFC 4443 section 2.3), which this adds or takes away beside the type.
 */
static __always_inline int change_echo(struct __sk_buff *skb, const struct packet *p,
				       const struct address *from, const struct address *to, __u32 bytes)
{
	__u32 at = p->l4 + offsetof(struct icmp, checksum);
	struct icmp *echo = bytes_at(skb, p->l4, sizeof(*echo));
	int is_reply = echo && echo->type == echo_type(p->family, 1);
	__u8 type = echo_type(p->family == 4 ? 6 : 4, is_reply);
	__be32 more[10] = {};
	__s64 sum;

	if (!echo)
		return -1;
	*(struct address *)&more[0] = p->family == 4 ? *from : p->flow.source;
	*(struct address *)&more[4] = p->family == 4 ? *to : p->flow.destination;
	more[8] = bpf_htonl(bytes);
	more[9] = bpf_htonl(IPPROTO_ICMPV6);
	sum = p->family == 4 ? bpf_csum_diff(NULL, 0, more, sizeof(more), 0)
			     : bpf_csum_diff(more, sizeof(more), NULL, 0, 0);
	return bpf_l4_csum_replace(skb, at, 0, sum, BPF_F_PSEUDO_HDR) ||
	       bpf_l4_csum_replace(skb, at, bpf_htons(echo_type(p->family, is_reply) << 8),
				   bpf_htons(type << 8), 2) ||
	       bpf_skb_store_bytes(skb, p->l4, &type, sizeof(type), 0);
}

/* What follows the header of layer 3 says the same between other addresses. */
static __always_inline int change_transport(struct __sk_buff *skb, const struct packet *p,
					    const struct address *from, const struct address *to,
					    __u32 bytes)
{
	__u32 check = checksum_offset(p->flow.protocol);
	__u64 flags = p->flow.protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;

	if (p->icmp)
		return change_echo(skb, p, from, to, bytes);
	return !check || bpf_l4_csum_replace(skb, p->l4 + check, 0, change_of_ends(&p->flow, from, to),
					     flags | BPF_F_PSEUDO_HDR);
}

/* Writes the header; what a card has summed up of the packet is kept right. */
static __always_inline int write_header(struct __sk_buff *skb, const struct packet *p, __u8 class,
					__u32 payload)
{
	const struct flow *f = &p->flow;
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	} h = {};

	if (p->family == 4) {
		fill_v4(&h.v4, f->protocol, class, sizeof(h.v4) + payload, &f->source, &f->destination);
		return bpf_skb_store_bytes(skb, ETH_HLEN, &h, sizeof(h.v4), BPF_F_RECOMPUTE_CSUM);
	}
	fill_v6(&h.v6, f->protocol, class, sizeof(h.v6) + payload, &f->source, &f->destination);
	return bpf_skb_store_bytes(skb, ETH_HLEN, &h, sizeof(h.v6), BPF_F_RECOMPUTE_CSUM);
}

/* The packet is of the other family, between these. -1: it cannot be. */
static __noinline int change_family(struct __sk_buff *skb, struct packet *p, const struct address *from,
				    const struct address *to)
{
	__u32 header = p->l4 - p->l3;
	__u32 payload = p->bytes - header;
	__u8 *first = bytes_at(skb, p->l3, 2);
	__be16 protocol;
	__u8 class;

	if (!first || p->fragment ||
	    header != (p->family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)))
		return -1;
	class = p->family == 4 ? first[1] : (first[0] & 15) << 4 | first[1] >> 4;
	if (change_transport(skb, p, from, to, payload))
		return -1;
	p->family = p->family == 4 ? 6 : 4;
	protocol = bpf_htons(p->family == 4 ? ETH_P_IP : ETH_P_IPV6);
	if (bpf_skb_change_proto(skb, protocol, 0) ||
	    bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &protocol, sizeof(protocol), 0))
		return -1;
	p->flow.source = *from;
	p->flow.destination = *to;
	if (p->icmp)
		p->flow.protocol = p->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	header = p->family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	p->l4 = p->l3 + header;
	p->bytes = header + payload;
	return write_header(skb, p, class, payload);
}
