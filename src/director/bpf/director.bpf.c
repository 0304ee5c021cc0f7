/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The director: packets of clients go to servers, packets of servers that need it go back. Attached
 * where packets come in, before routing. Order of things for a packet:
 *
 *   a server's reply? ──► its connection ──► from the service's address, out to the client
 *   a known flow? ──────► its connection ──► its server
 *   for a service? ─────► persistence, scheduler ──► a new connection ──► its server
 *   else ───────────────► on to the kernel, as if we were not here
 *
 * What goes on to the kernel does so with TC_ACT_UNSPEC, not TC_ACT_OK: programs and filters behind
 * ours see it. So does what is for this machine, or goes where it wanted to: we said which server it
 * is for, and whether it may come in, or how fast, is theirs to say as without us.
 */
#include "probe.h"
#include "call-out.h"
#include "cut.h"
#include "here.h"
#include "local-port.h"
#include "trace.h"
#include "xdp.h"

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

/* A connection that a SYN, or an INIT, does not belong to any more. */
static __always_inline int is_over(const struct config *config, const struct connection *c)
{
	struct destination *d;

	if (c->state == STATE_TIME_WAIT || c->state == STATE_CLOSE || c->state == STATE_SCTP_CLOSED)
		return config->flags & CONFIG_REUSE;
	if (c->state != STATE_FIN_WAIT || !(config->flags & CONFIG_REUSE_FIN))
		return 0;
	/* The last state there is where the server's FIN goes another way. */
	d = array_row(&destinations, c->destination);
	return d && !sees_replies(d);
}

/* Connections of a server that was removed end: everywhere, or those of its service. */
static __noinline int ends_with_server(const struct config *config, const struct connection *c)
{
	struct destination *was = array_row(&destinations, c->destination);
	struct service *s = was ? array_row(&services, was->service) : NULL;

	return config->flags & CONFIG_EXPIRE_NODEST || (s && s->flags & SERVICE_RESET);
}

/* A SYN of a connection that is over, which is forgotten. NOBODY: it begins another. */
static __noinline int begin_anew(struct __sk_buff *skb, struct packet *p, struct connection *c)
{
	struct destination *d = c->local_port ? destination_of(c) : NULL;
	struct connection was = *c;
	struct reply *known = NULL;
	__u32 next = 0;
	struct flow key;
	int verdict;

	if (d)
		known = reply_of(&p->flow, c, d, &key);
	if (known)
		next = known->next;
	forget(&p->flow, c);
	verdict = reset_former(skb, p, next);
	if (verdict < 0)
		return NOBODY;
	return verdict || !d ? verdict : forward(skb, p, d, was.destination, &was);
}

/* A packet of a connection that is known. NOBODY: it begins anew. */
static __always_inline int go_on(struct __sk_buff *skb, struct packet *p, struct connection *c)
{
	struct config *config = configured();
	struct destination *d;
	int begins, verdict;

	if (!config)
		return TC_ACT_UNSPEC;
	begins = is_syn(p) || is_init(skb, p);
	if (is_expired(config, p, c)) {
		forget(&p->flow, c);
		return NOBODY;
	}
	if (begins && is_over(config, c))
		return begin_anew(skb, p, c);
	d = destination_of(c);
	if (!d || d->flags & DESTINATION_ENDS) {
		count(COUNTER_NO_DESTINATION);
		if (!d && !ends_with_server(config, c))
			return TC_ACT_SHOT;
		forget(&p->flow, c);
		/* Only TCP has to be told that what it had is over. */
		return begins || p->flow.protocol != IPPROTO_TCP ? NOBODY
								 : turn_away(skb, p, SERVICE_REJECT);
	}
	c->interface = came_in(skb);
	if (c->flags & CONNECTION_PROXIED) {
		verdict = from_client(skb, p, c);
		if (verdict != TRANSLATED)
			return verdict;
	}
	count_packet(p, config, c->destination, 0);
	advance(skb, p, c, d, sees_replies(d) ? INPUT : INPUT_ONLY);
	if (p->tcp & TCP_FIN && c->local_port)
		note_end(skb, p, c, d);
	return forward_now(skb, p, d, c->destination, c);
}

/*
 * A server's datagram of a call, where no connection says whose it answers. NOBODY: it is none, and
 * not for us.
 */
