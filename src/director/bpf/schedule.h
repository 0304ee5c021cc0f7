/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which server a new flow goes to: the formulas of IPVS (net/netfilter/ipvs/ip_vs_*.c) and ours.
 * src/balance/packet-twin.ts is the same in TypeScript.
 */
#pragma once

#include "hash.h"

/* No verdict (TC_ACT_UNSPEC is -1), for functions that may give one. */
#define NOBODY (-3)

/* The row of the slot in the service's part of `destinations`, if it takes new flows. */
static __always_inline struct destination *eligible(const struct service *s, __u32 slot)
{
	__u32 row = s->base + slot;
	struct destination *d = array_row(&destinations, row);
	struct load *load;

	if (!d || d->weight <= 0 || !(d->flags & DESTINATION_PRESENT))
		return NULL;
	load = array_row(&loads, row);
	/* One whose threshold is gone stays marked until the next connection. */
	if (!load || (d->upper && load->overloaded))
		return NULL;
	return d;
}

static __always_inline __u32 pool_slot(void *pool, __u32 place)
{
	struct pool_row *row = array_row(pool, 1 + place / POOL_ENTRIES);

	return row ? row->slot[place & (POOL_ENTRIES - 1)] : POOL_NOBODY;
}

static __always_inline int is_open(const struct service *s, __u32 slot)
{
	return slot != POOL_NOBODY && eligible(s, slot);
}

/* A server as walks compare it. */
struct candidate {
	__s32 weight;
	__s32 active;
	__s32 inactive;
};

/* A walk over a table or over all servers of a service, as repeat() takes it on. */
struct walk {
	const struct service *service;
	void *pool;
	__u64 from;
	__s64 left;
	__u32 length;
	__u32 list;    /* place at which the list behind the table begins */
	__u32 servers; /* in that */
	int found;     /* a slot */
	__u32 place;   /* in the table, of that */
	__u32 value;   /* hashed */
	__u32 kind;    /* of hash */
	int counts_all; /* of a server's connections, inactive ones too */
	struct candidate best;
};

enum { GO_ON, END };

/* Finds the table of the service's backend. 0: there is none. */
static __always_inline int begin_walk(struct walk *w, const struct service *s)
{
	struct pool_header *header;

	if (!s)
		return 0;
	w->service = s;
	w->found = NOBODY + nothing();
	w->left = nothing();
	w->best.weight = w->best.active = w->best.inactive = nothing();
	w->pool = array_row(&pools, s->pool);
	header = w->pool ? array_row(w->pool, 0) : NULL;
	if (!header || !header->length)
		return 0;
	w->length = header->length;
	w->list = (w->length + POOL_ENTRIES - 1) & ~(POOL_ENTRIES - 1);
	w->servers = header->servers;
	return 1;
}

static __always_inline long look_at(struct walk *w, __u32 place)
{
	__u32 slot = pool_slot(w->pool, place);

	if (!is_open(w->service, slot))
		return GO_ON;
	w->found = slot;
	return END;
}

static __always_inline __u32 less(__u32 a, __u32 b)
{
	return a < b ? a : b;
}

static __always_inline long visit_turn(__u32 i, struct walk *w)
{
	return look_at(w, (w->from + 1 + i) % w->length);
}
ROUND(visit_turn, struct walk *, less(c->length, SCHEDULE_PROBES) - 1)

static __always_inline long visit_list(__u32 i, struct walk *w)
{
	return look_at(w, w->list + (w->from + i) % w->servers);
}
ROUND(visit_list, struct walk *, c->servers)

/* A hash of ours, not one of IPVS. */
static __always_inline int is_ours(__u8 kind)
{
	return kind < HASH_IPVS_SH;
}

static __always_inline __u32 probes_of(__u8 kind)
{
	return is_ours(kind) ? SCHEDULE_PROBES : SCHEDULE_PROBES_IPVS;
}

static __always_inline long visit_probe(__u32 i, struct walk *w)
{
	return look_at(w, probe_place(w->kind, w->value, w->place, i, w->length));
}
ROUND(visit_probe, struct walk *, less(c->length, probes_of(c->kind)))

/*
 * The functions that follow are verified each by itself, for which they are not static: the slot
 * they choose, or NOBODY.
 */

/* The counter's entry, one of the next of the table, or anybody. */
__noinline int pick_turn(const struct service *s, __u64 turn)
{
	struct walk w = {};

	if (!begin_walk(&w, s))
		return NOBODY;
	w.from = turn;
	if (look_at(&w, turn % w.length) == END)
		return w.found;
	repeat(visit_turn, &w);
	if (w.found < 0 && w.servers)
		repeat(visit_list, &w);
	return w.found;
}

__noinline int pick_hash(const struct service *s, const struct flow *f, __u8 kind)
{
	struct walk w = {};

	if (!f || !begin_walk(&w, s))
		return NOBODY;
	w.kind = kind;
	w.value = hash_value(f, kind);
	w.place = hash_place(kind, w.value, w.length);
	if (look_at(&w, w.place) == END)
		return w.found;
	if (is_ours(kind) || s->flags & SERVICE_FALLBACK)
		repeat(visit_probe, &w);
	/* Heavy servers that take nothing may fill all the places that were looked at. */
	w.from = w.place;
	if (w.found < 0 && w.servers)
		repeat(visit_list, &w);
	return w.found;
}

