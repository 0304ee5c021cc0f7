/* SPDX-License-Identifier: Apache-2.0 */
/* What a packet is, from its headers; and their bytes, bounds checked. */
#pragma once

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/pkt_cls.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include "repeat.h"

/* A second of ticks. */
#define SECOND 954
#define FRAGMENT_MORE bpf_htons(0x2000)
#define FRAGMENT_AT bpf_htons(0x1fff)
#define DONT_FRAGMENT bpf_htons(0x4000)
#define EXTENSIONS_MAX 6

/* Of both families: types differ, the shape does not. */
struct icmp {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	__be32 info;
};

enum { ICMP_UNREACHABLE = 3, ICMP_QUENCH = 4, ICMP_TIME = 11, ICMP_PARAMETER = 12 };
enum { ICMP6_UNREACHABLE = 1, ICMP6_TOO_BIG = 2, ICMP6_TIME = 3, ICMP6_PARAMETER = 4 };

/* Kinds of TCP options (RFC 9293, 7323, 2018), and those that say who a client is. */
enum option {
	OPTION_END = 0,
	OPTION_NOTHING = 1,
	OPTION_MSS = 2,
	OPTION_SCALE = 3,
	OPTION_SACK = 4,
	OPTION_BLOCKS = 5,
	OPTION_CLIENT_V6 = 253,
	OPTION_CLIENT_V4 = 254,
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct packet {
	struct flow flow;
	__u16 l3;          /* offsets from the start of the frame */
	__u16 l4;
	__u8 family;       /* 4 or 6 */
	__u8 tcp;          /* flags of a TCP header */
	__u8 header;       /* bytes of a TCP header */
	__u8 fragment;     /* 0 whole, 1 the first, 2 a later one: no ports in it */
	__u8 icmp;         /* it is ICMP (of its own family) */
	__u32 now;         /* tick it came in */
	__u32 fragment_id;
	__u32 bytes;       /* from layer 3 on, as its header says: frames may be padded */
	/* For a trace alone. */
	__u8 kind;         /* an event_kind; with one, scratch.client is the flow as it came */
	__u8 reason;       /* 1 + a counter it raised */
	__u32 alone;       /* 1 + the destination it goes to untracked: of fragments, too */
};

/*
 * Who sent it, as a connection's state goes by that: the client where the server is seen too, the
 * server, or the client where the server is not seen.
 */
enum direction { INPUT, OUTPUT, INPUT_ONLY, DIRECTIONS = 4 };

/* What of a packet would not fit the stack, which is 512 bytes over all calls. */
struct scratch {
	struct packet packet;
	struct flow client;
	struct bpf_sock_tuple ends; /* of a socket that is looked for */
	struct locality fresh;      /* that begins with one server: the rest counts for nothing */
};

TABLE(scratches, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct scratch, 1, 0);

/* Keeps for a trace why a packet is not simply forwarded. */
static __always_inline void note(__u32 counter)
{
	struct scratch *scratch;

	/* Of an error the kind is enough. Of several reasons the first is the one, if it was decisive. */
	if (!tracing.until || counter == COUNTER_ICMP)
		return;
	scratch = array_row(&scratches, 0);
	if (scratch && (!scratch->packet.reason || scratch->packet.reason == 1 + COUNTER_STATELESS ||
			scratch->packet.reason == 1 + COUNTER_COOKIE_ACCEPTED))
		scratch->packet.reason = counter + 1;
}

/* And of which flow it is, for rewriting will change that. */
static __always_inline void note_flow(const struct flow *flow, int kind)
{
	struct scratch *scratch = tracing.until ? array_row(&scratches, 0) : NULL;

	if (!scratch)
		return;
	scratch->packet.kind = kind;
	scratch->client = *flow;
}

static __always_inline void count(__u32 counter)
{
	count_in(&counters, counter);
	note(counter);
}

/* skb->data and the like. As plain C the compiler may cut the pointer to 32 bits. */
#define SKB_POINTER(skb, field)                                               \
	({                                                                    \
		void *pointer;                                                \
		asm volatile("%0 = *(u32 *)(%1 + %2)"                         \
			     : "=r"(pointer)                                  \
			     : "r"(skb), "i"(offsetof(struct __sk_buff, field))); \
		pointer;                                                      \
	})

/* A pointer to `bytes` of the frame at `at`, or NULL. */
static __always_inline void *bytes_at(struct __sk_buff *skb, __u64 at, __u32 bytes)
{
	void *data = SKB_POINTER(skb, data);
	void *end = SKB_POINTER(skb, data_end);

	/* The compiler shall compare the very value that is added. */
	asm volatile("" : "+r"(at));
	if (at > 512)
		return NULL;
	data += at;
	return data + bytes > end ? NULL : data;
}

static __always_inline void copy_v6(struct address *to, const void *from)
{
	__builtin_memcpy(to, from, 16);
}

/* Headers that are looked at lie in the first bytes; a card may have left them in pages. */
#define HEADERS 256

static __always_inline void gather_headers(struct __sk_buff *skb)
{
	void *data = SKB_POINTER(skb, data);
	void *end = SKB_POINTER(skb, data_end);
	__u32 len = skb->len;

	if (data + HEADERS > end && (__u64)(end - data) < len)
		bpf_skb_pull_data(skb, len < HEADERS ? len : HEADERS);
}

/*
 * Keeps the length that the header says. A packet that was put together from many may be too long
 * for its header to say. -1: there is less than it says.
 */
static __always_inline int take_length(struct __sk_buff *skb, struct packet *p, __u32 bytes,
				       __u32 unsaid)
{
	__u32 here = skb->len - ETH_HLEN;

	p->bytes = bytes == unsaid && skb->gso_size ? here : bytes;
	return p->bytes > here ? -1 : 0;
}

static __always_inline int parse_v4(struct __sk_buff *skb, struct packet *p)
{
	struct iphdr *ip = bytes_at(skb, p->l3, sizeof(*ip));

	if (!ip || ip->version != 4 || ip->ihl < 5 ||
	    take_length(skb, p, bpf_ntohs(ip->tot_len), 0))
		return -1;
	map_v4(&p->flow.source, ip->saddr);
	map_v4(&p->flow.destination, ip->daddr);
	p->flow.protocol = ip->protocol;
	p->l4 = p->l3 + ip->ihl * 4;
	p->icmp = ip->protocol == IPPROTO_ICMP;
	if (ip->frag_off & FRAGMENT_AT)
		p->fragment = 2;
	else if (ip->frag_off & FRAGMENT_MORE)
		p->fragment = 1;
	p->fragment_id = ip->id;
	return 0;
}

struct extension {
	__u8 next;
	__u8 length;
	__be16 fragment;
	__be32 id;
};

/* What was found on the way from the first header of IPv6 to the transport's. */
struct extensions {
	struct __sk_buff *skb;
	__u32 at;
	__u32 fragment_id;
	__u8 next;
	__u8 fragment; /* as in struct packet */
	__u8 broken;
};

static __always_inline int is_extension(__u8 header)
{
	return header == IPPROTO_HOPOPTS || header == IPPROTO_ROUTING || header == IPPROTO_DSTOPTS ||
	       header == IPPROTO_FRAGMENT;
}

/* RFC 8200 section 4: headers between the first and the transport's. */
static __always_inline long visit_extension(__u32 i, struct extensions *e)
{
	struct extension *x = bytes_at(e->skb, e->at, sizeof(*x));

	if (!x) {
		e->broken = 1;
		return 1;
	}
	if (e->next == IPPROTO_FRAGMENT) {
		e->fragment = x->fragment & bpf_htons(0xfff8) ? 2
			      : x->fragment & bpf_htons(1)    ? 1
							      : 0;
		e->fragment_id = x->id;
		e->at += 8;
	} else {
		e->at += (x->length + 1) * 8;
	}
	e->next = x->next;
	return e->fragment == 2 || !is_extension(e->next);
}
ROUND(visit_extension, struct extensions *, EXTENSIONS_MAX)

/* -1: one of them is not whole. */
static __always_inline int skip_extensions(struct __sk_buff *skb, struct extensions *e)
{
	if (!is_extension(e->next))
		return 0;
	e->skb = skb;
	repeat(visit_extension, e);
	return e->broken ? -1 : 0;
}

static __always_inline int parse_v6(struct __sk_buff *skb, struct packet *p)
{
	struct ipv6hdr *ip = bytes_at(skb, p->l3, sizeof(*ip));
	struct extensions e = {};

	if (!ip || ip->version != 6 ||
	    take_length(skb, p, bpf_ntohs(ip->payload_len) + sizeof(*ip), sizeof(*ip)))
		return -1;
	copy_v6(&p->flow.source, &ip->saddr);
	copy_v6(&p->flow.destination, &ip->daddr);
	e.next = ip->nexthdr;
	e.at = p->l3 + sizeof(*ip) + nothing();
	e.fragment = e.broken = nothing();
	if (skip_extensions(skb, &e))
		return -1;
	p->flow.protocol = e.next;
	p->fragment = e.fragment;
	p->fragment_id = e.fragment_id;
	p->l4 = e.at;
	p->icmp = e.next == IPPROTO_ICMPV6;
	return 0;
}

struct ports {
	__be16 source;
	__be16 destination;
};

/* Bytes of a transport's header without options. */
static __always_inline __u32 transport_bytes(__u8 protocol)
{
	return protocol == IPPROTO_TCP	? sizeof(struct tcphdr)
	       : protocol == IPPROTO_UDP ? sizeof(struct udphdr)
					 : 12;
}

/* Ports of TCP, UDP and SCTP, and the flags of TCP. -1: the header is not whole. */
static __always_inline int parse_ports(struct __sk_buff *skb, struct packet *p)
{
	struct ports *ports = bytes_at(skb, p->l4, sizeof(*ports));
	__u8 *flags;

	if (!ports || p->l4 + transport_bytes(p->flow.protocol) > p->l3 + p->bytes)
		return -1;
	p->flow.source_port = ports->source;
	p->flow.destination_port = ports->destination;
	if (p->flow.protocol != IPPROTO_TCP)
		return 0;
	flags = bytes_at(skb, p->l4 + 12, 2);
	if (!flags || flags[0] < 0x50)
		return -1;
	p->header = (flags[0] >> 4) * 4;
	p->tcp = flags[1];
	return p->l4 + p->header > p->l3 + p->bytes ? -1 : 0;
}

/* Layer 3 and what is in it. -1: nothing for us. */
static __always_inline int parse_network(struct __sk_buff *skb, struct packet *p)
{
	p->l3 = ETH_HLEN;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		p->family = 4;
		return parse_v4(skb, p);
	}
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		p->family = 6;
		return parse_v6(skb, p);
	}
	return -1;
}

static __always_inline int has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

/* The flow of the packets that answer. */
static __always_inline void turn_round(const struct flow *f, struct flow *to)
{
	to->source = f->destination;
	to->destination = f->source;
	to->source_port = f->destination_port;
	to->destination_port = f->source_port;
	to->protocol = f->protocol;
}

/* It begins a connection of TCP. */
static __always_inline int is_syn(const struct packet *p)
{
	return p->flow.protocol == IPPROTO_TCP &&
	       (p->tcp & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}
