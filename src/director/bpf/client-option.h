/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's address for servers that see ours (FULLNAT): a TCP option, first of all, in every packet
 * from the one that ends the handshake on until the server has answered one that had it. Modules that
 * read it on servers are many (toa), so its form is theirs: kind 254 with an address of IPv4, 253 with
 * one of IPv6, then the length, the port, the address.
 *
 * A checksum may still be owed by the kernel, which then sums up from where the header began when the
 * packet came. So the header stays where it is, and what follows it moves up. A packet that is to be
 * cut into segments cannot grow at its end: its headers are taken off and put on anew, by which the
 * kernel forgets that it owed the sum, and makes one for each segment.
 */
#pragma once

#include "rewrite.h"

#define OPTIONS_MAX 40
/* Two times nothing, then timestamps: what most packets have, and nothing else. */
#define TIMES_ALONE bpf_htonl(0x0101080a)
#define TIMES_BYTES 12
/* Bytes that are moved at once; and of headers that can be put on anew. */
#define PART 256
/* Of what a packet can be without being cut up. */
#define PARTS_MAX 256
/* Every link of IPv6 takes that (RFC 8200 section 5); less than that, IPv4's are not real. */
#define LEAST_MTU_V6 1280
#define LEAST_MTU_V4 68

struct client_option {
	__u8 kind;
	__u8 length;
	__be16 port;
	__be32 address[4]; /* of IPv4 one */
};

/* The word of a TCP header with its length, and what comes first behind the header. */
struct changed_words {
	__be32 length;
	struct client_option option;
};

/* A part of a packet; or its options, as they were and as they are to be. */
union spare {
	__u8 part[PART];
	struct {
		__u8 was[OPTIONS_MAX];
		__u8 now[OPTIONS_MAX];
	};
};

TABLE(spares, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, union spare, 1, 0);

static __always_inline __u32 client_option_bytes(__u8 family)
{
	return family == 4 ? 8 : 20;
}

/* Flags are one word with the state, which the other direction may change at once. */
static __always_inline __u32 state_word(__u16 state, __u16 flags)
{
	union {
		struct {
			__u16 state;
			__u16 flags;
		};
		__u32 word;
	} both = { .state = state, .flags = flags };

	return both.word;
}

static __always_inline void flag(struct connection *c, __u16 flags)
{
	__sync_fetch_and_or((__u32 *)&c->state, state_word(0, flags));
}

static __always_inline void unflag(struct connection *c, __u16 flags)
{
	__sync_fetch_and_and((__u32 *)&c->state, state_word(0xffff, ~flags));
}

/* The options of a TCP header, and how many bytes of them there are. NULL: none that can be read. */
static __always_inline union spare *gather_options(struct __sk_buff *skb, const struct packet *p,
						 __u32 *bytes)
{
	union spare *spare = array_row(&spares, 0);
	__u32 length = length_within(p->header - sizeof(struct tcphdr), OPTIONS_MAX);

	if (!spare || !length || bpf_skb_load_bytes(skb, p->l4 + sizeof(struct tcphdr), spare->was, length))
		return NULL;
	*bytes = length;
	return spare;
}

/*
 * The kind of option that begins at a place; OPTION_NOTHING also within one, of which `left` bytes
 * follow; OPTION_END where no reader goes on.
 */
static __always_inline __u8 option_at(const __u8 *options, __u32 at, __u32 bytes, __u32 *left)
{
	if (at >= bytes)
		return OPTION_END;
	if (*left) {
		--*left;
		return OPTION_NOTHING;
	}
	if (options[at] <= OPTION_NOTHING)
		return options[at];
	if (at + 1 >= bytes || options[at + 1] < 2 || at + options[at + 1] > bytes)
		return OPTION_END;
	*left = options[at + 1] - 1;
	return options[at];
}

/* A walk over options, byte by byte, which the verifier looks at once. */
struct option_walk {
	union spare *spare;
	__u32 bytes; /* of all options */
	__u32 left;  /* of the one it is in */
	int ours;    /* that is one that servers would take for ours */
	int found;
	__u32 mss;   /* where the MSS stands in them; 0: nowhere */
};

