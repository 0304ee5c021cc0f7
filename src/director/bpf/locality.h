/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LBLC and LBLCR: what is asked for stays with the servers that have served it
 * (src/balance/schedulers/lblc.ts, lblcr.ts). Entries are changed where they lie and by nobody
 * alone: where two processors add to a set at once, one server may be lost of it.
 */
#pragma once

#include "schedule.h"

/* Ticks since then; a time that seems to come is another processor's, or one long past. */
static __always_inline __u32 ticks_since(__u32 then, __u32 now)
{
	__s32 age = now - then;

	return age >= 0 ? age : age > -SECOND ? 0 : 0x7fffffff;
}

static __always_inline long visit_light(__u32 i, struct walk *w)
{
	__u32 row = w->service->base + pool_slot(w->pool, i % w->length);
	struct destination *d = array_row(&destinations, row);
	struct load *load = array_row(&loads, row);

	if (!d || !load || (__s64)load->active * 2 >= d->weight)
		return GO_ON;
	w->found = row;
	return END;
}
ROUND(visit_light, struct walk *, c->length)

/* A server has more at work than its weight says while another has less than half of it. */
static __noinline int is_outweighed(const struct service *s, __u32 slot)
{
	struct candidate c;
	struct walk w = {};

	if (!candidate_at(s, slot, &c) || c.active <= c.weight || !begin_walk(&w, s))
		return 0;
	repeat(visit_light, &w);
	return w.found >= 0;
}

/* The set of an entry, from the newest server to the oldest. */
struct set_walk {
	const struct service *service;
	struct locality *entry;
	__u32 from;
	int least; /* slot of an open one, with least overhead for its weight */
	int most;  /* index of the one with most */
	struct candidate best;
	struct candidate worst;
};

/* A place of a set that is nobody's; none is once it was packed. */
#define GONE 0xffff

/* A set, as the places that are somebody's move up. */
struct packing {
	struct locality *entry;
	__u32 count; /* of those that are looked at */
	__u32 to;
	int watched; /* a place, and where it is then */
	int moved;
};

static __always_inline long visit_place(__u32 i, struct packing *k)
{
	__u32 to = within(k->to, SCHEDULE_SET);

	if (i >= SCHEDULE_SET || i >= k->count)
		return END;
	if (k->entry->slot[i] == GONE)
		return GO_ON;
	/* Linux 6.1 would take the place for a number that it is compared with, were that known. */
	if ((int)i == k->watched)
		k->moved = to;
	k->entry->slot[to] = k->entry->slot[i];
	k->entry->generation[to] = k->entry->generation[i];
	k->to = to + 1;
	return GO_ON;
}
ROUND(visit_place, struct packing *, SCHEDULE_SET)

/* Those that are left stay in their order. Returns where the one at `watched` is by now, or -1. */
static __noinline int pack(struct locality *l, int watched)
{
	struct packing k = {
		.entry = l,
		.count = l->count,
		.to = nothing(),
		.watched = watched,
		.moved = -1 + nothing(),
	};

	repeat(visit_place, &k);
	l->count = k.to;
	return k.moved;
}

static __always_inline int is_heavier(const struct candidate *a, const struct candidate *b)
{
	return overhead(a) * b->weight > overhead(b) * a->weight;
}

static __always_inline long visit_member(__u32 i, struct set_walk *w)
{
	__u32 at = w->from - i;
	struct destination *d;
	struct candidate c;
	struct load *load;
	__u32 slot, row;

	if (at >= SCHEDULE_SET)
		return END;
	slot = w->entry->slot[at];
	row = w->service->base + slot;
	d = array_row(&destinations, row);
	load = array_row(&loads, row);
	if (!d || !load || (__u16)d->generation != w->entry->generation[at] ||
	    !(d->flags & DESTINATION_PRESENT)) {
		w->entry->slot[at] = GONE;
		return GO_ON;
	}
	if (d->weight <= 0)
		return GO_ON;
	c.weight = d->weight;
	c.active = load->active;
	c.inactive = load->inactive;
	if (w->most < 0 || is_heavier(&c, &w->worst)) {
		w->most = at;
		w->worst = c;
	}
	if (eligible(w->service, slot) && (w->least < 0 || is_heavier(&w->best, &c))) {
		w->least = slot;
		w->best = c;
	}
	return GO_ON;
}
ROUND(visit_member, struct set_walk *, SCHEDULE_SET)

