/* SPDX-License-Identifier: Apache-2.0 */
/* The table of connections: finding, beginning, limits. */
#pragma once

#include "states.h"
#include "locality.h"

static __always_inline struct config *configured(void)
{
	return &configuration;
}

/* The interface that a packet came in by. */
static __always_inline __u32 came_in(const struct __sk_buff *skb)
{
	__u32 interface = skb->ingress_ifindex ? skb->ingress_ifindex : skb->ifindex;

	/* The compiler shall read it once, from where it is in `skb`. */
	asm volatile("" : "+r"(interface));
	return interface;
}

/* Another processor may have seen a packet since this one took the time: that is not long ago. */
static __always_inline int is_older(__u32 now, __u32 seen, __u32 ticks)
{
	__s32 age = now - seen;

	return age > 0 && (__u32)age > ticks;
}

/* The kernel keeps it for less time than it has been silent. */
static __always_inline int is_expired(const struct config *config, const struct packet *p,
				      const struct connection *c)
{
	return is_older(p->now, c->seen, config->timeout[c->state & (STATE_ROWS - 1)]);
}

/* The destination of a connection, unless its row is another server's by now. */
static __always_inline struct destination *destination_of(const struct connection *c)
{
	struct destination *d = array_row(&destinations, c->destination);

	return d && d->generation == c->generation && d->flags & DESTINATION_PRESENT ? d : NULL;
}

static __always_inline int sees_replies(const struct destination *d)
{
	return d->method == METHOD_NAT || d->method == METHOD_FULLNAT;
}

/* What this processor has counted of a destination. */
static __always_inline struct statistics *counted(const struct config *config, __u32 destination)
{
	return array_row(&statistics,
			 bpf_get_smp_processor_id() * config->destinations + destination);
}

static __always_inline void count_packet(const struct packet *p, const struct config *config,
					 __u32 destination, int out)
{
	struct statistics *s = counted(config, destination);

	if (!s)
		return;
	if (out) {
		s->out_packets++;
		s->out_bytes += p->bytes;
	} else {
		s->in_packets++;
		s->in_bytes += p->bytes;
	}
}

/* Part of a counted packet comes in again, and will be counted then. */
static __always_inline void uncount_packet(const struct config *config, __u32 destination, __u32 bytes)
{
	struct statistics *s = counted(config, destination);

	if (!s)
		return;
	s->in_packets--;
	s->in_bytes -= bytes;
}

static __always_inline void count_connection(const struct config *config, __u32 destination)
{
	struct statistics *s = counted(config, destination);

	if (s)
		s->connections++;
}

/* The flow of a server's packets to whom it takes for the client. */
static __always_inline void reply_key(struct flow *key, const struct flow *client,
				      const struct destination *d, const struct address *to, __be16 port)
{
	key->source = d->address;
	key->source_port = d->port ? d->port : client->destination_port;
	key->destination = *to;
	key->destination_port = port;
	key->protocol = client->protocol;
	__builtin_memset(key->unused, 0, sizeof(key->unused));
}

/* The connection's other direction goes with it, and its port of ours is free again. */
static __noinline void forget_reply(const struct flow *client, const struct connection *c,
				    const struct destination *d)
{
	const struct address *to = &client->source;
	__be16 port = client->source_port;
	struct reply *known;
	struct flow key;

	if (c->local_port) {
		to = array_row(&locals, c->local);
		port = c->local_port;
	}
	if (!to)
		return;
	reply_key(&key, client, d, to, port);
	known = bpf_map_lookup_elem(&replies, &key);
	/* The same client may have come to the same server by another service since. */
	if (known && same_address(&known->flow.destination, &client->destination) &&
	    known->flow.destination_port == client->destination_port)
		bpf_map_delete_elem(&replies, &key);
}

/* A client of IPv6 is a /64: within that it may have any address. */
static __always_inline void source_key(struct address_key *key, const struct flow *f, __u32 number)
{
	key->address = f->source;
	key->service = number;
	if (is_v4(&f->source))
		return;
	key->address.word[2] = 0;
	key->address.word[3] = 0;
}

