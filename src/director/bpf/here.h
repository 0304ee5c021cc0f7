/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers of nat and fullnat on the director's own machine. A client's packet gets their address and
 * goes up as it is; what their sockets answer comes in nowhere, so it is looked for where packets
 * leave:
 *
 *   client ── to the VIP ──► weir_director ── to 10.2.0.1:9000 ──► a socket of this machine
 *          ◄─ from the VIP ── weir_exit ◄──── from 10.2.0.1:9000 ──┘
 *
 * With fullnat it is the same: a packet from an address of our own would not be taken for one that
 * came from elsewhere, and the client's address leads back this way without that.
 */
#pragma once

#include "connection.h"

static __always_inline int is_here(__u32 row)
{
	struct route *r = array_row(&routes, row);

	return r && r->local;
}

/* Up to the server, if it is translated. What ends a handshake in its place would have to speak to it. */
static __noinline int take_up(struct __sk_buff *skb, struct packet *p, const struct destination *d,
			      const struct connection *c)
{
	if (!c || c->flags & CONNECTION_PROXIED) {
		count(COUNTER_NO_ROUTE);
		return TC_ACT_SHOT;
	}
	if (change_end(skb, p, 1, &d->address, d->port ? d->port : p->flow.destination_port))
		return TC_ACT_SHOT;
	return TC_ACT_UNSPEC;
}

/* The packet leaves and is of this machine: a server's answer leaves as the service's. */
static __always_inline int answer_from_here(struct __sk_buff *skb)
{
	struct config *config = configured();
	struct scratch *scratch = array_row(&scratches, 0);
	struct destination *d;
	struct connection *c;
	struct packet *p;

	if (!config || !scratch || !(config->flags & CONFIG_REPLIES) || skb->ingress_ifindex)
		return TC_ACT_UNSPEC;
	p = &scratch->packet;
	__builtin_memset(p, 0, sizeof(*p));
	p->now = tick();
	gather_headers(skb);
	if (parse_network(skb, p) || !has_ports(p->flow.protocol) ||
	    (p->fragment != 2 && parse_ports(skb, p)) || (p->fragment && follow_fragment(p)))
		return TC_ACT_UNSPEC;
	c = find_replied(&p->flow, &scratch->client);
	if (!c || !is_here(c->destination))
		return TC_ACT_UNSPEC;
	d = destination_of(c);
	if (!d)
		return TC_ACT_SHOT;
	p->kind = EVENT_REPLY;
	count_packet(p, config, c->destination, 1);
	advance(skb, p, c, d, OUTPUT);
	return change_end(skb, p, 0, &scratch->client.destination, scratch->client.destination_port)
		       ? TC_ACT_SHOT
		       : TC_ACT_UNSPEC;
}
