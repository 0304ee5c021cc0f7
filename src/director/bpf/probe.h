/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks that go to a server as packets of a service do. Control speaks to the server's own
 * address, from a socket with a mark that names the server's row. On the way out the packet gets the
 * service's address, and the tunnel; the answer comes from the service's address, and gets the
 * server's again. So to the kernel it is an ordinary conversation with the server.
 *
 *   control ── to 10.2.0.11, mark ──► weir_exit ─── to the VIP, at 10.2.0.11 ──► server
 *           ◄─ from 10.2.0.11 ── weir_director, weir_probe_answer ◄── from the VIP ──┘
 *
 * Where a tunnel's server is of the other family than the service, so is the packet until it goes
 * into the tunnel, and comes from an address of ours that is of the service's.
 */
#pragma once

#include "encapsulate.h"
#include "family.h"

/* By row of `destinations`. */
TABLE(probe_ways, BPF_MAP_TYPE_HASH, __u32, struct probe_way, 1024, BPF_F_NO_PREALLOC);
/* An answer's flow -> whose it is. */
TABLE(probe_ends, BPF_MAP_TYPE_LRU_HASH, struct flow, struct probe_end, 1024, 0);

/* Checks are TCP, UDP or echoes. -1: it is none. */
static __always_inline int parse_probe(struct __sk_buff *skb, struct packet *p, int is_answer)
{
	__builtin_memset(p, 0, sizeof(*p));
	gather_headers(skb);
	if (parse_network(skb, p) || p->fragment == 2)
		return -1;
	if (p->icmp)
		return parse_echo(skb, p, is_answer);
	if (p->flow.protocol != IPPROTO_TCP && p->flow.protocol != IPPROTO_UDP)
		return -1;
	return parse_ports(skb, p);
}

/* Where the packet goes from now on; between whom it went is in `end`. */
static __always_inline int lead_to_service(struct __sk_buff *skb, struct packet *p,
					   const struct probe_way *way, struct probe_end *end)
{
	end->server = p->flow.destination;
	end->ours = p->flow.source;
	if (is_v4(&way->service) == is_v4(&end->server))
		return change_end(skb, p, 1, &way->service, p->flow.destination_port);
	return change_family(skb, p, &way->ours, &way->service);
}

/* A packet of a check leaves: it shall find the service on the server. */
static __always_inline int send_probe(struct __sk_buff *skb)
{
	__u32 row = skb->mark & PROBE_ROWS;
	struct scratch *scratch = array_row(&scratches, 0);
	struct probe_way *way = bpf_map_lookup_elem(&probe_ways, &row);
	struct destination *d = array_row(&destinations, row);
	struct route *r = array_row(&routes, row);
	struct probe_end end = {};
	struct flow *back;
	struct packet *p;

	if (!scratch || !way || !d || !r)
		return TC_ACT_UNSPEC;
	p = &scratch->packet;
	/* The mark may be somebody else's, too. */
	if (parse_probe(skb, p, 0) || !same_address(&p->flow.destination, &d->address))
		return TC_ACT_UNSPEC;
	/* Better that nothing comes back than that the server answers from its own address. */
	if (p->fragment || lead_to_service(skb, p, way, &end))
		return TC_ACT_SHOT;
	back = &scratch->client;
	__builtin_memset(back, 0, sizeof(*back));
	turn_round(&p->flow, back);
	if (bpf_map_update_elem(&probe_ends, back, &end, BPF_ANY))
		return TC_ACT_SHOT;
	/* The frame has the server's hardware address already: it was for the server. */
	if (d->method == METHOD_TUN && encapsulate(skb, p, d, r))
		return TC_ACT_SHOT;
	return TC_ACT_UNSPEC;
}

/* The server's answer to a check: from the address that was asked. */
static __noinline void take_probe_answer(struct __sk_buff *skb, struct packet *p)
{
	struct probe_end *found = p->fragment ? NULL : bpf_map_lookup_elem(&probe_ends, &p->flow);
	struct probe_end end;

	if (!found)
		return;
	end = *found;
	if (is_v4(&end.server) == is_v4(&p->flow.source))
		change_end(skb, p, 0, &end.server, p->flow.source_port);
	else
		change_family(skb, p, &end.server, &end.ours);
}

/*
 * A check's own packet comes in: a server that has lost the service's address sends it on to who has
 * it. No other server shall answer for it.
 */
static __noinline int is_probe_astray(struct packet *p)
{
	struct flow back = {};

	turn_round(&p->flow, &back);
	return bpf_map_lookup_elem(&probe_ends, &back) != NULL;
}

/*
 * An echo comes in: a check's answer, or astray, and then this machine would answer it, for it has the
 * service's address. 1: it has no business here.
 */
static __noinline int meet_echo(struct __sk_buff *skb, struct packet *p)
{
	if (p->fragment)
		return 0;
	if (!parse_echo(skb, p, 1)) {
		take_probe_answer(skb, p);
		return 0;
	}
	return !parse_echo(skb, p, 0) && is_probe_astray(p);
}
