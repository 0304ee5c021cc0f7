/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of our own: a reset (RFC 9293 section 3.5.2) and ICMP errors (RFC 792, 4443). They are made of
 * the packet that they answer, and go back where it came from.
 *
 * Of that packet the transport's checksum may be still to be made by the kernel, which will then sum
 * up the transport's header and write the result there, whatever it has become; nothing tells us
 * whether. So a word that nobody looks at (the urgent pointer, a quoted length) is set such that
 * what the kernel would write is what stands there.
 */
#pragma once

#include "rewrite.h"
#include "connection.h"

#define ANSWERS_A_SECOND 1000

enum answer { ANSWER_HOPS_SPENT, ANSWER_TOO_BIG, ANSWER_NO_PORT };

static __always_inline int may_answer(void)
{
	return spend(ALLOWANCE_ANSWERS, ANSWERS_A_SECOND);
}

static __always_inline void swap_hardware(struct ethhdr *eth)
{
	__u8 was[ETH_ALEN];

	__builtin_memcpy(was, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, was, ETH_ALEN);
}

/* The sum of a pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1), folded. */
static __always_inline __u16 pseudo_sum(const struct address *a, const struct address *b, __u8 family,
					__u16 bytes, __u8 protocol)
{
	__u64 sum = bpf_htons(bytes) + bpf_htons(protocol);

	for (int i = family == 4 ? 3 : 0; i < 4; i++) {
		sum += (a->word[i] & 0xffff) + (a->word[i] >> 16);
		sum += (b->word[i] & 0xffff) + (b->word[i] >> 16);
	}
	return fold_sum(sum);
}

/*
 * A sender on this machine, or behind a virtual wire, may leave the transport's sum to a card. Until
 * then the pseudo-header's stands there, and nothing else tells that more is owed. Of whole sums one in
 * 65,536 looks the same.
 */
static __always_inline int is_sum_owed(const struct packet *p, __sum16 sum)
{
	return sum == pseudo_sum(&p->flow.source, &p->flow.destination, p->family,
				 p->bytes - (p->l4 - ETH_HLEN), p->flow.protocol);
}

static __always_inline int write_reset(struct __sk_buff *skb, struct packet *p, __be32 seq, __be32 ack,
				       int answers_ack)
{
	struct tcphdr *tcp = bytes_at(skb, p->l4, sizeof(*tcp));
	__u16 pseudo = pseudo_sum(&p->flow.source, &p->flow.destination, p->family, sizeof(*tcp),
				  IPPROTO_TCP);
	__s64 sum;

	if (!tcp)
		return -1;
	tcp->source = p->flow.destination_port;
	tcp->dest = p->flow.source_port;
	tcp->seq = answers_ack ? ack : 0;
	tcp->ack_seq = answers_ack ? 0 : seq;
	/* Header of five words, flags. */
	((__be16 *)tcp)[6] = bpf_htons(0x5000 | TCP_RST | (answers_ack ? 0 : TCP_ACK));
	tcp->window = 0;
	tcp->check = pseudo;
	tcp->urg_ptr = 0;
	sum = bpf_csum_diff(NULL, 0, (__be32 *)tcp, sizeof(*tcp), 0);
	tcp->urg_ptr = ~fold_sum((__u64)(__u32)sum + pseudo);
	return 0;
}

