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
#include "arrive.h"
#include "trace.h"
#include "xdp.h"

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
