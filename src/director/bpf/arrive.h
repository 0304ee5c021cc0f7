/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of no known flow, for a service: whether a connection may begin, and its beginning. */
#pragma once

#include "call-out.h"
#include "forward.h"

/*
 * Where a server's port is behind several services, its replies do not say whose they are: their
 * flow is kept too.
 */
static __noinline void keep_reply(const struct flow *client, const struct destination *d,
				  struct connection *c)
{
	struct reply known = { .flow = *client, .seen = c->seen };
	struct flow back;

	reply_key(&back, client, d, &client->source, client->source_port);
	bpf_map_update_elem(&replies, &back, &known, BPF_ANY);
	c->flags |= CONNECTION_PAIRED;
}

static __always_inline int is_ambiguous(const struct destination *d, const struct flow *client)
{
	struct server_value *server = find_server(&d->address,
						  d->port ? d->port : client->destination_port,
						  client->protocol);

	return server && server->flags & SERVER_AMBIGUOUS;
}

#define EXISTS 17 /* EEXIST */

static __noinline void track(const struct flow *key, const struct connection *c,
			     const struct destination *d, const struct config *config)
{
	struct service_state *state;
	int inactive = c->flags & CONNECTION_INACTIVE ? 1 : 0;
	long problem = bpf_map_update_elem(&connections, key, c, BPF_NOEXIST);

	if (problem) {
		/* Else another processor has just begun it, and counted it. */
		if (problem != -EXISTS)
			count(COUNTER_TABLE_FULL);
		return;
	}
	add_load(c->destination, d, 1 - inactive, inactive);
	state = array_row(&service_states, d->service);
	if (state)
		__sync_fetch_and_add(&state->connections, 1);
	if (c->flags & CONNECTION_SOURCED)
		count_source(key, d->service);
	count_connection(config, c->destination);
}

/* A new flow has its server: it is tracked, and its first packet goes there. */
static __noinline int begin(struct __sk_buff *skb, struct packet *p, __u32 row, __u32 service_flags)
{
	struct config *config = configured();
	struct destination *d = array_row(&destinations, row);
	struct connection c = {};
	__u32 former = 0;

	if (!config || !d)
		return TC_ACT_SHOT;
	c.destination = row;
	c.generation = d->generation;
	c.interface = came_in(skb);
	c.seen = p->now;
	p->kind = EVENT_NEW;
	if (d->method == METHOD_FULLNAT && !is_here(row)) {
		int taken = take_port(skb, config, &p->flow, d, &c);

		if (taken == 1)
			taken = take_over(&p->flow, d, &c, &former);
		if (taken) {
			count(COUNTER_NO_PORT);
			return TC_ACT_SHOT;
		}
		c.flags |= CONNECTION_PAIRED;
	}
	if (service_flags & SERVICE_PROVEN) {
		if (open_server(skb, p, service_flags))
			return TC_ACT_SHOT;
		c.flags |= CONNECTION_PROXIED;
	}
	c.state = next_state(skb, p, STATE_NONE, sees_replies(d) ? INPUT : INPUT_ONLY);
	c.flags |= (is_active(c.state) ? 0 : CONNECTION_INACTIVE) |
		  (service_flags & SERVICE_PERSISTENT ? CONNECTION_PERSISTENT : 0) |
		  (service_flags & SERVICE_SOURCES ? CONNECTION_SOURCED : 0);
	if (sees_replies(d) && !(c.flags & CONNECTION_PAIRED) && is_ambiguous(d, &p->flow))
		keep_reply(&p->flow, d, &c);
	track(&p->flow, &c, d, config);
	if (former && is_syn(p) && !(service_flags & SERVICE_PROVEN)) {
		int verdict = reset_former(skb, p, former);

		if (verdict >= 0)
			return verdict ? verdict : forward(skb, p, d, row, &c);
	}
	count_packet(p, config, row, 0);
	return forward(skb, p, d, row, &c);
}

/* A flow begins that is not tracked: other processors know of it. */
static __always_inline void leave_untracked(struct service_state *state, const struct packet *p)
{
	/* Once a second is enough, and keeps the row with readers. */
	if (p->now - state->untracked > SECOND)
		state->untracked = p->now ? p->now : 1;
}

/* The flow's server would answer by this machine, where nobody would know its answers. */
#define NOT_DIRECT (-3)

/*
 * Where a flow goes that is not tracked: by its hash, the same for all of its packets. Without a
 * connection only servers are of use that answer clients directly.
 */
static __noinline int choose_untracked(const struct service *s, const struct flow *f)
{
	struct destination *d;
	int row;

	if (!s->direct)
		return NOT_DIRECT;
	row = schedule_stateless(s, f);
	d = row < 0 ? NULL : array_row(&destinations, row);
	return d && sees_replies(d) ? NOT_DIRECT : row;
}