/* The client has as many connections as one may have. */
static __noinline int has_source_enough(const struct service *s, const struct flow *f, __u32 number)
{
	struct address_key key;
	struct source *source;

	source_key(&key, f, number);
	source = bpf_map_lookup_elem(&sources, &key);
	return source && source->connections >= (__s32)s->source_limit;
}

static __noinline void count_source(const struct flow *f, __u32 number)
{
	struct source first = { .connections = 1, .changed = tick() };
	struct address_key key;
	struct source *source;

	source_key(&key, f, number);
	source = bpf_map_lookup_elem(&sources, &key);
	if (!source && !bpf_map_update_elem(&sources, &key, &first, BPF_NOEXIST))
		return;
	/* Another processor may have been faster. */
	if (!source)
		source = bpf_map_lookup_elem(&sources, &key);
	if (!source)
		return;
	source->changed = first.changed;
	__sync_fetch_and_add(&source->connections, 1);
}

static __noinline void forget_source(const struct flow *f, __u32 number)
{
	struct address_key key;
	struct source *source;

	source_key(&key, f, number);
	source = bpf_map_lookup_elem(&sources, &key);
	if (!source)
		return;
	source->changed = tick();
	if (__sync_fetch_and_add(&source->connections, -1) <= 1)
		bpf_map_delete_elem(&sources, &key);
}

/* Takes the connection's part back from the counts. */
static __always_inline void forget(const struct flow *key, const struct connection *c)
{
	struct destination *d = array_row(&destinations, c->destination);
	struct service_state *state;
	int inactive = c->flags & CONNECTION_INACTIVE ? 1 : 0;
	struct connection was = *c;

	/* Where two processors find it at once, one of them counts. */
	if (bpf_map_delete_elem(&connections, key))
		return;
	if (was.flags & CONNECTION_PROXIED)
		bpf_map_delete_elem(&proxied, key);
	if (!d || d->generation != was.generation)
		return;
	add_load(was.destination, d, inactive - 1, -inactive);
	state = array_row(&service_states, d->service);
	if (state)
		__sync_fetch_and_add(&state->connections, -1);
	if (was.flags & CONNECTION_SOURCED)
		forget_source(key, d->service);
	if (was.flags & CONNECTION_PAIRED)
		forget_reply(key, &was, d);
}

/* Takes one of what this processor may have of something in a second. 0: it has had all. */
static __always_inline int spend(__u32 row, __u32 limit)
{
	struct allowance *a = array_row(&allowances, row);
	__u32 second = tick() / SECOND;

	if (!a)
		return 0;
	if (a->second != second) {
		a->second = second;
		a->used = 0;
	}
	if (a->used >= limit)
		return 0;
	a->used++;
	return 1;
}

/* This processor may track another new flow within this second. */
static __always_inline int is_allowed(const struct config *config)
{
	return !config->new_flows || spend(ALLOWANCE_FLOWS, config->new_flows);
}

/* Of new flows one in `drop_rate` is dropped: each processor counts. */
static __always_inline int is_dropped(const struct config *config)
{
	struct allowance *a = config->drop_rate ? array_row(&allowances, ALLOWANCE_DROPS) : NULL;

	if (!a || ++a->used < config->drop_rate)
		return 0;
	a->used = 0;
	return 1;
}

static __always_inline __u32 lookup_range(const struct packet *p, __u32 **found)
{
	struct range_key key = {
		.bits = (sizeof(key) - sizeof(key.bits)) * 8,
		.address = p->flow.destination,
		.protocol = p->flow.protocol,
		.port = p->flow.destination_port,
	};

	*found = bpf_map_lookup_elem(&ranges, &key);
	return 0;
}

/* The number of the service a client's packet is for, as IPVS looks: mark, port, then ranges. */
static __always_inline __u32 *find_service(struct __sk_buff *skb, const struct packet *p,
					   const struct config *config)
{
	struct service_key key = { .protocol = p->flow.protocol };
	__u32 *found;

	if (skb->mark && config->flags & CONFIG_MARKS) {
		key.mark = skb->mark;
		key.family = p->family;
		found = bpf_map_lookup_elem(&lookups, &key);
		if (found)
			return found;
		key.mark = 0;
		key.family = 0;
	}
	key.address = p->flow.destination;
	key.port = p->flow.destination_port;
	found = bpf_map_lookup_elem(&lookups, &key);
	if (!found && config->flags & CONFIG_RANGES)
		lookup_range(p, &found);
	return found;
}

