/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The short way: packets of flows that are known and simply go on leave again where they come in, before
 * the kernel makes anything of the frame. Nothing is decided here. What is the least bit unusual goes
 * up as it came, to weir_director, which does the same to packets like these and all the rest.
 *
 *   frame in ─► weir_xdp ─► a known flow, plain ─► MAC, address or tunnel ─► out
 *                  └ else ─► the kernel ─► weir_director
 *
 * The kernel's own look-up of a next hop is for programs under another licence, and wants the machine
 * to be a router. Control says who the neighbours are.
 */
#pragma once

#include "encapsulate.h"
#include "connection.h"

#define TCP_PSH 0x08
#define TCP_ECE 0x40
#define TCP_CWR 0x80

TABLE(ports, BPF_MAP_TYPE_HASH, __u32, struct port, 64, BPF_F_NO_PREALLOC);
TABLE(hops, BPF_MAP_TYPE_ARRAY, __u32, struct hop, 1024, 0);
/* Packets that took the short way. */
TABLE(hastened, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, 1, 0);

/* As SKB_POINTER(). */
#define FRAME_POINTER(ctx, field)                                             \
	({                                                                    \
		void *pointer;                                                \
		asm volatile("%0 = *(u32 *)(%1 + %2)"                         \
			     : "=r"(pointer)                                  \
			     : "r"(ctx), "i"(offsetof(struct xdp_md, field)));  \
		pointer;                                                      \
	})

/* As bytes_at(). */
static __always_inline void *frame_at(struct xdp_md *ctx, __u64 at, __u32 bytes)
{
	void *data = FRAME_POINTER(ctx, data);
	void *end = FRAME_POINTER(ctx, data_end);

	asm volatile("" : "+r"(at));
	if (at > 512)
		return NULL;
	data += at;
	return data + bytes > end ? NULL : data;
}