static __always_inline long clear_byte(__u32 i, struct option_walk *w)
{
	int within = w->left != 0;
	__u8 kind;

	if (i >= OPTIONS_MAX)
		return 1;
	kind = option_at(w->spare->was, i, w->bytes, &w->left);
	if (kind == OPTION_END)
		return 1;
	if (!within)
		w->ours = kind == OPTION_CLIENT_V4 || kind == OPTION_CLIENT_V6;
	if (w->ours) {
		w->spare->now[i] = OPTION_NOTHING;
		w->found = 1;
	}
	return 0;
}
ROUND(clear_byte, struct option_walk *, OPTIONS_MAX)

/* Makes nothing of what a client says in the place of our option: nobody says who he is himself. */
static __always_inline int clear_options(struct __sk_buff *skb, const struct packet *p)
{
	__be32 *first = bytes_at(skb, p->l4 + sizeof(struct tcphdr), sizeof(*first));
	struct option_walk w = {};
	union spare *spare;
	__u32 options;
	__s64 changed;

	if (first && *first == TIMES_ALONE && p->header == sizeof(struct tcphdr) + TIMES_BYTES)
		return 0;
	spare = gather_options(skb, p, &w.bytes);
	if (!spare)
		return -1;
	__builtin_memcpy(spare->now, spare->was, OPTIONS_MAX);
	w.spare = spare;
	w.left = w.ours = w.found = nothing();
	repeat(clear_byte, &w);
	if (!w.found)
		return 0;
	changed = bpf_csum_diff((__be32 *)spare->was, OPTIONS_MAX, (__be32 *)spare->now, OPTIONS_MAX, 0);
	if (bpf_l4_csum_replace(skb, p->l4 + offsetof(struct tcphdr, check), 0, changed, 0))
		return -1;
	options = length_within(w.bytes, OPTIONS_MAX);
	if (!options)
		return -1;
	return bpf_skb_store_bytes(skb, p->l4 + sizeof(struct tcphdr), spare->now, options, 0) ? -1 : 0;
}

/* What of a packet is to move up, from its end on. */
struct shift {
	struct __sk_buff *skb;
	__u32 begin;
	__u32 end;
	__u32 by;
	int failed;
};

static __always_inline long move_part(__u32 i, struct shift *s)
{
	union spare *spare = array_row(&spares, 0);
	__u32 rest = s->end - s->begin;
	__u32 bytes = length_within(rest > PART ? PART : rest, PART);

	if (!spare || !bytes)
		return 1;
	s->end -= bytes;
	s->failed = bpf_skb_load_bytes(s->skb, s->end, spare->part, bytes) ||
		    bpf_skb_store_bytes(s->skb, s->end + s->by, spare->part, bytes, 0);
	return s->failed;
}
ROUND(move_part, struct shift *, PARTS_MAX)

/* Opens room behind the TCP header of a packet that stays one. */
static __noinline int move_up(struct __sk_buff *skb, const struct packet *p, __u32 more)
{
	struct shift s = {
		.skb = skb,
		.begin = p->l4 + sizeof(struct tcphdr),
		.end = p->l3 + p->bytes,
		.by = more,
	};

	if (bpf_skb_change_tail(skb, s.end + more, 0))
		return 1;
	repeat(move_part, &s);
	return s.failed || s.end != s.begin ? -1 : 0;
}

/* The same of one that is to be cut up. Behind Ethernet's header nothing stays in its place. */
static __noinline int put_on_anew(struct __sk_buff *skb, const struct packet *p, __u32 more)
{
	union spare *spare = array_row(&spares, 0);
	__u32 most = PART - OPTIONS_MAX;
	__u32 fixed = length_within(p->l4 - ETH_HLEN + sizeof(struct tcphdr), most);
	__u32 options = length_within(p->header - sizeof(struct tcphdr), OPTIONS_MAX);
	__u32 all = length_within(fixed + options, PART);

	if (!spare || !fixed || !all || bpf_skb_load_bytes(skb, ETH_HLEN, spare->part, all))
		return 1;
	if (bpf_skb_adjust_room(skb, -(__s32)all, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO))
		return 1;
	if (bpf_skb_adjust_room(skb, all + more, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN, spare->part, fixed, 0))
		return -1;
	return options && bpf_skb_store_bytes(skb, ETH_HLEN + fixed + more, spare->part + fixed, options, 0)
		       ? -1
		       : 0;
}