static __noinline int reply_alone(struct __sk_buff *skb, struct packet *p)
{
	struct config *config = configured();
	struct scratch *scratch = array_row(&scratches, 0);
	struct connection c = {};
	struct destination *d;
	struct service *s;

	if (!config || !scratch)
		return NOBODY;
	if (call_of(skb, p, &scratch->client, &c)) {
		note_flow(&p->flow, EVENT_CLIENT);
		return NOBODY;
	}
	d = array_row(&destinations, c.destination);
	s = d ? array_row(&services, d->service) : NULL;
	if (!s)
		return NOBODY;
	p->kind = EVENT_REPLY;
	p->alone = c.destination + 1;
	if (!c.interface) {
		count(COUNTER_NO_ROUTE);
		return TC_ACT_SHOT;
	}
	keep_fragment(p, c.destination, c.interface);
	/* What the client says next is for this server: by the call, or by the flow. */
	if (!(s->flags & SERVICE_ONE_PACKET) && is_allowed(config)) {
		c.flags = CONNECTION_PERSISTENT | CONNECTION_INACTIVE;
		if (is_ambiguous(d, &scratch->client))
			keep_reply(&scratch->client, d, &c);
		track(&scratch->client, &c, d, config);
	}
	return reply(skb, p, &scratch->client, &c);
}

static __always_inline int judge(struct __sk_buff *skb)
{
	struct config *config = configured();
	struct scratch *scratch = array_row(&scratches, 0);
	struct connection *c;
	struct packet *p;
	__u32 *service;
	int verdict;

	/* Frames that are another's (a switch may flood them) or everybody's are not to be forwarded. */
	if (skb->pkt_type != PACKET_HOST || !config || !scratch)
		return TC_ACT_UNSPEC;
	p = &scratch->packet;
	__builtin_memset(p, 0, sizeof(*p));
	p->now = tick();
	gather_headers(skb);
	if (parse_network(skb, p)) {
		if (p->family)
			count(COUNTER_MALFORMED);
		return TC_ACT_UNSPEC;
	}
	if (p->icmp) {
		if (config->flags & CONFIG_PROBES && meet_echo(skb, p))
			return TC_ACT_SHOT;
		verdict = p->fragment ? TC_ACT_UNSPEC : tell_of_tunnel(skb, p);
		return verdict == NOBODY ? direct_icmp(skb, p) : verdict;
	}
	if (!has_ports(p->flow.protocol))
		return TC_ACT_UNSPEC;
	if (p->fragment != 2 && parse_ports(skb, p)) {
		count(COUNTER_MALFORMED);
		return TC_ACT_UNSPEC;
	}
	if (p->fragment && follow_fragment(p)) {
		count(COUNTER_NO_FRAGMENT);
		return TC_ACT_UNSPEC;
	}
	c = config->flags & CONFIG_REPLIES ? find_replied(&p->flow, &scratch->client) : NULL;
	if (c) {
		p->kind = EVENT_REPLY;
		return reply(skb, p, &scratch->client, c);
	}
	note_flow(&p->flow, EVENT_CLIENT);
	c = bpf_map_lookup_elem(&connections, &p->flow);
	if (c) {
		verdict = go_on(skb, p, c);
		if (verdict != NOBODY)
			return verdict;
	}
	service = find_service(skb, p, config);
	if (service)
		return arrive(skb, p, *service);
	if (config->flags & CONFIG_CALLS) {
		verdict = reply_alone(skb, p);
		if (verdict != NOBODY)
			return verdict;
	}
	if (config->flags & CONFIG_PROBES)
		take_probe_answer(skb, p);
	return TC_ACT_UNSPEC;
}

static __always_inline int direct(struct __sk_buff *skb)
{
	int verdict = judge(skb);

	if (tracing.until)
		tell(skb, verdict);
	return verdict;
}

SEC("tc")
int weir_director(struct __sk_buff *skb)
{
	return direct(skb);
}

/* Where packets of this machine leave: checks that go the way of packets, answers of its own servers. */
SEC("tc")
int weir_exit(struct __sk_buff *skb)
{
	int verdict;

	if ((skb->mark & ~PROBE_ROWS) == PROBE_MARK)
		return send_probe(skb);
	verdict = answer_from_here(skb);
	if (tracing.until)
		tell(skb, verdict);
	return verdict;
}

/* Where their answers come in, if the director takes no packets there. */
SEC("tc")
int weir_probe_answer(struct __sk_buff *skb)
{
	struct scratch *scratch = array_row(&scratches, 0);

	if (skb->pkt_type == PACKET_HOST && scratch && !parse_probe(skb, &scratch->packet, 1))
		take_probe_answer(skb, &scratch->packet);
	return TC_ACT_UNSPEC;
}

/* In front of weir_director, in the card's driver. */
SEC("xdp.frags")
int weir_xdp(struct xdp_md *ctx)
{
	return hasten(ctx);
}

char LICENSE[] SEC("license") = "Apache-2.0";
