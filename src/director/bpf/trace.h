/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of packets, for people who want to see it. While nobody does, a packet finds a zero in
 * `tracing` and goes on. What is told is looked up again here, so that the rest need not carry it.
 */
#pragma once

#include "tunnel-error.h"

static __always_inline int may_tell(__u32 now)
{
	__u32 second = now / SECOND;

	/* Processors may miss each other's changes: the limit is a rough one. */
	if (tracing.second != second) {
		tracing.second = second;
		tracing.told = 0;
	}
	return tracing.told++ < EVENT_A_SECOND;
}

static __always_inline int is_wanted(const struct flow *flow)
{
	return !(tracing.flags & TRACE_CLIENT) || same_address(&flow->source, &tracing.client);
}

/* The service that a client's packet was for, if there is one. */
static __always_inline int service_of(struct __sk_buff *skb, const struct packet *p,
				      const struct destination *d)
{
	__u32 *found;

	if (d)
		return d->service;
	found = p->kind == EVENT_CLIENT || p->kind == EVENT_NEW ? find_service(skb, p, &configuration) : NULL;
	return found ? *found : EVENT_NOBODY;
}

/* Tells of a packet that has its verdict, if it is one of those that are wanted. */
static __noinline int tell(struct __sk_buff *skb, int verdict)
{
	struct scratch *scratch = array_row(&scratches, 0);
	const struct flow *flow;
	struct destination *d;
	struct connection *c;
	struct packet *p;
	struct event *e;
	int service;
	__u32 row;

	if (!scratch || skb->pkt_type != PACKET_HOST)
		return 0;
	p = &scratch->packet;
	if ((__s32)(p->now - tracing.until) > 0) {
		tracing.until = 0;
		return 0;
	}
	flow = p->kind == EVENT_ODD ? &p->flow : &scratch->client;
	if (!is_wanted(flow))
		return 0;
	c = bpf_map_lookup_elem(&connections, flow);
	row = c ? c->destination : p->alone - 1;
	d = array_row(&destinations, row);
	service = service_of(skb, p, d);
	if (tracing.flags & TRACE_SERVICE ? service != tracing.service
					  : service == EVENT_NOBODY && !p->reason)
		return 0;
	e = may_tell(p->now) ? bpf_ringbuf_reserve(&events, sizeof(*e), 0) : NULL;
	if (!e) {
		__sync_fetch_and_add(&tracing.left_out, 1);
		return 0;
	}
	e->flow = *flow;
	e->at = bpf_ktime_get_ns();
	e->service = service;
	e->destination = row;
	e->length = p->bytes;
	e->kind = p->kind;
	e->verdict = verdict;
	e->reason = p->reason;
	e->tcp = p->tcp;
	e->state = c ? c->state : 0;
	__builtin_memset(e->unused, 0, sizeof(e->unused));
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}