/* 1: there is none to be had. -1: the packet has come to harm. */
static __always_inline int open_room(struct __sk_buff *skb, const struct packet *p, __u32 more)
{
	if (p->header + more > sizeof(struct tcphdr) + OPTIONS_MAX || p->bytes + more > 0xffff)
		return 1;
	return skb->gso_size ? put_on_anew(skb, p, more) : move_up(skb, p, more);
}

/* The packet has become longer: its first header says so. */
static __always_inline int change_length(struct __sk_buff *skb, const struct packet *p)
{
	if (p->family == 4) {
		struct iphdr *ip = bytes_at(skb, p->l3, sizeof(*ip));

		if (!ip)
			return -1;
		change_word(ip, &ip->tot_len, bpf_htons(p->bytes));
	} else {
		struct ipv6hdr *ip = bytes_at(skb, p->l3, sizeof(*ip));

		if (!ip)
			return -1;
		ip->payload_len = bpf_htons(p->bytes - sizeof(*ip));
	}
	return 0;
}

/* Writes the option where room was opened for it, with all that says how long things are. */
static __always_inline int write_option(struct __sk_buff *skb, struct packet *p, __u32 more)
{
	struct changed_words now = {};
	__u32 check = p->l4 + offsetof(struct tcphdr, check);
	__u32 segment = p->l3 + p->bytes - p->l4;
	__be32 was;

	if (bpf_skb_load_bytes(skb, p->l4 + 12, &was, sizeof(was)))
		return -1;
	now.length = was + bpf_htonl(more / 4 << 28);
	now.option.length = more;
	now.option.port = p->flow.source_port;
	if (p->family == 4) {
		now.option.kind = OPTION_CLIENT_V4;
		now.option.address[0] = p->flow.source.word[3];
	} else {
		now.option.kind = OPTION_CLIENT_V6;
		__builtin_memcpy(now.option.address, &p->flow.source, 16);
	}
	/* Unused words are zeros, which no sum sees. */
	if (bpf_l4_csum_replace(skb, check, bpf_htons(segment), bpf_htons(segment + more),
				BPF_F_PSEUDO_HDR | 2) ||
	    bpf_l4_csum_replace(skb, check, 0, bpf_csum_diff(&was, 4, (__be32 *)&now, sizeof(now), 0), 0))
		return -1;
	if (bpf_skb_store_bytes(skb, p->l4 + 12, &now.length, sizeof(now.length), 0) ||
	    bpf_skb_store_bytes(skb, p->l4 + sizeof(struct tcphdr), &now.option, more, 0))
		return -1;
	p->bytes += more;
	p->header += more;
	return change_length(skb, p);
}

/*
 * A client's packet goes to a server that is to know who he is; `room` are bytes by which it may grow.
 * Where it cannot, it goes without. -1: it has come to harm.
 */
static __noinline int pass_client(struct __sk_buff *skb, struct packet *p, struct connection *c, __u32 room)
{
	__u32 more = client_option_bytes(p->family);
	int opened;

	if (p->flow.protocol != IPPROTO_TCP || p->fragment == 2)
		return 0;
	if (p->header > sizeof(struct tcphdr) && clear_options(skb, p))
		return -1;
	if (p->tcp & TCP_SYN) {
		if (c->flags & (CONNECTION_TOLD | CONNECTION_HEARD))
			unflag(c, CONNECTION_TOLD | CONNECTION_HEARD);
		return 0;
	}
	if (c->flags & CONNECTION_HEARD || p->fragment || (p->tcp & (TCP_ACK | TCP_RST)) != TCP_ACK)
		return 0;
	opened = more > room ? 1 : open_room(skb, p, more);
	if (opened > 0)
		count(COUNTER_NO_ROOM);
	if (opened)
		return opened > 0 ? 0 : -1;
	if (!(c->flags & CONNECTION_TOLD))
		flag(c, CONNECTION_TOLD);
	return write_option(skb, p, more);
}