/* Refuses a TCP packet. */
static __noinline int send_reset(struct __sk_buff *skb, struct packet *p)
{
	__u32 l3 = p->family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	struct tcphdr *tcp = bytes_at(skb, ETH_HLEN + l3, sizeof(*tcp));
	struct ethhdr *eth;
	__be32 seq, ack;
	__u32 payload;

	if (!tcp || p->l4 != ETH_HLEN + l3 || p->fragment || !may_answer())
		return TC_ACT_SHOT;
	payload = p->l3 + p->bytes - p->l4 - p->header;
	seq = bpf_htonl(bpf_ntohl(tcp->seq) + payload + !!(p->tcp & TCP_SYN) + !!(p->tcp & TCP_FIN));
	ack = tcp->ack_seq;
	if (bpf_skb_change_tail(skb, p->l4 + sizeof(*tcp), 0))
		return TC_ACT_SHOT;
	if (write_reset(skb, p, seq, ack, p->tcp & TCP_ACK))
		return TC_ACT_SHOT;
	if (p->family == 4) {
		struct iphdr *ip = bytes_at(skb, ETH_HLEN, sizeof(*ip));

		if (!ip)
			return TC_ACT_SHOT;
		fill_v4(ip, IPPROTO_TCP, 0, l3 + sizeof(*tcp), &p->flow.destination, &p->flow.source);
	} else {
		struct ipv6hdr *ip = bytes_at(skb, ETH_HLEN, sizeof(*ip));

		if (!ip)
			return TC_ACT_SHOT;
		fill_v6(ip, IPPROTO_TCP, 0, l3 + sizeof(*tcp), &p->flow.destination, &p->flow.source);
	}
	eth = bytes_at(skb, 0, sizeof(*eth));
	if (!eth)
		return TC_ACT_SHOT;
	swap_hardware(eth);
	return bpf_redirect(skb->ifindex, 0);
}

/* Bytes of the transport's header that an error quotes: up to its checksum at least. */
#define QUOTED_TCP 20
#define QUOTED_UDP 8

/* Makes the quoted header come out the same whether or not the kernel sums it up. */
static __always_inline int settle_quote(struct __sk_buff *skb, const struct packet *p, __u32 at)
{
	if (p->flow.protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = bytes_at(skb, at, QUOTED_TCP);

		if (!tcp)
			return -1;
		tcp->check = 0xffff;
		tcp->urg_ptr = 0;
		tcp->urg_ptr = ~fold_sum((__u32)bpf_csum_diff(NULL, 0, (__be32 *)tcp, QUOTED_TCP, 0));
	} else if (p->flow.protocol == IPPROTO_UDP) {
		struct udphdr *udp = bytes_at(skb, at, QUOTED_UDP);

		if (!udp)
			return -1;
		udp->check = 0xffff;
		udp->len = 0;
		udp->len = ~fold_sum((__u32)bpf_csum_diff(NULL, 0, (__be32 *)udp, QUOTED_UDP, 0));
	}
	return 0;
}

static __always_inline int has_settled(const struct packet *p)
{
	return p->flow.protocol == IPPROTO_TCP || p->flow.protocol == IPPROTO_UDP;
}

static __always_inline int write_icmp_v4(struct __sk_buff *skb, const struct packet *p, int answer,
					 __u32 info, __u32 quoted)
{
	struct iphdr *ip = bytes_at(skb, ETH_HLEN, sizeof(*ip));
	struct icmp *icmp;
	__s64 sum;

	if (!ip)
		return -1;
	fill_v4(ip, IPPROTO_ICMP, 0, sizeof(*ip) + sizeof(*icmp) + quoted, &p->flow.destination,
		&p->flow.source);
	icmp = bytes_at(skb, ETH_HLEN + sizeof(*ip), sizeof(*icmp) + sizeof(*ip) + QUOTED_UDP);
	if (!icmp)
		return -1;
	icmp->type = answer == ANSWER_HOPS_SPENT ? ICMP_TIME : ICMP_UNREACHABLE;
	/* Fragmentation needed, port unreachable. */
	icmp->code = answer == ANSWER_TOO_BIG ? 4 : answer == ANSWER_NO_PORT ? 3 : 0;
	icmp->checksum = 0;
	icmp->info = bpf_htonl(info);
	/* The quoted transport header was made to sum up to nothing. */
	sum = bpf_csum_diff(NULL, 0, (__be32 *)icmp, sizeof(*icmp) + sizeof(*ip), 0);
	if (!has_settled(p))
		sum = bpf_csum_diff(NULL, 0, (__be32 *)icmp, sizeof(*icmp) + sizeof(*ip) + QUOTED_UDP, 0);
	icmp->checksum = ~fold_sum((__u32)sum);
	return 0;
}

