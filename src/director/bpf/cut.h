/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that are larger than the way takes, and may be cut up (RFC 791 section 3.2). A piece is cut off
 * at the front and goes on. What is left comes in once more where the packet came in: a later
 * fragment of a known flow, as senders make them, of which a piece is cut off where it is still too
 * large. So a trip is a piece, and each is shorter than the one before.
 */
#pragma once

#include "answer.h"
#include "fragment.h"

#define HEADER_MAX 60
/* Bytes that a piece may carry, and that are taken off at once (bpf_skb_adjust_room()). */
#define PIECE_MOST 9216
#define PIECE_STEP 4088
#define PIECE_STEPS 3
/* Less is not cut off: the transport's header is in it, and what comes before a packet and its sum. */
#define PIECE_LEAST 88
/* Summed up at once (bpf_csum_diff()). */
#define SUM_PART 512

struct cutting {
	__u8 was[HEADER_MAX];  /* the packet's header */
	__u8 left[HEADER_MAX]; /* of what is left of it */
	__u8 option;           /* bytes to come of the option that is looked at */
	__u8 copied;           /* later fragments have it */
	__u8 unused[6];
	__u8 piece[PIECE_MOST];
};

TABLE(cuttings, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct cutting, 1, 0);

/* A walk over all bytes of the transport. */
struct summing {
	struct __sk_buff *skb;
	struct cutting *cutting;
	__u32 at;
	__u32 end;
	__u32 sum;
};

static __always_inline long add_part(__u32 i, struct summing *s)
{
	__u32 bytes = s->end - s->at;
	__u8 *part = s->cutting->piece;

	bytes = length_within(bytes > SUM_PART ? SUM_PART : bytes, SUM_PART);
	if (!bytes || bpf_skb_load_bytes(s->skb, s->at, part, bytes))
		return 1;
	s->at += bytes;
#pragma unroll
	for (int more = 0; more < 3; more++)
		part[bytes + more] = 0;
	s->sum = bpf_csum_diff(NULL, 0, (__be32 *)part, (bytes + 3) & ~3, s->sum);
	return 0;
}

ROUND(add_part, struct summing *, 0x10000 / SUM_PART)

/*
 * A sum that the kernel still owes has to be made while the packet is whole. -1: that cannot be done.
 */
static __noinline int settle_sum(struct __sk_buff *skb, const struct packet *p, struct cutting *cutting)
{
	__u32 check = checksum_offset(p->flow.protocol);
	struct summing s = {
		.skb = skb,
		.cutting = cutting,
		.at = p->l4 + nothing(),
		.end = p->l3 + p->bytes,
		.sum = nothing(),
	};
	__u32 crc;
	__u16 sum;

	/* Of SCTP an owed sum is 0. */
	if (!check)
		return bpf_skb_load_bytes(skb, p->l4 + CRC_AT, &crc, sizeof(crc)) || !crc ? -1 : 0;
	if (bpf_skb_load_bytes(skb, p->l4 + check, &sum, sizeof(sum)))
		return -1;
	if (!is_sum_owed(p, sum) || (!sum && p->flow.protocol == IPPROTO_UDP))
		return 0;
	/* The sum of the pseudo-header, which stands there, is part of it. */
	repeat(add_part, &s);
	if (s.at != s.end)
		return -1;
	sum = ~fold_sum(s.sum);
	if (!sum && p->flow.protocol == IPPROTO_UDP)
		sum = 0xffff;
	return bpf_skb_store_bytes(skb, p->l4 + check, &sum, sizeof(sum), 0);
}

/* A walk over the options of what is left, a byte at a time. */
struct fragment_options {
	struct cutting *cutting;
	__u32 end;
};

#define OPTION_COPIED 0x80

/* What only the first fragment has becomes nothing (RFC 791 section 3.1). */
static __always_inline long leave_option_out(__u32 i, struct fragment_options *o)
{
	struct cutting *cutting = o->cutting;
	__u32 at = sizeof(struct iphdr) + within(i, 64);
	__u8 kind, bytes;

	if (at >= o->end)
		return 1;
	at = within(at, 64);
	if (!cutting->option) {
		kind = cutting->left[at];
		if (kind == OPTION_END)
			return 1;
		bytes = kind == OPTION_NOTHING ? 1 : cutting->left[at + 1];
		if (!bytes || (kind != OPTION_NOTHING && bytes < 2) || at + bytes > o->end)
			return 1;
		cutting->option = bytes;
		cutting->copied = kind & OPTION_COPIED;
	}
	cutting->option--;
	if (!cutting->copied)
		cutting->left[at] = OPTION_NOTHING;
	return 0;
}

ROUND(leave_option_out, struct fragment_options *, HEADER_MAX - sizeof(struct iphdr))