static __always_inline void mask_address(struct address *a, __u8 prefix4, __u8 prefix6)
{
	__u32 bits = is_v4(a) ? 96 + prefix4 : prefix6;

	for (int i = 0; i < 4; i++) {
		__u32 here = bits >= 32 ? 32 : bits;

		bits -= here;
		a->word[i] &= here == 0 ? 0 : bpf_htonl(0xffffffffu << (32 - here));
	}
}

/* The server that a client or a call of a persistent service has been given before, or NOBODY. */
static __always_inline int find_template(const struct config *config, const struct service *s,
					 const struct template_key *key, __u32 interface)
{
	struct template *t = bpf_map_lookup_elem(&templates, key);
	struct destination *d;

	if (!t || is_older(tick(), t->seen, s->persist))
		return NOBODY;
	d = array_row(&destinations, t->destination);
	if (!d || d->generation != t->generation || d->service != key->service ||
	    !(d->flags & DESTINATION_PRESENT) || d->flags & (DESTINATION_LEAVING | DESTINATION_CLOSED))
		return NOBODY;
	if (d->weight <= 0 && config->flags & CONFIG_EXPIRE_QUIESCENT)
		return NOBODY;
	t->seen = tick();
	t->interface = interface;
	return t->destination;
}

static __noinline void keep_template(const struct template_key *key, __u32 row, __u32 generation,
				    __u32 interface)
{
	struct template t = {
		.destination = row,
		.generation = generation,
		.seen = tick(),
		.interface = interface,
	};

	bpf_map_update_elem(&templates, key, &t, BPF_ANY);
}

/* Some server's replies come from the port. Of clients' packets few get past this. */
static __always_inline int is_reply_port(__be16 port)
{
	return reply_ports[port >> 3] & 1 << (port & 7);
}

/* What is known of a server by its port, or of all its ports. */
static __always_inline struct server_value *find_server(const struct address *address, __be16 port,
							__u8 protocol)
{
	struct server_key key = { .address = *address, .port = port, .protocol = protocol };
	struct server_value *server = bpf_map_lookup_elem(&servers, &key);

	/* No packet is from port 0: where all ports are, it stands for that. */
	if (server || !is_reply_port(0))
		return server;
	key.port = 0;
	return bpf_map_lookup_elem(&servers, &key);
}

/* The flow of the client whose packets this flow answers. 0: it answers none. */
static __always_inline int find_answered(const struct flow *f, struct flow *client)
{
	struct server_value *server;
	struct reply *known;

	if (!is_reply_port(f->source_port))
		return 0;
	server = find_server(&f->source, f->source_port, f->protocol);
	if (!server)
		return 0;
	if (server->flags & SERVER_AMBIGUOUS) {
		known = bpf_map_lookup_elem(&replies, f);
		if (known) {
			known->seen = tick();
			*client = known->flow;
			return 1;
		}
		/* It may be older than the second service. */
	}
	client->source = f->destination;
	client->source_port = f->destination_port;
	client->destination = server->address;
	client->destination_port = server->port ? server->port : f->source_port;
	client->protocol = f->protocol;
	__builtin_memset(client->unused, 0, sizeof(client->unused));
	return 1;
}

/*
 * The connection that a server's flow answers. One that has gone to another server since is not
 * the old server's to speak in.
 */
static __always_inline struct connection *find_replied(const struct flow *f, struct flow *client)
{
	struct connection *c;
	struct destination *d;

	if (!find_answered(f, client))
		return NULL;
	c = bpf_map_lookup_elem(&connections, client);
	d = c ? array_row(&destinations, c->destination) : NULL;
	if (!d || (d->generation == c->generation && !same_address(&d->address, &f->source)))
		return NULL;
	return c;
}