/* A packet of no known flow may belong to one that was tracked elsewhere, or not at all. */
static __always_inline int choose_astray(const struct config *config, const struct service *s,
					 const struct service_state *state, const struct packet *p)
{
	/* Without a connection nobody knows by how much the numbers of its packets differ. */
	if (s->syn_proxy)
		return NOT_DIRECT;
	/* Where all directors agree, it goes on. */
	if (s->program == PROGRAM_HASH)
		return schedule_stateless(s, &p->flow);
	if (!state->untracked ||
	    is_older(p->now, state->untracked, config->timeout[STATE_ESTABLISHED] + SECOND))
		return NOT_DIRECT;
	return choose_untracked(s, &p->flow);
}

/* A client gets a cookie, which is looked for from now on. */
static __always_inline int challenge(struct __sk_buff *skb, struct packet *p, struct service_state *state)
{
	leave_untracked(state, p);
	return answer_with_cookie(skb, p);
}

/* Where none was given for so long, none is looked for. */
static __always_inline int may_return_cookie(const struct service *s, const struct service_state *state,
					     const struct packet *p)
{
	return s->syn_proxy && p->flow.protocol == IPPROTO_TCP && state->untracked &&
	       !is_older(p->now, state->untracked, COOKIE_TICKS + SECOND);
}

/* It begins a connection: a first packet of its kind, or any of a protocol that has none. */
static __always_inline int is_beginning(struct __sk_buff *skb, const struct packet *p)
{
	return p->flow.protocol == IPPROTO_TCP    ? is_syn(p)
	       : p->flow.protocol == IPPROTO_SCTP ? is_init(skb, p)
						  : 1;
}

/* The same where that is not asked for. */
static __always_inline int may_begin(struct __sk_buff *skb, const struct packet *p,
				     const struct config *config)
{
	struct chunk_header *chunk;

	if (p->flow.protocol != IPPROTO_SCTP)
		return config->flags & CONFIG_SLOPPY && !(p->tcp & TCP_RST);
	chunk = config->flags & CONFIG_SLOPPY_SCTP ? first_chunk(skb, p) : NULL;
	return chunk && chunk->type != CHUNK_ABORT;
}

/* A packet of no known flow, for the service. */
static __noinline int arrive(struct __sk_buff *skb, struct packet *p, __u32 number)
{
	struct config *config = configured();
	struct service *s = array_row(&services, number);
	struct service_state *state = array_row(&service_states, number);
	int row;
	int begins = is_beginning(skb, p);
	__u32 proven, leaves;
	int asks;

	if (!config || !s || !state)
		return TC_ACT_UNSPEC;
	if (config->flags & CONFIG_PROBES && is_probe_astray(p))
		return TC_ACT_SHOT;
	asks = s->syn_proxy && is_syn(p);
	if (asks && s->syn_proxy == SYN_PROXY_ALWAYS)
		return challenge(skb, p, state);
	proven = !begins && may_return_cookie(s, state, p) ? find_cookie(skb, p) : 0;
	if (!begins && !proven && !may_begin(skb, p, config)) {
		row = choose_astray(config, s, state, p);
		if (row != NOT_DIRECT)
			return forward_alone(skb, p, row, s->flags);
		count(COUNTER_NOT_SYN);
		/* What ends an association is an ABORT, or an ICMP error for want of SCTP: the kernel's. */
		leaves = SERVICE_BYPASS | (p->flow.protocol == IPPROTO_SCTP ? SERVICE_REJECT : 0);
		return s->flags & leaves ? TC_ACT_UNSPEC : turn_away(skb, p, s->flags);
	}
	if (!proven && is_dropped(config)) {
		if (asks)
			return challenge(skb, p, state);
		count(COUNTER_DROPPED);
		return TC_ACT_SHOT;
	}
	if (s->flags & SERVICE_ONE_PACKET) {
		row = choose_alone(skb, p, number);
		return row == NO_CALL ? TC_ACT_SHOT : forward_alone(skb, p, row, s->flags);
	}
	if ((s->limit && state->connections >= (__s32)s->limit) ||
	    (s->source_limit && has_source_enough(s, &p->flow, number))) {
		count(COUNTER_LIMIT);
		return turn_away(skb, p, s->flags);
	}
	if (!proven && !is_allowed(config)) {
		if (asks)
			return challenge(skb, p, state);
		count(COUNTER_STATELESS);
		leave_untracked(state, p);
		/* Of what is not tracked no answer finds back: better that the client asks again. */
		row = choose_untracked(s, &p->flow);
		return row == NOT_DIRECT ? TC_ACT_SHOT : forward_alone(skb, p, row, s->flags);
	}
	row = choose(skb, p, number);
	if (row < 0)
		return row == NO_CALL ? TC_ACT_SHOT : turn_away(skb, p, s->flags);
	return begin(skb, p, row, s->flags | (s->source_limit ? SERVICE_SOURCES : 0) | proven);
}