static __always_inline int same_hardware(const __u8 *a, const __u8 *b)
{
	const __u16 *x = (const __u16 *)a, *y = (const __u16 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

/* The frame is addressed to us, by an interface that control looks after. */
static __always_inline int is_frame_ours(struct xdp_md *ctx, const struct ethhdr *eth, __u32 now)
{
	__u32 index = ctx->ingress_ifindex;
	struct port *port = bpf_map_lookup_elem(&ports, &index);

	return port && (__s32)(port->until - now) > 0 &&
	       same_hardware(eth->h_dest, port->address);
}

static __always_inline int read_frame_v4(struct xdp_md *ctx, struct packet *p)
{
	struct iphdr *ip = frame_at(ctx, ETH_HLEN, sizeof(*ip));

	if (!ip || ip->version != 4 || ip->ihl != 5 || ip->ttl <= 1 ||
	    ip->frag_off & (FRAGMENT_MORE | FRAGMENT_AT))
		return -1;
	p->family = 4;
	p->l4 = ETH_HLEN + sizeof(*ip);
	p->bytes = bpf_ntohs(ip->tot_len);
	p->flow.protocol = ip->protocol;
	map_v4(&p->flow.source, ip->saddr);
	map_v4(&p->flow.destination, ip->daddr);
	return 0;
}

static __always_inline int read_frame_v6(struct xdp_md *ctx, struct packet *p)
{
	struct ipv6hdr *ip = frame_at(ctx, ETH_HLEN, sizeof(*ip));

	if (!ip || ip->version != 6 || ip->hop_limit <= 1)
		return -1;
	p->family = 6;
	p->l4 = ETH_HLEN + sizeof(*ip);
	p->bytes = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	p->flow.protocol = ip->nexthdr;
	copy_v6(&p->flow.source, &ip->saddr);
	copy_v6(&p->flow.destination, &ip->daddr);
	return 0;
}

/* Ports; of TCP nothing but a connection that goes on, and no sum that is owed: the kernel knows of it. */
static __always_inline int read_frame_ports(struct xdp_md *ctx, struct packet *p)
{
	__u32 room = p->bytes - (p->l4 - ETH_HLEN);
	struct ports *ports = frame_at(ctx, p->l4, sizeof(struct udphdr));
	struct tcphdr *tcp;
	struct udphdr *udp;

	if (!ports || p->bytes < p->l4 - ETH_HLEN + sizeof(struct udphdr))
		return -1;
	p->flow.source_port = ports->source;
	p->flow.destination_port = ports->destination;
	if (p->flow.protocol == IPPROTO_UDP) {
		udp = (struct udphdr *)ports;
		return udp->check && is_sum_owed(p, udp->check) ? -1 : 0;
	}
	tcp = frame_at(ctx, p->l4, sizeof(*tcp));
	if (p->flow.protocol != IPPROTO_TCP || !tcp)
		return -1;
	p->tcp = ((__u8 *)tcp)[13];
	if ((p->tcp & ~(TCP_PSH | TCP_ECE | TCP_CWR)) != TCP_ACK || tcp->doff < 5 ||
	    tcp->doff * 4 > room)
		return -1;
	return is_sum_owed(p, tcp->check) ? -1 : 0;
}

/* The headers of a plain packet. -1: it is none. */
static __always_inline int read_frame(struct xdp_md *ctx, const struct ethhdr *eth, struct packet *p)
{
	__u32 here = FRAME_POINTER(ctx, data_end) - FRAME_POINTER(ctx, data);
	int problem = eth->h_proto == bpf_htons(ETH_P_IP)     ? read_frame_v4(ctx, p)
		      : eth->h_proto == bpf_htons(ETH_P_IPV6) ? read_frame_v6(ctx, p)
							      : -1;

	/* A frame in several pieces is more than what is here. */
	return problem || p->bytes > here - ETH_HLEN || here != bpf_xdp_get_buff_len(ctx) ||
	       read_frame_ports(ctx, p);
}

/* One hop less; there are more than one. */
static __always_inline int spend_frame_hop(struct xdp_md *ctx, const struct packet *p, __u32 l3)
{
	if (p->family == 4) {
		struct iphdr *ip = frame_at(ctx, l3, sizeof(*ip));
		__u16 *word;

		if (!ip)
			return -1;
		word = (__u16 *)&ip->ttl;
		change_word(ip, word, *word - bpf_htons(0x100));
	} else {
		struct ipv6hdr *ip = frame_at(ctx, l3, sizeof(*ip));

		if (!ip)
			return -1;
		ip->hop_limit--;
	}
	return 0;
}

/* The sum of these instead of those 16-bit words, to be added to a sum that is not inverted. */
static __always_inline __u64 exchanged(__u32 was, __u32 to)
{
	return (__u16)~(was & 0xffff) + (__u16)~(was >> 16) + (to & 0xffff) + (to >> 16);
}

static __always_inline int readdress_frame(struct xdp_md *ctx, const struct packet *p,
					   const struct address *to)
{
	if (p->family == 4) {
		struct iphdr *ip = frame_at(ctx, ETH_HLEN, sizeof(*ip));

		if (!ip)
			return -1;
		change_v4(ip, &ip->daddr, to->word[3]);
	} else {
		struct ipv6hdr *ip = frame_at(ctx, ETH_HLEN, sizeof(*ip));

		if (!ip)
			return -1;
		copy_v6((struct address *)&ip->daddr, to);
	}
	return 0;
}

/* As change_end() of a destination, where no card owes anything. */
static __always_inline int translate_frame(struct xdp_md *ctx, const struct packet *p,
					   const struct destination *d)
{
	struct ports *ports = frame_at(ctx, p->l4, sizeof(*ports));
	__sum16 *check = frame_at(ctx, p->l4 + checksum_offset(p->flow.protocol), sizeof(*check));
	__u64 sum = 0;

	if (!ports || !check || readdress_frame(ctx, p, &d->address))
		return -1;
	/* What all addresses of IPv4 begin with is no difference. */
	for (int i = 0; i < 4; i++)
		sum += exchanged(p->flow.destination.word[i], d->address.word[i]);
	if (d->port) {
		sum += (__u16)~p->flow.destination_port + d->port;
		ports->destination = d->port;
	}
	/* UDP: none stays none, and none is written as zero. */
	if (p->flow.protocol == IPPROTO_UDP && !*check)
		return 0;
	*check = ~fold_sum((__u16)~*check + sum);
	if (p->flow.protocol == IPPROTO_UDP && !*check)
		*check = 0xffff;
	return 0;
}

/* Writes what encapsulate() does, into room that is there already. */
static __always_inline int wrap_frame(struct xdp_md *ctx, const struct packet *p,
				      const struct destination *d, const struct route *r, __u32 more)
{
	int v4 = is_v4(&d->address);
	__u32 shim = ETH_HLEN + (v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	__u32 bytes = p->bytes + more;
	__u8 *inner = frame_at(ctx, ETH_HLEN + more, 2);
	struct ipv6hdr *outer6 = frame_at(ctx, ETH_HLEN, sizeof(*outer6));
	struct gre *gre = frame_at(ctx, shim, sizeof(*gre));
	struct gue *gue = frame_at(ctx, shim, sizeof(*gue));
	__u8 protocol = outer_protocol(p, d), class;

	/* There is room for the longest: another packet follows. */
	if (!inner || !outer6 || !gre || !gue)
		return -1;
	class = class_in(inner, p->family);
	if (v4)
		fill_v4((struct iphdr *)outer6, protocol, class, bytes, &r->source, &d->address);
	else
		fill_outer_v6(outer6, p, r, d, protocol, class, bytes);
	if (d->tunnel == TUNNEL_GRE)
		fill_gre(gre, p);
	else if (d->tunnel == TUNNEL_GUE)
		fill_gue(gue, p, d, bytes - (shim - ETH_HLEN));
	return 0;
}

static __always_inline int address_frame(struct xdp_md *ctx, const struct hop *hop, __be16 protocol)
{
	struct ethhdr *eth = frame_at(ctx, 0, sizeof(*eth));

	if (!eth)
		return -1;
	__builtin_memcpy(eth->h_dest, hop->address, ETH_ALEN);
	__builtin_memcpy(eth->h_source, hop->source, ETH_ALEN);
	eth->h_proto = protocol;
	return 0;
}

/* The frame becomes what goes to the server; in front of it there are `more` bytes of room. */
static __always_inline int change_frame(struct xdp_md *ctx, const struct packet *p,
					const struct destination *d, const struct route *r,
					const struct hop *hop, __u32 more)
{
	__u8 family = d->method != METHOD_TUN ? p->family : is_v4(&d->address) ? 4 : 6;

	if (spend_frame_hop(ctx, p, ETH_HLEN + more) ||
	    (d->method == METHOD_NAT && translate_frame(ctx, p, d)) ||
	    (d->method == METHOD_TUN && wrap_frame(ctx, p, d, r, more)))
		return -1;
	return address_frame(ctx, hop, bpf_htons(family == 4 ? ETH_P_IP : ETH_P_IPV6));
}

/* Flags of a connection that packets in its midst do not care about. */
#define PLAIN_FLAGS                                                                                \
	(CONNECTION_INACTIVE | CONNECTION_PERSISTENT | CONNECTION_PAIRED | CONNECTION_SOURCED)

/* A connection that goes on as long as nothing but data comes. */
static __always_inline int goes_on(const struct config *config, const struct packet *p,
				   const struct connection *c)
{
	return c->state == (p->flow.protocol == IPPROTO_TCP ? STATE_ESTABLISHED : STATE_UDP) &&
	       !(c->flags & ~PLAIN_FLAGS) && !is_expired(config, p, c);
}

static __always_inline int is_hasty(const struct destination *d)
{
	if (d->flags != DESTINATION_PRESENT)
		return 0;
	return d->method == METHOD_DR || d->method == METHOD_TUN || d->method == METHOD_NAT;
}

static __always_inline int is_hop_of(const struct hop *hop, const struct route *r)
{
	return hop->interface && hop->interface == r->interface &&
	       same_address(&hop->next_hop, &r->next_hop);
}

static __always_inline int hasten(struct xdp_md *ctx)
{
	struct config *config = configured();
	struct ethhdr *eth = frame_at(ctx, 0, sizeof(*eth));
	struct packet p = { .l3 = ETH_HLEN };
	struct destination *d;
	struct connection *c;
	struct route *r;
	struct hop *hop;
	__u64 *count;
	__u32 more;

	/* Who traces wants to see every packet. */
	if (tracing.until || !eth)
		return XDP_PASS;
	p.now = tick();
	if (!is_frame_ours(ctx, eth, p.now) || read_frame(ctx, eth, &p))
		return XDP_PASS;
	if (config->flags & CONFIG_REPLIES && is_reply_port(p.flow.source_port) &&
	    find_server(&p.flow.source, p.flow.source_port, p.flow.protocol))
		return XDP_PASS;
	c = bpf_map_lookup_elem(&connections, &p.flow);
	d = c && goes_on(config, &p, c) ? destination_of(c) : NULL;
	if (!d || !is_hasty(d))
		return XDP_PASS;
	r = array_row(&routes, c->destination);
	hop = array_row(&hops, c->destination);
	if (!r || r->local || !hop || !is_hop_of(hop, r))
		return XDP_PASS;
	more = d->method == METHOD_TUN ? tunnel_bytes(d, is_v4(&d->address)) : 0;
	if (p.bytes + more > r->mtu || (more && bpf_xdp_adjust_head(ctx, -(int)more)))
		return XDP_PASS;
	if (change_frame(ctx, &p, d, r, hop, more))
		return XDP_ABORTED;
	c->interface = ctx->ingress_ifindex;
	c->seen = p.now;
	count_packet(&p, config, c->destination, 0);
	count = array_row(&hastened, 0);
	if (count)
		(*count)++;
	/* Also back where it came from: that a driver takes these is known, of XDP_TX it is not. */
	return bpf_redirect(hop->interface, 0);
}
