/* SPDX-License-Identifier: Apache-2.0 */
/* Packets go their way: clients' to a server, by its method, and servers' back. */
#pragma once

#include "client-option.h"
#include "cut.h"
#include "encapsulate.h"
#include "here.h"
#include "local-port.h"

/* Bytes of the largest packet that will be made of this one, from layer 3 on. */
static __always_inline __u32 packet_bytes(struct __sk_buff *skb, const struct packet *p)
{
	__u32 header = p->flow.protocol == IPPROTO_TCP ? p->header : transport_bytes(p->flow.protocol);

	return skb->gso_size ? p->l4 - p->l3 + header + skb->gso_size : p->bytes;
}

/* Of a packet that is too big only a piece goes on now. -1: nothing does. */
static __noinline int cut_for(struct __sk_buff *skb, struct packet *p, const struct destination *d,
			      __u32 row, __u32 room)
{
	__u32 packet = p->bytes;

	if (cut(skb, p, d, room)) {
		count(COUNTER_TOO_BIG);
		return -1;
	}
	uncount_packet(&configuration, row, packet - (p->bytes - (p->l4 - p->l3)));
	count(COUNTER_CUT);
	return 0;
}

/* On to the server, by the service's method. */
static __always_inline int forward_now(struct __sk_buff *skb, struct packet *p, const struct destination *d,
			      __u32 row, struct connection *c)
{
	struct route *r = array_row(&routes, row);
	struct address *ours;
	__u32 room;

	if (d->method == METHOD_LOCAL || d->method == METHOD_BYPASS)
		return TC_ACT_UNSPEC;
	/* On this machine the service's own address is what packets look for, unless they are translated. */
	if (r && r->local)
		return sees_replies(d) ? take_up(skb, p, d, c) : TC_ACT_UNSPEC;
	if (!r || !r->interface) {
		count(COUNTER_NO_ROUTE);
		return TC_ACT_SHOT;
	}
	if (!has_hop(skb, p)) {
		count(COUNTER_TTL);
		return send_icmp(skb, p, ANSWER_HOPS_SPENT, 0);
	}
	room = r->mtu - (d->method == METHOD_TUN ? tunnel_bytes(d, is_v4(&d->address)) : 0);
	/* TCP that is to be cut up is cut smaller in a tunnel. */
	if (packet_bytes(skb, p) >
	    (skb->gso_size && p->flow.protocol == IPPROTO_TCP ? r->mtu : room)) {
		if (!may_be_cut(skb, p)) {
			count(COUNTER_TOO_BIG);
			return send_icmp(skb, p, ANSWER_TOO_BIG, room);
		}
		if (cut_for(skb, p, d, row, room))
			return TC_ACT_SHOT;
	}
	if (spend_hop(skb, p))
		return TC_ACT_SHOT;
	switch (d->method) {
	case METHOD_FULLNAT:
		/* One that began by another method has no port. */
		if (!c || !c->local_port)
			count(COUNTER_NO_PORT);
		ours = c && c->local_port ? array_row(&locals, c->local) : NULL;
		if (!ours)
			return TC_ACT_SHOT;
		if (d->flags & DESTINATION_PASSES && pass_client(skb, p, c, r->mtu - packet_bytes(skb, p)))
			return TC_ACT_SHOT;
		if (change_end(skb, p, 0, ours, c->local_port))
			return TC_ACT_SHOT;
		/* fall through */
	case METHOD_NAT:
		if (change_end(skb, p, 1, &d->address, d->port ? d->port : p->flow.destination_port))
			return TC_ACT_SHOT;
		break;
	case METHOD_TUN:
		if (encapsulate(skb, p, d, r))
			return TC_ACT_SHOT;
		break;
	}
	return send_to(r);
}

/* The same where it is not in every packet's way. */
static __noinline int forward(struct __sk_buff *skb, struct packet *p, const struct destination *d,
			      __u32 row, struct connection *c)
{
	return forward_now(skb, p, d, row, c);
}

/* A server's packet, back to the client as if from the service. */
static __always_inline int reply(struct __sk_buff *skb, struct packet *p, const struct flow *key,
			    struct connection *c)
{
	struct config *config = configured();
	struct destination *d = destination_of(c);
	int verdict;

	if (!config || !d)
		return TC_ACT_SHOT;
	if (!has_hop(skb, p)) {
		count(COUNTER_TTL);
		return TC_ACT_SHOT;
	}
	count_packet(p, config, c->destination, 1);
	if (c->flags & CONNECTION_PROXIED) {
		verdict = from_server(skb, p, key, c);
		if (verdict != TRANSLATED)
			return verdict;
	}
	advance(skb, p, c, d, OUTPUT);
	if (spend_hop(skb, p))
		return TC_ACT_SHOT;
	if (d->flags & DESTINATION_PASSES && hear_server(skb, p, c))
		return TC_ACT_SHOT;
	if (c->local_port && change_end(skb, p, 1, &key->source, key->source_port))
		return TC_ACT_SHOT;
	if (change_end(skb, p, 0, &key->destination, key->destination_port))
		return TC_ACT_SHOT;
	return bpf_redirect_neigh(c->interface, NULL, 0, 0);
}

/* Nobody is there for this packet. */
static __noinline int turn_away(struct __sk_buff *skb, struct packet *p, __u32 flags)
{
	count(COUNTER_NO_SERVER);
	if (flags & SERVICE_BYPASS)
		return TC_ACT_UNSPEC;
	if (!(flags & SERVICE_REJECT))
		return TC_ACT_SHOT;
	if (p->flow.protocol == IPPROTO_TCP)
		return p->tcp & TCP_RST ? TC_ACT_SHOT : send_reset(skb, p);
	return send_icmp(skb, p, ANSWER_NO_PORT, 0);
}

/* Forwards a packet that is not tracked. */
static __noinline int forward_alone(struct __sk_buff *skb, struct packet *p, int row, __u32 flags)
{
	struct config *config = configured();
	struct destination *d = row < 0 ? NULL : array_row(&destinations, row);

	if (!config || !d)
		return turn_away(skb, p, flags);
	p->alone = row + 1;
	keep_fragment(p, row, 0);
	count_packet(p, config, row, 0);
	return forward(skb, p, d, row, NULL);
}
