/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that begin with a cookie. Both ends are spoken to in turn, and from then on packets pass
 * with their numbers changed:
 *
 *   client                    director                     server
 *     │ ── SYN ──────────────► │                              │
 *     │ ◄── SYN ACK, cookie ── │   nothing is kept            │
 *     │ ── ACK, cookie ──────► │   a connection begins        │
 *     │                        │ ── SYN ────────────────────► │
 *     │                        │ ◄──────────────── SYN ACK ── │
 *     │ ◄─── ACK, window ───── │ ── ACK ────────────────────► │
 *     │ ◄────────────── as one connection ──────────────────► │
 *
 * The client's window is 0 until the server is there, so it keeps its data. Should something be lost, it
 * asks for the window again and again, and every such packet becomes a SYN to the server. Timestamps
 * are not agreed on: they would have to be changed in each packet, and the cookie has no need of them.
 */
#pragma once

#include "answer.h"
#include "cookie.h"

/* The window scale that clients are told: what most servers have, whose windows then stay. */
#define OWN_SCALE 7
/* What segments of clients may be: as on Ethernet. */
#define OWN_SEGMENT(family) ((family) == 4 ? 1460 : 1440)

/* The packet goes on as any of its connection. */
#define TRANSLATED (-2)

/* A walk over the options of a TCP header, as repeat() takes it on; and what it found. */
struct tcp_options {
	struct __sk_buff *skb;
	__u32 at;
	__u32 end;
	__u32 blocks;      /* where those of SACK begin in the frame */
	__u16 block_bytes;
	__u16 segment;
	__u8 scale;
	__u8 sack;
};

static __always_inline long visit_option(__u32 i, struct tcp_options *o)
{
	__u8 *option = bytes_at(o->skb, o->at, 1);
	__u8 length;

	if (o->at >= o->end || !option || *option == OPTION_END)
		return END;
	if (*option == OPTION_NOTHING) {
		o->at++;
		return GO_ON;
	}
	option = bytes_at(o->skb, o->at, 2);
	if (!option)
		return END;
	length = option[1];
	if (length < 2 || o->at + length > o->end)
		return END;
	switch (option[0]) {
	case OPTION_MSS:
		option = length == 4 ? bytes_at(o->skb, o->at, 4) : NULL;
		if (option)
			o->segment = option[2] << 8 | option[3];
		break;
	case OPTION_SCALE:
		option = length == 3 ? bytes_at(o->skb, o->at, 3) : NULL;
		if (option)
			o->scale = option[2] < NO_SCALE ? option[2] : NO_SCALE - 1;
		break;
	case OPTION_SACK:
		o->sack = 1;
		break;
	case OPTION_BLOCKS:
		o->blocks = o->at + 2;
		o->block_bytes = length - 2;
		break;
	}
	o->at += length;
	return GO_ON;
}
/* Each is a byte at least. */
ROUND(visit_option, struct tcp_options *, 40)

static __noinline void read_options(struct __sk_buff *skb, const struct packet *p, struct tcp_options *o)
{
	o->skb = skb;
	o->at = p->l4 + sizeof(struct tcphdr) + nothing();
	o->end = p->l4 + p->header;
	o->blocks = o->block_bytes = o->segment = o->sack = nothing();
	o->scale = NO_SCALE + nothing();
	if (o->end > o->at)
		repeat(visit_option, o);
}

/* A segment without data that is to take a packet's place. */
struct segment {
	__u32 seq;
	__u32 ack;
	__u16 window;
	__u8 flags;
	__u8 back;        /* it goes where the packet came from */
	__u8 has_options;
	__u8 offer;       /* as a cookie has it: what is offered besides */
	__u16 size;       /* of segments */
};