/* The least loaded of a set; one that has not changed for a day loses the most loaded. */
static __noinline int least_of_set(const struct service *s, struct locality *l, __u32 now)
{
	struct set_walk w = {
		.service = s,
		.entry = l,
		.from = less(l->count, SCHEDULE_SET) - 1,
		.least = NOBODY + nothing(),
		.most = -1 + nothing(),
	};
	int most;

	w.best.weight = w.best.active = w.best.inactive = nothing();
	w.worst = w.best;
	repeat(visit_member, &w);
	most = pack(l, w.most);
	if (l->count > 1 && most >= 0 && ticks_since(l->changed, now) > SCHEDULE_MEMORY) {
		l->slot[within(most, SCHEDULE_SET)] = GONE;
		pack(l, -1 + nothing());
		l->changed = now;
	}
	return w.least;
}

/* What served the address before and is not outweighed by another. */
static __always_inline int pick_known(const struct service *s, const struct address_key *key)
{
	struct locality *l = bpf_map_lookup_elem(&localities, key);
	__u32 now = tick();
	int slot;

	if (!l)
		return NOBODY;
	if (ticks_since(l->used, now) >= SCHEDULE_MEMORY) {
		l->count = 0;
		return NOBODY;
	}
	l->used = now;
	slot = least_of_set(s, l, now);
	return slot < 0 || is_outweighed(s, slot) ? NOBODY : slot;
}

/* Keeps what was chosen: LBLC in place of what there was, LBLCR with it while there is room. */
static __noinline void keep_locality(const struct service *s, const struct address_key *key, __u32 slot)
{
	struct destination *d = array_row(&destinations, s->base + slot);
	struct locality *l = bpf_map_lookup_elem(&localities, key);
	struct scratch *scratch = array_row(&scratches, 0);
	__u32 now = tick(), at;

	if (!d || !scratch)
		return;
	if (!l) {
		l = &scratch->fresh;
		l->slot[0] = slot;
		l->generation[0] = d->generation;
		l->count = 1;
		l->used = l->changed = now;
		bpf_map_update_elem(&localities, key, l, BPF_ANY);
		return;
	}
	at = s->program == PROGRAM_LBLC ? 0 : l->count;
	l->used = now;
	for (__u32 i = 0; i < SCHEDULE_SET; i++) {
		if (i < at && l->slot[i] == slot)
			return;
	}
	if (at >= SCHEDULE_SET)
		return;
	at = within(at, SCHEDULE_SET);
	l->slot[at] = slot;
	l->generation[at] = d->generation;
	l->count = at + 1;
	l->changed = now;
}

static __noinline int pick_locality(const struct service *s, const struct flow *f, __u32 number)
{
	struct address_key key = { .address = f->destination, .service = number };
	int slot = pick_known(s, &key);

	if (slot >= 0)
		return slot;
	slot = pick_walk(s, NULL, f->protocol);
	if (slot >= 0)
		keep_locality(s, &key, slot);
	return slot;
}

/* A row of `destinations` for a new flow, or NOBODY. */
static __noinline int schedule(__u32 number, const struct service *s, const struct flow *f)
{
	struct service_state *state = array_row(&service_states, number);
	int slot;

	if (!state)
		return NOBODY;
	switch (s->program) {
	case PROGRAM_TURNS:
		slot = pick_turn(s, __sync_fetch_and_add(&state->turn, 1));
		break;
	case PROGRAM_HASH:
		slot = pick_hash(s, f, s->hash);
		break;
	case PROGRAM_TWOS:
		slot = pick_twos(s, state);
		break;
	case PROGRAM_LBLC:
	case PROGRAM_LBLCR:
		slot = pick_locality(s, f, number);
		break;
	default:
		slot = pick_walk(s, state, f->protocol);
	}
	return slot < 0 ? NOBODY : (int)(s->base + slot);
}

/* The same without anything kept: the flow's hash finds its place in the table, whatever it is. */
static __always_inline int schedule_stateless(const struct service *s, const struct flow *f)
{
	int slot = pick_hash(s, f, s->program == PROGRAM_HASH ? s->hash : HASH_FLOW);

	return slot < 0 ? NOBODY : (int)(s->base + slot);
}
