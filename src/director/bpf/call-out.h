/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What servers of a service by calls say where no connection is known: answers to datagrams that were
 * forwarded one by one, and calls that they begin. Both leave as the service's, and the call
 * is the server's from then on, as with IPVS's engine `sip`.
 */
#pragma once

#include "choose.h"

/* The sender of a datagram among the servers of a service, as repeat() looks for it. */
struct sender {
	const struct service *service;
	const struct flow *flow;
	int row;
};

static __always_inline int is_sender(const struct destination *d, const struct flow *f)
{
	return d->flags & DESTINATION_PRESENT && d->method == METHOD_NAT &&
	       same_address(&d->address, &f->source) && (!d->port || d->port == f->source_port);
}

static __always_inline long visit_sender(__u32 i, struct sender *s)
{
	__u32 row = s->service->base + i;
	struct destination *d = array_row(&destinations, row);

	if (!d || !is_sender(d, s->flow))
		return GO_ON;
	s->row = row;
	return END;
}
ROUND(visit_sender, struct sender *, c->service->capacity)

/* The service that a flow is for, by its address and port alone. */
static __always_inline __u32 *service_at(const struct flow *f)
{
	struct service_key key = {
		.address = f->destination,
		.port = f->destination_port,
		.protocol = f->protocol,
	};

	return bpf_map_lookup_elem(&lookups, &key);
}

/* The template of a call is the sender's, or becomes it. Fills in the server and the way out. */
static __noinline int take_call(struct __sk_buff *skb, const struct packet *p, __u32 number,
				const struct flow *client, struct connection *c)
{
	struct service *s = array_row(&services, number);
	struct service_state *state = array_row(&service_states, number);
	struct sender sender = { .service = s, .flow = &p->flow, .row = NOBODY };
	struct template_key key = {};
	struct destination *d;
	struct template *t;

	if (!s || !state || !(s->flags & SERVICE_CALLS) ||
	    template_key_of(skb, p, number, s, &client->source, &key))
		return -1;
	t = bpf_map_lookup_elem(&templates, &key);
	/* Of a call that begins here, nothing has come in: its client is where others are. */
	c->interface = t ? t->interface : state->interface;
	d = t ? array_row(&destinations, t->destination) : NULL;
	if (t && d && d->generation == t->generation && d->service == number &&
	    is_sender(d, &p->flow)) {
		t->seen = tick();
		c->destination = t->destination;
		c->generation = t->generation;
		return 0;
	}
	repeat(visit_sender, &sender);
	d = sender.row < 0 ? NULL : array_row(&destinations, sender.row);
	if (!d)
		return -1;
	c->destination = sender.row;
	c->generation = d->generation;
	keep_template(&key, sender.row, d->generation, c->interface);
	return 0;
}

/*
 * Fills in the client's flow, and a connection to reply by, for a server's datagram of a call. -1: it
 * is none; the packet is the kernel's.
 */
static __noinline int call_of(struct __sk_buff *skb, struct packet *p, struct flow *client,
			      struct connection *c)
{
	struct destination *d;
	struct fragment *first;
	__u32 *number;

	if (p->flow.protocol != IPPROTO_UDP || !find_answered(&p->flow, client))
		return -1;
	number = service_at(client);
	if (!number)
		return -1;
	c->seen = p->now;
	c->state = STATE_UDP;
	if (p->fragment != 2)
		return take_call(skb, p, *number, client, c);
	first = fragment_of(p);
	d = first && first->alone ? array_row(&destinations, first->alone - 1) : NULL;
	if (!d)
		return -1;
	c->destination = first->alone - 1;
	c->generation = d->generation;
	c->interface = first->interface;
	return 0;
}
