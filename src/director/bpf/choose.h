/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which server a packet of no known flow goes to: that of its template, where the service is
 * persistent, or else the scheduler's.
 */
#pragma once

#include "call-id.h"
#include "connection.h"
#include "fragment.h"

/* It is of no call, and the service goes by calls. */
#define NO_CALL (-2)

/* The key of the template that a packet of this client goes by. -1: it is of no call. */
static __always_inline int template_key_of(struct __sk_buff *skb, const struct packet *p, __u32 number,
					   const struct service *s, const struct address *client,
					   struct template_key *key)
{
	key->source = *client;
	key->service = number;
	mask_address(&key->source, s->prefix4, s->prefix6);
	return s->flags & SERVICE_CALLS ? call_key(skb, p, &key->source) : 0;
}

/* A row of `destinations`, or NOBODY, or NO_CALL. */
static __noinline int choose(struct __sk_buff *skb, const struct packet *p, __u32 number)
{
	struct config *config = configured();
	struct service *s = array_row(&services, number);
	struct service_state *state = array_row(&service_states, number);
	struct template_key key = {};
	__u32 interface = came_in(skb);
	struct destination *d;
	int row;

	if (!config || !s || !state)
		return NOBODY;
	if (!(s->flags & SERVICE_PERSISTENT))
		return schedule(number, s, &p->flow);
	if (template_key_of(skb, p, number, s, &p->flow.source, &key)) {
		count(COUNTER_NO_CALL_ID);
		return NO_CALL;
	}
	if (s->flags & SERVICE_CALLS && state->interface != interface)
		state->interface = interface;
	row = find_template(config, s, &key, interface);
	if (row >= 0)
		return row;
	/* Where no connections are kept, templates are what may be too many. */
	if (s->flags & SERVICE_ONE_PACKET && !is_allowed(config)) {
		count(COUNTER_STATELESS);
		return schedule_stateless(s, &p->flow);
	}
	row = schedule(number, s, &p->flow);
	d = row < 0 ? NULL : array_row(&destinations, row);
	if (d)
		keep_template(&key, row, d->generation, interface);
	return row;
}

/* The same where every packet is by itself: a later fragment goes where its first went. */
static __always_inline int choose_alone(struct __sk_buff *skb, const struct packet *p, __u32 number)
{
	struct fragment *first = p->fragment == 2 ? fragment_of(p) : NULL;

	if (!first)
		return choose(skb, p, number);
	return first->alone ? (int)first->alone - 1 : NO_CALL;
}