static __always_inline int write_icmp_v6(struct __sk_buff *skb, const struct packet *p, int answer,
					 __u32 info, __u32 quoted)
{
	struct ipv6hdr *ip = bytes_at(skb, ETH_HLEN, sizeof(*ip));
	struct icmp *icmp;
	__u32 bytes = sizeof(*icmp) + quoted;
	__s64 sum;

	if (!ip)
		return -1;
	fill_v6(ip, IPPROTO_ICMPV6, 0, sizeof(*ip) + bytes, &p->flow.destination, &p->flow.source);
	icmp = bytes_at(skb, ETH_HLEN + sizeof(*ip), sizeof(*icmp) + sizeof(*ip) + QUOTED_UDP);
	if (!icmp)
		return -1;
	icmp->type = answer == ANSWER_HOPS_SPENT ? ICMP6_TIME
			   : answer == ANSWER_TOO_BIG ? ICMP6_TOO_BIG
						      : ICMP6_UNREACHABLE;
	icmp->code = answer == ANSWER_NO_PORT ? 4 : 0;
	icmp->checksum = 0;
	icmp->info = bpf_htonl(info);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)icmp, sizeof(*icmp) + sizeof(*ip), 0);
	/* 8 bytes more: of a transport that was not settled, or a fragment's header before one that was. */
	if (!has_settled(p) || p->fragment)
		sum = bpf_csum_diff(NULL, 0, (__be32 *)icmp, sizeof(*icmp) + sizeof(*ip) + QUOTED_UDP, 0);
	sum = (__u32)sum + (__u64)pseudo_sum(&p->flow.source, &p->flow.destination, 6, bytes, IPPROTO_ICMPV6);
	icmp->checksum = ~fold_sum(sum);
	return 0;
}

/* What of a packet an error quotes, from layer 3 on. */
static __always_inline __u32 quoted_bytes(const struct packet *p)
{
	return p->l4 - ETH_HLEN + (p->flow.protocol == IPPROTO_TCP ? QUOTED_TCP : QUOTED_UDP);
}

/*
 * The transport follows the first header, in IPv6 perhaps with a fragment's between. Packets with other
 * headers or options are not answered.
 */
static __always_inline int is_answerable(const struct packet *p)
{
	__u32 l4 = ETH_HLEN + (p->family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));

	if (p->fragment == 2)
		return 0;
	if (p->family == 6 && p->fragment)
		return p->l4 == l4 + sizeof(struct extension) && has_settled(p);
	return p->l4 == l4;
}

/* Makes of a packet the error that tells its sender of it. -1: there is to be none. */
static __noinline int make_icmp(struct __sk_buff *skb, struct packet *p, int answer, __u32 info)
{
	__u32 l3 = p->family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	__u32 quoted = quoted_bytes(p);

	if (!is_answerable(p) || !may_answer())
		return -1;
	if (bpf_skb_change_tail(skb, ETH_HLEN + quoted, 0))
		return -1;
	if (settle_quote(skb, p, p->l4))
		return -1;
	if (bpf_skb_adjust_room(skb, l3 + sizeof(struct icmp), BPF_ADJ_ROOM_MAC, 0))
		return -1;
	return p->family == 4 ? write_icmp_v4(skb, p, answer, info, quoted)
			      : write_icmp_v6(skb, p, answer, info, quoted);
}

/* Tells the sender what became of its packet. `info`: the size that would go through. */
static __noinline int send_icmp(struct __sk_buff *skb, struct packet *p, int answer, __u32 info)
{
	struct ethhdr *eth;

	if (make_icmp(skb, p, answer, info))
		return TC_ACT_SHOT;
	eth = bytes_at(skb, 0, sizeof(*eth));
	if (!eth)
		return TC_ACT_SHOT;
	swap_hardware(eth);
	return bpf_redirect(skb->ifindex, 0);
}
