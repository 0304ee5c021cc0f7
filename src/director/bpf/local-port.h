/* SPDX-License-Identifier: Apache-2.0 */
/* The ports that FULLNAT speaks to servers from: finding one, and taking over those of connections that are over. */
#pragma once

#include "syn-proxy.h"

/* The search for a port of ours, as repeat() takes it from one address to the next. */
struct port_search {
	struct __sk_buff *skb;
	struct flow key;
	struct reply reply;
	__u32 random;
	__u32 locals;
	__u32 tries;
	__u32 local;
	/* Of taken ports the one whose connection is over for the longest time, if `idle` is not 0. */
	__u32 idle;
	__u32 over_local;
	__be16 over_port;
	int v4;
	int found;
};

/* A port that FULLNAT may use, by any number. */
static __always_inline __u16 local_port(const struct config *config, __u32 number)
{
	__u32 port = LOCAL_PORT_FIRST + number % config->local_ports;

	return port < config->kept_port ? port : port + config->kept_ports;
}

/* What would be a reply on this flow belongs to a socket of this machine, or to one that listens. */
static __always_inline int has_socket(struct __sk_buff *skb, const struct flow *f)
{
	struct scratch *scratch = array_row(&scratches, 0);
	struct bpf_sock *socket = NULL;
	struct bpf_sock_tuple *ends;
	__u32 bytes;

	if (!scratch)
		return 0;
	/* Not on the stack, of which Linux 6.1 leaves little here. */
	ends = &scratch->ends;
	if (is_v4(&f->source)) {
		ends->ipv4.saddr = f->source.word[3];
		ends->ipv4.daddr = f->destination.word[3];
		ends->ipv4.sport = f->source_port;
		ends->ipv4.dport = f->destination_port;
		bytes = sizeof(ends->ipv4);
	} else {
		__builtin_memcpy(ends->ipv6.saddr, &f->source, 16);
		__builtin_memcpy(ends->ipv6.daddr, &f->destination, 16);
		ends->ipv6.sport = f->source_port;
		ends->ipv6.dport = f->destination_port;
		bytes = sizeof(ends->ipv6);
	}
	if (f->protocol == IPPROTO_TCP)
		socket = bpf_skc_lookup_tcp(skb, ends, bytes, BPF_F_CURRENT_NETNS, 0);
	else if (f->protocol == IPPROTO_UDP)
		socket = bpf_sk_lookup_udp(skb, ends, bytes, BPF_F_CURRENT_NETNS, 0);
	if (!socket)
		return 0;
	bpf_sk_release(socket);
	return 1;
}

/*
 * For how long nothing has been heard of the connection that has the port, in ticks. 0: it goes on. One
 * that the table threw out is over, too, but until it is in the table none is either.
 */
static __always_inline __u32 over_for(const struct flow *key, __u32 local, __u32 now)
{
	struct reply *known = bpf_map_lookup_elem(&replies, key);
	struct connection *c;
	__u32 state;

	if (!known)
		return 0;
	c = bpf_map_lookup_elem(&connections, &known->flow);
	if (!c || c->local != local || c->local_port != key->destination_port)
		return is_older(now, known->seen, SECOND) ? now - known->seen : 0;
	state = c->state & (STATE_ROWS - 1);
	if (state != STATE_TIME_WAIT && state != STATE_CLOSE &&
	    !is_older(now, c->seen, configured()->timeout[state]))
		return 0;
	return is_older(now, c->seen, 0) ? now - c->seen : 0;
}

static __always_inline long visit_local(__u32 i, struct port_search *s)
{
	__u32 local = (s->random + i) % s->locals;
	struct address *ours = array_row(&locals, local);
	__u32 idle;

	/* Addresses of both families are in one list. */
	if (!ours || is_v4(ours) != s->v4)
		return 0;
	s->key.destination = *ours;
	s->key.destination_port = bpf_htons(local_port(configured(), mix(s->random + i) >> 8));
	s->local = local;
	s->found = !bpf_map_update_elem(&replies, &s->key, &s->reply, BPF_NOEXIST);
	if (s->found && has_socket(s->skb, &s->key)) {
		bpf_map_delete_elem(&replies, &s->key);
		s->found = 0;
	} else if (!s->found) {
		idle = over_for(&s->key, local, s->reply.seen);
		if (idle > s->idle) {
			s->idle = idle;
			s->over_local = local;
			s->over_port = s->key.destination_port;
		}
	}
	return s->found || ++s->tries == PORT_TRIES || (s->idle && s->tries >= PORT_PATIENCE);
}
ROUND(visit_local, struct port_search *, c->locals * PORT_TRIES)