static __always_inline __s64 overhead(const struct candidate *c)
{
	return (__s64)c->active * 256 + c->inactive;
}

/* A server comes before the best so far; equals do not, so the first in the list wins. */
static __always_inline int is_better(__u8 program, const struct candidate *c, const struct candidate *best)
{
	switch (program) {
	case PROGRAM_LC:
		return overhead(c) < overhead(best);
	case PROGRAM_SED:
	case PROGRAM_NQ:
	case PROGRAM_LEASTCONN:
		return (c->active + 1LL) * best->weight < (best->active + 1LL) * c->weight;
	case PROGRAM_FO:
	case PROGRAM_OVF:
		return c->weight > best->weight;
	}
	return overhead(c) * best->weight < overhead(best) * c->weight;
}

static __always_inline int candidate_at(const struct service *s, __u32 slot, struct candidate *c)
{
	struct destination *d = eligible(s, slot);
	struct load *load = array_row(&loads, s->base + slot);

	if (!d || !load)
		return 0;
	c->weight = d->weight;
	c->active = load->active;
	c->inactive = load->inactive;
	return 1;
}

static __always_inline long visit_best(__u32 i, struct walk *w)
{
	const struct service *s = w->service;
	struct candidate c;
	__u32 place = (w->from + i) % w->length;
	__u32 slot = pool_slot(w->pool, place);
	int is_idle;

	if (slot == POOL_NOBODY || !candidate_at(s, slot, &c))
		return GO_ON;
	if (w->counts_all)
		c.active += c.inactive;
	if (s->program == PROGRAM_OVF && c.active > c.weight)
		return GO_ON;
	is_idle = c.active == 0 && (s->program == PROGRAM_NQ || s->program == PROGRAM_LEASTCONN);
	if (!is_idle && w->found >= 0 && !is_better(s->program, &c, &w->best))
		return GO_ON;
	w->best = c;
	w->found = slot;
	w->place = place;
	return is_idle ? END : GO_ON;
}
ROUND(visit_best, struct walk *, c->length)

static __always_inline long visit_weight(__u32 i, struct walk *w)
{
	struct candidate c;

	if (candidate_at(w->service, pool_slot(w->pool, i % w->length), &c))
		w->left += c.weight;
	return GO_ON;
}
ROUND(visit_weight, struct walk *, c->length)

static __always_inline long visit_draw(__u32 i, struct walk *w)
{
	struct candidate c;
	__u32 slot = pool_slot(w->pool, i % w->length);

	if (!candidate_at(w->service, slot, &c))
		return GO_ON;
	w->left -= c.weight;
	if (w->left > 0)
		return GO_ON;
	w->found = slot;
	return END;
}
ROUND(visit_draw, struct walk *, c->length)

/*
 * The best of all. LEASTCONN begins after the last winner, so that equals take turns: where two
 * processors pick at once, both may take the same one. It is ours, not IPVS's, and of UDP counts
 * inactive connections, which all of these are. `state` may be NULL for others.
 */
static __noinline int pick_walk(const struct service *s, struct service_state *state, __u8 protocol)
{
	struct walk w = {};

	if (!begin_walk(&w, s))
		return NOBODY;
	w.counts_all = s->program == PROGRAM_LEASTCONN && protocol == IPPROTO_UDP;
	if (state && s->program == PROGRAM_LEASTCONN)
		w.from = state->turn % w.length;
	repeat(visit_best, &w);
	if (state && s->program == PROGRAM_LEASTCONN && w.found >= 0)
		state->turn = w.place + 1;
	return w.found;
}

static __always_inline __u32 random_word(struct service_state *state)
{
	return draws_counted ? mix(__sync_fetch_and_add(&state->turn, 1)) : bpf_get_prandom_u32();
}

static __always_inline int draw(struct walk *w, __s64 total, __u32 word)
{
	w->left = word % (__u64)(total + 1);
	w->found = NOBODY + nothing();
	repeat(visit_draw, w);
	return w->found;
}

/* Two draws by weight, of which the less loaded is taken. */
static __noinline int pick_twos(const struct service *s, struct service_state *state)
{
	struct candidate first, second;
	struct walk w = {};
	__s64 total;
	int choice1, choice2;

	if (!begin_walk(&w, s))
		return NOBODY;
	repeat(visit_weight, &w);
	total = w.left;
	if (!total)
		return NOBODY;
	choice1 = draw(&w, total, random_word(state));
	choice2 = draw(&w, total, random_word(state));
	/* Weights and loads may have changed under the draws. */
	if (choice1 < 0 || choice2 < 0 || !candidate_at(s, choice1, &first) ||
	    !candidate_at(s, choice2, &second))
		return choice1;
	return second.weight * overhead(&first) > first.weight * overhead(&second) ? choice2 : choice1;
}
