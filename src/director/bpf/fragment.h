/* SPDX-License-Identifier: Apache-2.0 */
/* Packets in pieces: what the first one says is kept for those that come after it. */
#pragma once

#include "packet.h"

static __always_inline void fragment_key_of(const struct packet *p, struct fragment_key *key)
{
	key->source = p->flow.source;
	key->destination = p->flow.destination;
	key->id = p->fragment_id;
	key->protocol = p->flow.protocol;
}

/* What the first piece of this packet said. */
static __noinline struct fragment *fragment_of(const struct packet *p)
{
	struct fragment_key key;

	fragment_key_of(p, &key);
	return bpf_map_lookup_elem(&fragments, &key);
}

/* Keeps what the first fragment says. */
static __noinline void keep_first(const struct packet *p)
{
	struct fragment f = {
		.source_port = p->flow.source_port,
		.destination_port = p->flow.destination_port,
		.seen = p->now,
		.alone = p->alone,
	};
	struct fragment_key key;

	fragment_key_of(p, &key);
	bpf_map_update_elem(&fragments, &key, &f, BPF_ANY);
}

/* Ports of a later fragment from what its first said; what the first says is kept. */
static __always_inline int follow_fragment(struct packet *p)
{
	struct fragment *known;

	if (p->fragment == 1) {
		keep_first(p);
		return 0;
	}
	known = fragment_of(p);
	if (!known)
		return -1;
	p->flow.source_port = known->source_port;
	p->flow.destination_port = known->destination_port;
	return 0;
}

/* Where the first fragment goes without a connection, that the others go there too. */
static __always_inline void keep_fragment(const struct packet *p, __u32 row, __u32 interface)
{
	struct fragment *first = p->fragment == 1 ? fragment_of(p) : NULL;

	if (!first)
		return;
	first->alone = row + 1;
	first->interface = interface;
}