/* Its header's sum changes by what changed. */
static __always_inline void settle_header(struct cutting *cutting, __u8 *header)
{
	struct iphdr *ip = (struct iphdr *)header;
	__u64 sum = (__u32)bpf_csum_diff((__be32 *)cutting->was, HEADER_MAX, (__be32 *)header, HEADER_MAX,
					 (__u16)~ip->check);

	ip->check = ~fold_sum(sum);
}

/* The header of what is left of a packet when so many bytes are cut off. */
static __noinline int write_left(struct cutting *cutting, __u32 header, __u32 packet, __u32 bytes)
{
	struct fragment_options options = { .cutting = cutting, .end = header };
	struct iphdr *ip = (struct iphdr *)cutting->left;
	__u32 place;

	__builtin_memcpy(cutting->left, cutting->was, HEADER_MAX);
	place = bpf_ntohs(ip->frag_off & FRAGMENT_AT) + bytes / 8;
	if (place > bpf_ntohs(FRAGMENT_AT))
		return -1;
	ip->frag_off = (ip->frag_off & ~FRAGMENT_AT) | bpf_htons(place);
	ip->tot_len = bpf_htons(packet - bytes);
	cutting->option = 0;
	if (header > sizeof(*ip))
		repeat(leave_option_out, &options);
	settle_header(cutting, cutting->left);
	return 0;
}

/* Takes bytes off between Ethernet's header and the rest. */
static __always_inline int take_off(struct __sk_buff *skb, __u32 bytes)
{
#pragma unroll
	for (int i = 0; i < PIECE_STEPS; i++) {
		__u32 step = bytes > PIECE_STEP ? PIECE_STEP : bytes;

		if (step && bpf_skb_adjust_room(skb, -(__s32)step, BPF_ADJ_ROOM_MAC, 0))
			return -1;
		bytes -= step;
	}
	return 0;
}

/* What is left comes in once more. -1: it does not. */
static __noinline int return_left(struct __sk_buff *skb, struct cutting *cutting, __u32 header, __u32 bytes)
{
	header = length_within(header, HEADER_MAX);
	if (!header || take_off(skb, bytes) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN, cutting->left, header, BPF_F_RECOMPUTE_CSUM))
		return -1;
	return bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS);
}

/* The piece takes the place of what is left. */
static __noinline int write_piece(struct __sk_buff *skb, struct cutting *cutting, __u32 header, __u32 bytes)
{
	struct iphdr *ip = (struct iphdr *)cutting->left;

	__builtin_memcpy(cutting->left, cutting->was, HEADER_MAX);
	ip->frag_off |= FRAGMENT_MORE;
	ip->tot_len = bpf_htons(header + bytes);
	settle_header(cutting, cutting->left);
	header = length_within(header, HEADER_MAX);
	bytes = length_within(bytes, PIECE_MOST);
	if (!header || !bytes || bpf_skb_change_tail(skb, ETH_HLEN + header + bytes, 0))
		return -1;
	return bpf_skb_store_bytes(skb, ETH_HLEN, cutting->left, header, BPF_F_RECOMPUTE_CSUM) ||
	       bpf_skb_store_bytes(skb, ETH_HLEN + header, cutting->piece, bytes, BPF_F_RECOMPUTE_CSUM);
}

/* SCTP's sum is of the whole packet, and has its ports in it: they cannot change in pieces. */
static __always_inline int keeps_ports(const struct packet *p, const struct destination *d)
{
	return p->flow.protocol != IPPROTO_SCTP || d->method == METHOD_DR || d->method == METHOD_TUN ||
	       (d->method == METHOD_NAT && (!d->port || d->port == p->flow.destination_port));
}

/*
 * Cuts a piece off that fits into `room`: it is the packet from now on. -1: the packet is not to be cut,
 * or has come to harm.
 */
static __noinline int cut(struct __sk_buff *skb, struct packet *p, const struct destination *d, __u32 room)
{
	struct cutting *cutting = array_row(&cuttings, 0);
	__u32 header = length_within(p->l4 - p->l3, HEADER_MAX);
	__u32 bytes = (room - header) & ~7;
	__u32 packet = p->bytes;

	if (!cutting || !header || room < header + PIECE_LEAST || skb->gso_size || !keeps_ports(p, d))
		return -1;
	bytes = length_within(bytes > PIECE_MOST ? PIECE_MOST : bytes, PIECE_MOST);
	if (!bytes || (!p->fragment && settle_sum(skb, p, cutting)))
		return -1;
	__builtin_memset(cutting->was, 0, HEADER_MAX);
	if (bpf_skb_load_bytes(skb, p->l3, cutting->was, header) ||
	    bpf_skb_load_bytes(skb, p->l4, cutting->piece, bytes) ||
	    write_left(cutting, header, packet, bytes))
		return -1;
	if (!p->fragment) {
		p->fragment = 1;
		keep_first(p);
	}
	if (return_left(skb, cutting, header, bytes) || write_piece(skb, cutting, header, bytes))
		return -1;
	p->bytes = header + bytes;
	return 0;
}