/*
 * A port of ours towards the server that no other connection uses, for FULLNAT. 0: it is the
 * connection's now; 1: none is free, but it might take_over() the one that it has now.
 */
static __noinline int take_port(struct __sk_buff *skb, const struct config *config, const struct flow *client,
				const struct destination *d, struct connection *c)
{
	struct port_search s = {
		.skb = skb,
		.reply = { .flow = *client, .seen = tick() },
		.random = bpf_get_prandom_u32(),
		.locals = config->locals,
		.tries = nothing(),
		.idle = nothing(),
		.over_local = nothing(),
		.over_port = nothing(),
		.v4 = is_v4(&d->address),
	};

	if (!s.locals || !config->local_ports)
		return -1;
	reply_key(&s.key, client, d, &client->source, 0);
	repeat(visit_local, &s);
	c->local = s.found ? s.local : s.over_local;
	c->local_port = s.found ? s.key.destination_port : s.over_port;
	return s.found ? 0 : s.idle ? 1 : -1;
}

/* What is kept with the connection's port. */
static __always_inline struct reply *reply_of(const struct flow *client, const struct connection *c,
					      const struct destination *d, struct flow *key)
{
	struct address *ours = array_row(&locals, c->local);

	if (!ours)
		return NULL;
	reply_key(key, client, d, ours, c->local_port);
	return bpf_map_lookup_elem(&replies, key);
}

/* The client's FIN: what the server expects after it is kept. */
static __noinline void note_end(struct __sk_buff *skb, const struct packet *p, const struct connection *c,
				const struct destination *d)
{
	struct tcphdr *tcp = bytes_at(skb, p->l4, sizeof(*tcp));
	struct reply *known;
	struct flow key;

	if (!tcp || p->fragment)
		return;
	known = reply_of(&p->flow, c, d, &key);
	if (known)
		known->next = bpf_ntohl(tcp->seq) + p->bytes - (p->l4 - p->l3) - p->header + 1;
}

/*
 * Takes the port of a connection that is over, which is forgotten before its time, as the kernel does
 * with sockets in TIME_WAIT. `next`: what the server expects in it, 0 if that is not known.
 */
static __noinline int take_over(const struct flow *client, const struct destination *d,
				const struct connection *c, __u32 *next)
{
	struct connection *over;
	struct reply reply = {}, *known;
	struct flow key;

	known = reply_of(client, c, d, &key);
	if (known) {
		*next = known->next;
		reply.flow = known->flow;
		over = bpf_map_lookup_elem(&connections, &reply.flow);
		if (over && over->local == c->local && over->local_port == c->local_port)
			forget(&reply.flow, over);
		else
			bpf_map_delete_elem(&replies, &key);
	}
	reply.flow = *client;
	reply.seen = tick();
	if (bpf_map_update_elem(&replies, &key, &reply, BPF_NOEXIST))
		return -1;
	count(COUNTER_PORT_REUSED);
	return 0;
}

/*
 * A server that closed first still has the connection, in TIME_WAIT. It would take a SYN from the same
 * port for an old one, unless that happens to have later numbers, and the client would try again after
 * a second. So it is reset there first: the packet, a SYN, becomes that, and a copy of it comes in
 * again behind. -1: it stays what it was.
 */
static __noinline int reset_former(struct __sk_buff *skb, struct packet *p, __u32 next)
{
	struct segment s = { .seq = next, .flags = TCP_RST };

	if (!next || !is_plain(p) || bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS))
		return -1;
	p->tcp = TCP_RST;
	return make_segment(skb, p, &s) ? TC_ACT_SHOT : 0;
}