static __always_inline int fill_network(struct __sk_buff *skb, const struct packet *p, int back, __u32 bytes)
{
	const struct address *from = back ? &p->flow.destination : &p->flow.source;
	const struct address *to = back ? &p->flow.source : &p->flow.destination;

	if (p->family == 4) {
		struct iphdr *ip = bytes_at(skb, ETH_HLEN, sizeof(*ip));

		if (!ip)
			return -1;
		fill_v4(ip, IPPROTO_TCP, 0, bytes, from, to);
	} else {
		struct ipv6hdr *ip = bytes_at(skb, ETH_HLEN, sizeof(*ip));

		if (!ip)
			return -1;
		fill_v6(ip, IPPROTO_TCP, 0, bytes, from, to);
	}
	return 0;
}

/* Three words: the size of segments, SACK, the scale; or nothing in their places. */
static __always_inline void write_options(__be32 *option, const struct segment *s)
{
	__u8 scale = offer_scale(s->offer);

	option[0] = bpf_htonl(OPTION_MSS << 24 | 4 << 16 | s->size);
	option[1] = bpf_htonl(s->offer & OFFER_SACK ? 0x01010000 | OPTION_SACK << 8 | 2 : 0x01010101);
	option[2] = bpf_htonl(scale == NO_SCALE ? 0x01010101
						: 0x01000000 | OPTION_SCALE << 16 | 3 << 8 | scale);
}

#define OPTION_BYTES 12

/* Its sum is settled as answer.h says. */
static __always_inline int write_segment(struct __sk_buff *skb, const struct packet *p,
					 const struct segment *s, __u32 bytes)
{
	struct tcphdr *tcp = bytes_at(skb, p->l4, sizeof(*tcp));
	__u16 pseudo = pseudo_sum(&p->flow.source, &p->flow.destination, p->family, bytes, IPPROTO_TCP);
	__s64 sum = 0;

	if (s->has_options) {
		__be32 *option = bytes_at(skb, p->l4 + sizeof(*tcp), OPTION_BYTES);

		if (!option)
			return -1;
		write_options(option, s);
		sum = bpf_csum_diff(NULL, 0, option, OPTION_BYTES, 0);
	}
	if (!tcp)
		return -1;
	tcp->source = s->back ? p->flow.destination_port : p->flow.source_port;
	tcp->dest = s->back ? p->flow.source_port : p->flow.destination_port;
	tcp->seq = bpf_htonl(s->seq);
	tcp->ack_seq = bpf_htonl(s->ack);
	((__be16 *)tcp)[6] = bpf_htons(bytes / 4 << 12 | s->flags);
	tcp->window = bpf_htons(s->window);
	tcp->check = pseudo;
	tcp->urg_ptr = 0;
	sum = bpf_csum_diff(NULL, 0, (__be32 *)tcp, sizeof(*tcp), (__u32)sum);
	tcp->urg_ptr = ~fold_sum((__u64)(__u32)sum + pseudo);
	return 0;
}

/* The packet is whole, and without options of its network. */
static __always_inline int is_plain(const struct packet *p)
{
	__u32 l3 = p->family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);

	return p->l4 == ETH_HLEN + l3 && !p->fragment;
}

/* Makes the segment of the packet, which has to be a plain one. */
static __noinline int make_segment(struct __sk_buff *skb, struct packet *p, const struct segment *s)
{
	__u32 l3 = p->family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	__u32 bytes = sizeof(struct tcphdr) + (s->has_options ? OPTION_BYTES : 0);

	if (!is_plain(p))
		return -1;
	if (bpf_skb_change_tail(skb, p->l4 + bytes, 0))
		return -1;
	if (fill_network(skb, p, s->back, l3 + bytes) || write_segment(skb, p, s, bytes))
		return -1;
	p->header = bytes;
	p->bytes = l3 + bytes;
	return 0;
}

static __always_inline int turn_hardware(struct __sk_buff *skb)
{
	struct ethhdr *eth = bytes_at(skb, 0, sizeof(*eth));

	if (!eth)
		return -1;
	swap_hardware(eth);
	return 0;
}