static __always_inline long find_mss(__u32 i, struct option_walk *w)
{
	__u8 kind;

	if (i >= OPTIONS_MAX)
		return 1;
	kind = option_at(w->spare->was, i, w->bytes, &w->left);
	if (kind == OPTION_MSS && w->left == 3)
		w->mss = i + 2;
	return kind == OPTION_END || kind == OPTION_MSS;
}
ROUND(find_mss, struct option_walk *, OPTIONS_MAX)

/* Clients of such a service shall send segments in which our option finds room. */
static __always_inline int lower_mss(struct __sk_buff *skb, const struct packet *p)
{
	__u32 at, more = client_option_bytes(p->family);
	struct option_walk w = {};
	__be16 was, now;

	w.spare = gather_options(skb, p, &w.bytes);
	if (!w.spare)
		return 0;
	w.left = w.mss = nothing();
	repeat(find_mss, &w);
	at = p->l4 + sizeof(struct tcphdr) + w.mss;
	if (!w.mss || bpf_skb_load_bytes(skb, at, &was, sizeof(was)) || bpf_ntohs(was) <= more)
		return 0;
	now = bpf_htons(bpf_ntohs(was) - more);
	/* Halves of two words, where it stands at an odd place: the other way round. */
	if (bpf_l4_csum_replace(skb, p->l4 + offsetof(struct tcphdr, check),
				(at - p->l4) & 1 ? __builtin_bswap16(was) : was,
				(at - p->l4) & 1 ? __builtin_bswap16(now) : now, sizeof(was)))
		return -1;
	return bpf_skb_store_bytes(skb, at, &now, sizeof(now), 0) ? -1 : 0;
}

/*
 * A server answers. Whatever is not of the handshake says that a packet with the option has come to
 * it, if there was one. -1: the packet has come to harm.
 */
static __noinline int hear_server(struct __sk_buff *skb, const struct packet *p, struct connection *c)
{
	if (p->flow.protocol != IPPROTO_TCP || p->fragment == 2)
		return 0;
	if (p->tcp & TCP_SYN)
		return lower_mss(skb, p);
	if (!(p->tcp & TCP_RST) && (c->flags & (CONNECTION_TOLD | CONNECTION_HEARD)) == CONNECTION_TOLD)
		flag(c, CONNECTION_HEARD);
	return 0;
}

/*
 * On the way to a server a packet was too big: the client is told of a size that leaves room for what
 * we add, or it would send the same again.
 */
static __noinline int lower_mtu(struct __sk_buff *skb, const struct packet *p)
{
	struct icmp *icmp = bytes_at(skb, p->l4, sizeof(*icmp));
	__u32 more = client_option_bytes(p->family), mtu, least;
	__be32 was, now;

	if (!icmp || (p->family == 4 ? icmp->type != ICMP_UNREACHABLE || icmp->code != 4
				     : icmp->type != ICMP6_TOO_BIG))
		return 0;
	was = icmp->info;
	mtu = p->family == 4 ? bpf_ntohl(was) & 0xffff : bpf_ntohl(was);
	least = p->family == 4 ? LEAST_MTU_V4 : LEAST_MTU_V6;
	if (mtu <= least)
		return 0;
	now = bpf_htonl(bpf_ntohl(was) - (mtu - least < more ? mtu - least : more));
	if (bpf_l4_csum_replace(skb, p->l4 + offsetof(struct icmp, checksum), was, now, 4))
		return -1;
	return bpf_skb_store_bytes(skb, p->l4 + offsetof(struct icmp, info), &now, sizeof(now), 0) ? -1 : 0;
}
