/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks that go to a server as packets of a service do. Control connects to the server's own
 * address, from a socket with a mark that names the server's row. On the way out the packet gets the
 * service's address, and the tunnel; the answer comes from the service's address, and gets the
 * server's again. So to the kernel it is an ordinary connection to the server.
 *
 *   control ── to 10.2.0.11, mark ──► weir_probe ── to the VIP, at 10.2.0.11 ──► server
 *           ◄─ from 10.2.0.11 ── weir_director, weir_probe_answer ◄── from the VIP ──┘
 */
#pragma once

#include "encapsulate.h"

/* The address that the check of a server is to find on it, by row of `destinations`. */
TABLE(probes, BPF_MAP_TYPE_HASH, __u32, struct address, 1024, BPF_F_NO_PREALLOC);
/* An answer's flow -> the server's own address. */
TABLE(probed, BPF_MAP_TYPE_LRU_HASH, struct flow, struct address, 1024, 0);

/* Headers of TCP alone: checks that have packets of their own are such connections. */
static __always_inline int parse_probe(struct __sk_buff *skb, struct packet *p)
{
	__builtin_memset(p, 0, sizeof(*p));
	gather_headers(skb);
	return parse_network(skb, p) || p->fragment || p->flow.protocol != IPPROTO_TCP ||
	       parse_ports(skb, p);
}

/* A packet of a check leaves: it shall find the service on the server. */
static __always_inline int send_probe(struct __sk_buff *skb)
{
	__u32 row = skb->mark & PROBE_ROWS;
	struct scratch *scratch = array_row(&scratches, 0);
	struct address *service = bpf_map_lookup_elem(&probes, &row);
	struct destination *d = array_row(&destinations, row);
	struct route *r = array_row(&routes, row);
	struct flow *back;
	struct packet *p;

	if (!scratch || !service || !d || !r)
		return TC_ACT_UNSPEC;
	p = &scratch->packet;
	/* The mark may be somebody else's, too. */
	if (parse_probe(skb, p) || !same_address(&p->flow.destination, &d->address) ||
	    is_v4(service) != is_v4(&d->address))
		return TC_ACT_UNSPEC;
	back = &scratch->client;
	__builtin_memset(back, 0, sizeof(*back));
	turn_round(&p->flow, back);
	back->source = *service;
	if (bpf_map_update_elem(&probed, back, &d->address, BPF_ANY) ||
	    change_end(skb, p, 1, service, p->flow.destination_port))
		return TC_ACT_SHOT;
	/* The frame has the server's hardware address already: it was for the server. */
	if (d->method == METHOD_TUN && encapsulate(skb, p, d, r))
		return TC_ACT_SHOT;
	return TC_ACT_UNSPEC;
}

/* The server's answer to a check: from the address that was asked. False: it is none. */
static __always_inline int take_probe_answer(struct __sk_buff *skb, struct packet *p)
{
	struct address *server = bpf_map_lookup_elem(&probed, &p->flow);
	struct address own;

	if (!server)
		return 0;
	own = *server;
	change_end(skb, p, 0, &own, p->flow.source_port);
	return 1;
}

/*
 * A check's own packet comes in: a server that has lost the service's address sends it on to who has
 * it. No other server shall answer for it.
 */
static __noinline int is_probe_astray(struct packet *p)
{
	struct flow back = {};

	turn_round(&p->flow, &back);
	return bpf_map_lookup_elem(&probed, &back) != NULL;
}