/* Answers a SYN, and keeps nothing of it. */
static __noinline int answer_with_cookie(struct __sk_buff *skb, struct packet *p)
{
	struct tcphdr *tcp = bytes_at(skb, p->l4, sizeof(*tcp));
	struct segment s = {
		.flags = TCP_SYN | TCP_ACK,
		.back = 1,
		.has_options = 1,
		.size = OWN_SEGMENT(p->family),
	};
	struct tcp_options o;
	__u32 first;

	if (!tcp)
		return TC_ACT_SHOT;
	first = bpf_ntohl(tcp->seq);
	read_options(skb, p, &o);
	s.ack = first + 1;
	s.seq = make_cookie(&p->flow, first, make_offer(o.segment, o.scale, o.sack));
	s.offer = make_offer(0, o.scale == NO_SCALE ? NO_SCALE : OWN_SCALE, o.sack);
	if (make_segment(skb, p, &s) || turn_hardware(skb))
		return TC_ACT_SHOT;
	count(COUNTER_COOKIE_SENT);
	return bpf_redirect(skb->ifindex, 0);
}

/* The packet returns a cookie: flags that say so, or 0. */
static __noinline __u32 find_cookie(struct __sk_buff *skb, const struct packet *p)
{
	struct tcphdr *tcp = bytes_at(skb, p->l4, sizeof(*tcp));
	__u32 seq, cookie;

	if (!tcp || p->fragment || (p->tcp & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_ACK)
		return 0;
	seq = bpf_ntohl(tcp->seq);
	cookie = bpf_ntohl(tcp->ack_seq) - 1;
	if (is_cookie(&p->flow, seq - 1, cookie))
		return SERVICE_PROVEN;
	if (p->l4 + p->header == p->l3 + p->bytes && is_cookie(&p->flow, seq, cookie))
		return SERVICE_PROVEN | SERVICE_PROBED;
	return 0;
}

static __always_inline __u16 scale_window(__u16 window, __s8 powers)
{
	__u32 scaled = powers < 0 ? window >> (-powers & 15) : (__u32)window << (powers & 15);

	return scaled > 0xffff ? 0xffff : scaled;
}

/* Asks the server for the connection, in the client's name, in place of the client's packet. */
static __noinline int make_syn(struct __sk_buff *skb, struct packet *p, const struct proxied *x)
{
	__u8 offer = cookie_offer(x->cookie);
	__u8 scale = offer_scale(offer);
	struct segment s = {
		.seq = x->first,
		.window = scale_window(x->window, scale == NO_SCALE ? 0 : scale),
		.flags = TCP_SYN,
		.has_options = 1,
		.offer = offer,
		.size = offer_segment(offer),
	};

	if (make_segment(skb, p, &s))
		return -1;
	p->tcp = TCP_SYN;
	return 0;
}

/* The client has returned a cookie, and its server is chosen: the packet becomes a SYN to it. */
static __noinline int open_server(struct __sk_buff *skb, struct packet *p, __u32 flags)
{
	struct tcphdr *tcp = bytes_at(skb, p->l4, sizeof(*tcp));
	struct proxied x = {};

	if (!tcp)
		return -1;
	x.cookie = bpf_ntohl(tcp->ack_seq) - 1;
	x.first = bpf_ntohl(tcp->seq) - (flags & SERVICE_PROBED ? 0 : 1);
	x.window = bpf_ntohs(tcp->window);
	if (make_syn(skb, p, &x))
		return -1;
	count(COUNTER_COOKIE_ACCEPTED);
	return bpf_map_update_elem(&proxied, &p->flow, &x, BPF_ANY);
}

/* Its sender's connection is none. */
static __always_inline int refuse(struct __sk_buff *skb, struct packet *p)
{
	return p->tcp & TCP_RST ? TC_ACT_SHOT : send_reset(skb, p);
}

/* Adds to a number of the header at `at`, scales the window; `sum` is what else has changed. */
static __always_inline int change_numbers(struct __sk_buff *skb, const struct packet *p, __u32 at, __u32 by,
					  __s8 powers, __u64 sum)
{
	struct tcphdr *tcp = bytes_at(skb, p->l4, sizeof(*tcp));
	__be32 was[2], now[2], *number;

	if (!tcp)
		return -1;
	number = (__be32 *)((__u8 *)tcp + at);
	was[0] = *number;
	was[1] = tcp->window;
	now[0] = bpf_htonl(bpf_ntohl(was[0]) + by);
	now[1] = bpf_htons(scale_window(bpf_ntohs(tcp->window), powers));
	*number = now[0];
	tcp->window = now[1];
	sum += fold_sum((__u32)bpf_csum_diff(was, sizeof(was), now, sizeof(now), 0));
	return bpf_l4_csum_replace(skb, p->l4 + offsetof(struct tcphdr, check), 0, sum, 0);
}

/* The blocks of SACK (RFC 2018) are of the other end's numbers. The change of the sum. */
static __noinline __u32 change_blocks(struct __sk_buff *skb, const struct packet *p, __u32 by)
{
	struct tcp_options o;
	__u32 sum = 0;

	read_options(skb, p, &o);
	for (int i = 0; i < 4; i++) {
		__be32 *edge, was[2], now[2];
		__u16 changed;

		edge = i * 8 + 8 <= o.block_bytes ? bytes_at(skb, o.blocks + i * 8, 8) : NULL;
		if (!edge)
			break;
		was[0] = edge[0];
		was[1] = edge[1];
		now[0] = bpf_htonl(bpf_ntohl(was[0]) + by);
		now[1] = bpf_htonl(bpf_ntohl(was[1]) + by);
		edge[0] = now[0];
		edge[1] = now[1];
		changed = fold_sum((__u32)bpf_csum_diff(was, sizeof(was), now, sizeof(now), 0));
		/* Between two words of the sum its bytes change places. */
		sum += (o.blocks - p->l4) & 1 ? (__u16)(changed << 8 | changed >> 8) : changed;
	}
	return sum;
}

/* What a client says while its server has not answered: it is asked again. NOBODY: it begins anew. */
static __noinline int ask_again(struct __sk_buff *skb, struct packet *p, struct connection *c,
				const struct proxied *x)
{
	struct tcphdr *tcp = bytes_at(skb, p->l4, sizeof(*tcp));

	if (!tcp || p->fragment)
		return TC_ACT_SHOT;
	if (p->tcp & TCP_RST)
		return TRANSLATED;
	if (p->tcp & TCP_SYN) {
		forget(&p->flow, c);
		return NOBODY;
	}
	if (bpf_ntohl(tcp->ack_seq) != x->cookie + 1 || make_syn(skb, p, x))
		return TC_ACT_SHOT;
	return TRANSLATED;
}

/* A packet of a client whose connection began with a cookie, as the server is to have it. */
static __noinline int from_client(struct __sk_buff *skb, struct packet *p, struct connection *c)
{
	struct proxied *x = bpf_map_lookup_elem(&proxied, &p->flow);
	__u32 sum;

	if (!x) {
		count(COUNTER_TABLE_FULL);
		forget(&p->flow, c);
		return refuse(skb, p);
	}
	if (!x->open)
		return ask_again(skb, p, c, x);
	/* A number that is not said is not changed. */
	if (p->fragment == 2 || !(p->tcp & TCP_ACK))
		return TRANSLATED;
	sum = p->header > sizeof(struct tcphdr) ? change_blocks(skb, p, -x->shift) : 0;
	return change_numbers(skb, p, offsetof(struct tcphdr, ack_seq), -x->shift, x->to_server, sum)
		       ? TC_ACT_SHOT
		       : TRANSLATED;
}

/* The server is there: what it said is known, and how windows are to be changed. */
static __always_inline void note_server(struct proxied *x, __u32 first, __u8 scale)
{
	__u8 asked = offer_scale(cookie_offer(x->cookie));

	x->shift = x->cookie - first;
	/* The client was told that windows are scaled; a server that does not do it takes them so too. */
	if (asked != NO_SCALE) {
		x->to_client = (scale == NO_SCALE ? 0 : scale) - OWN_SCALE;
		x->to_server = scale == NO_SCALE ? asked : 0;
	}
	barrier();
	x->open = 1;
}

/*
 * The server takes the connection: it is answered, and the client is told its window. Both are made of
 * this one packet, so a copy goes out here, back to where it came from.
 */
static __noinline int meet_server(struct __sk_buff *skb, struct packet *p, struct connection *c,
				  struct proxied *x, __u32 first)
{
	struct destination *d = destination_of(c);
	struct tcphdr *tcp = bytes_at(skb, p->l4, sizeof(*tcp));
	struct segment s = { .flags = TCP_ACK };
	struct tcp_options o;
	__u16 window;

	/* Asked twice, it may have answered twice; the first counts. */
	if (!d || !tcp || (x->open && x->shift != x->cookie - first))
		return TC_ACT_SHOT;
	/* That of a SYN is not scaled. */
	window = bpf_ntohs(tcp->window);
	read_options(skb, p, &o);
	note_server(x, first, o.scale);
	s.back = 1;
	s.seq = x->first + 1;
	s.ack = first + 1;
	s.window = scale_window(x->window, x->to_server);
	if (make_segment(skb, p, &s) || turn_hardware(skb) || bpf_clone_redirect(skb, skb->ifindex, 0))
		return TC_ACT_SHOT;
	s.back = 0;
	s.seq = x->cookie + 1;
	s.ack = x->first + 1;
	s.window = scale_window(window, offer_scale(cookie_offer(x->cookie)) == NO_SCALE ? 0 : -OWN_SCALE);
	if (make_segment(skb, p, &s) || turn_hardware(skb))
		return TC_ACT_SHOT;
	/* As if the client had said it. */
	p->tcp = TCP_ACK;
	advance(skb, p, c, d, INPUT);
	p->tcp = TCP_SYN | TCP_ACK;
	return TRANSLATED;
}

/* A packet of the server of such a connection, as its client is to have it. */
static __noinline int from_server(struct __sk_buff *skb, struct packet *p, const struct flow *client,
				  struct connection *c)
{
	struct proxied *x = bpf_map_lookup_elem(&proxied, client);
	struct tcphdr *tcp;
	__u32 first;

	if (!x) {
		count(COUNTER_TABLE_FULL);
		forget(client, c);
		return refuse(skb, p);
	}
	if (p->fragment == 2)
		return x->open ? TRANSLATED : TC_ACT_SHOT;
	tcp = bytes_at(skb, p->l4, sizeof(*tcp));
	if (!tcp)
		return TC_ACT_SHOT;
	first = bpf_ntohl(tcp->seq);
	if (p->tcp & TCP_SYN || !x->open) {
		/* What is no answer is of a connection that was before: the server shall end it. */
		if (!(p->tcp & TCP_ACK) || bpf_ntohl(tcp->ack_seq) != x->first + 1) {
			if (!x->open)
				return refuse(skb, p);
			/* It answers a SYN, and so knows the connection no longer: the next SYN begins anew. */
			if ((p->tcp & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK))
				forget(client, c);
			return TC_ACT_SHOT;
		}
		if (!(p->tcp & TCP_RST))
			return p->tcp & TCP_SYN ? meet_server(skb, p, c, x, first) : TC_ACT_SHOT;
		/* It refuses: with the number that the client waits for. */
		x->shift = x->cookie + 1 - first;
	}
	return change_numbers(skb, p, offsetof(struct tcphdr, seq), x->shift, x->to_client, 0)
		       ? TC_ACT_SHOT
		       : TRANSLATED;
}
