/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes to a packet. Checksums change by what changed (RFC 1624), through the kernel's helpers where
 * a card or the kernel may still owe the sum. Helpers may move the packet: pointers are taken anew.
 */
#pragma once

#include "crc32c.h"

static __always_inline __sum16 fold_sum(__u64 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Changes a 16-bit word under the checksum of an IPv4 header. */
static __always_inline void change_word(struct iphdr *ip, __u16 *word, __u16 to)
{
	__u64 sum = (__u16)~ip->check + (__u16)~*word + to;

	*word = to;
	ip->check = ~fold_sum(sum);
}

static __always_inline void change_v4(struct iphdr *ip, __be32 *word, __be32 to)
{
	__u64 sum = (__u16)~ip->check;

	sum += (__u16)~(*word & 0xffff) + (__u16)~(*word >> 16);
	sum += (to & 0xffff) + (to >> 16);
	*word = to;
	ip->check = ~fold_sum(sum);
}

/* One hop less. -1: there was none left. */
static __always_inline int spend_hop(struct __sk_buff *skb, const struct packet *p)
{
	if (p->family == 4) {
		struct iphdr *ip = bytes_at(skb, p->l3, sizeof(*ip));
		__u16 *word;

		if (!ip || ip->ttl <= 1)
			return -1;
		word = (__u16 *)&ip->ttl;
		change_word(ip, word, *word - bpf_htons(0x100));
	} else {
		struct ipv6hdr *ip = bytes_at(skb, p->l3, sizeof(*ip));

		if (!ip || ip->hop_limit <= 1)
			return -1;
		ip->hop_limit--;
	}
	return 0;
}

static __always_inline int has_hop(struct __sk_buff *skb, const struct packet *p)
{
	__u8 *left = bytes_at(skb, p->l3 + (p->family == 4 ? offsetof(struct iphdr, ttl)
							    : offsetof(struct ipv6hdr, hop_limit)),
			      1);

	return left && *left > 1;
}

/* Its sender lets it be cut up on the way. */
static __always_inline int may_be_cut(struct __sk_buff *skb, const struct packet *p)
{
	struct iphdr *ip;

	if (p->family == 6)
		return 0;
	ip = bytes_at(skb, p->l3, sizeof(*ip));
	return ip && !(ip->frag_off & DONT_FRAGMENT);
}

/* Where the checksum that is of the addresses, too, is from the transport's header, or 0: there is none. */
static __always_inline __u32 checksum_offset(__u8 protocol)
{
	if (protocol == IPPROTO_ICMPV6)
		return offsetof(struct icmp, checksum);
	if (protocol == IPPROTO_TCP)
		return offsetof(struct tcphdr, check);
	if (protocol == IPPROTO_UDP)
		return offsetof(struct udphdr, check);
	return 0;
}

/* Gives the header of layer 3 at `l3` another source (`end` 0) or destination (`end` 1). */
static __always_inline int change_address(struct __sk_buff *skb, __u8 family, __u32 l3, int end,
					  const struct address *to)
{
	if (family == 4) {
		struct iphdr *ip = bytes_at(skb, l3, sizeof(*ip));

		if (!ip)
			return -1;
		change_v4(ip, end ? &ip->daddr : &ip->saddr, to->word[3]);
	} else {
		struct ipv6hdr *ip = bytes_at(skb, l3, sizeof(*ip));

		if (!ip)
			return -1;
		__builtin_memcpy(end ? &ip->daddr : &ip->saddr, to, 16);
	}
	return 0;
}

/* The same of a port in the transport's header. */
static __always_inline int change_port(struct __sk_buff *skb, __u32 l4, int end, __be16 to)
{
	struct ports *ports = bytes_at(skb, l4, sizeof(*ports));

	if (!ports)
		return -1;
	if (end)
		ports->destination = to;
	else
		ports->source = to;
	return 0;
}

/* Headers of packets that begin here: of our answers, and of tunnels. */
#define OWN_HOPS 64

static __always_inline void fill_v4(struct iphdr *ip, __u8 protocol, __u8 class, __u32 bytes,
				    const struct address *from, const struct address *to)
{
	__u64 sum = 0;

	ip->version = 4;
	ip->ihl = 5;
	ip->tos = class;
	ip->tot_len = bpf_htons(bytes);
	ip->id = 0;
	ip->frag_off = DONT_FRAGMENT;
	ip->ttl = OWN_HOPS;
	ip->protocol = protocol;
	ip->check = 0;
	ip->saddr = from->word[3];
	ip->daddr = to->word[3];
	for (int i = 0; i < 10; i++)
		sum += ((__u16 *)ip)[i];
	ip->check = ~fold_sum(sum);
}

static __always_inline void fill_v6(struct ipv6hdr *ip, __u8 protocol, __u8 class, __u32 bytes,
				    const struct address *from, const struct address *to)
{
	*(__be32 *)ip = bpf_htonl(6u << 28 | (__u32)class << 20);
	ip->payload_len = bpf_htons(bytes - sizeof(*ip));
	ip->nexthdr = protocol;
	ip->hop_limit = OWN_HOPS;
	__builtin_memcpy(&ip->saddr, from, 16);
	__builtin_memcpy(&ip->daddr, to, 16);
}

/*
 * Gives the packet another source (`end` 0) or destination (`end` 1), address and port.
 */
static __always_inline int change_end(struct __sk_buff *skb, struct packet *p, int end,
				      const struct address *to, __be16 port)
{
	struct address *was = end ? &p->flow.destination : &p->flow.source;
	__be16 *was_port = end ? &p->flow.destination_port : &p->flow.source_port;
	__u32 check = checksum_offset(p->flow.protocol);
	__u64 flags = p->flow.protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;

	if (p->fragment != 2 && check) {
		__u64 from = p->family == 4 ? was->word[3] : 0;
		__u64 changed = p->family == 4
					? to->word[3]
					: bpf_csum_diff(was->word, 16, (__u32 *)to->word, 16, 0);

		if (bpf_l4_csum_replace(skb, p->l4 + check, from, changed,
					flags | BPF_F_PSEUDO_HDR | (p->family == 4 ? 4 : 0)))
			return -1;
		if (port != *was_port &&
		    bpf_l4_csum_replace(skb, p->l4 + check, *was_port, port, flags | 2))
			return -1;
	}
	if (change_address(skb, p->family, p->l3, end, to))
		return -1;
	if (p->fragment != 2 && port != *was_port) {
		if (p->flow.protocol == IPPROTO_SCTP && change_crc(skb, p, end, *was_port ^ port))
			return -1;
		if (change_port(skb, p->l4, end, port))
			return -1;
	}
	*was = *to;
	*was_port = port;
	return 0;
}

/* Out on an interface, the next hop's hardware address found by the kernel. */
static __always_inline int send_to(const struct route *r)
{
	struct bpf_redir_neigh hop = {};

	if (r->family == 4) {
		hop.nh_family = 2; /* AF_INET */
		hop.ipv4_nh = r->next_hop.word[3];
	} else {
		hop.nh_family = 10; /* AF_INET6 */
		__builtin_memcpy(hop.ipv6_nh, &r->next_hop, 16);
	}
	return bpf_redirect_neigh(r->interface, &hop, sizeof(hop), 0);
}
