/* SPDX-License-Identifier: Apache-2.0 */
/* What programs of the director and of real servers have in common: addresses, tables, counts. */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* 16 bytes in network order, IPv4 as ::ffff:a.b.c.d. */
struct address {
	__u32 word[4];
};

#define TABLE(map, kind, k, v, entries, flags)      \
	struct {                                    \
		__uint(type, kind);                 \
		__uint(max_entries, entries);       \
		__uint(map_flags, flags);           \
		__type(key, k);                     \
		__type(value, v);                   \
	} map SEC(".maps")

/* Of a frame: it is addressed to us. */
#define PACKET_HOST 0
#define MAPPED bpf_htonl(0xffff)

static __always_inline void map_v4(struct address *to, __be32 from)
{
	to->word[0] = 0;
	to->word[1] = 0;
	to->word[2] = MAPPED;
	to->word[3] = from;
}

static __always_inline int is_v4(const struct address *a)
{
	return a->word[0] == 0 && a->word[1] == 0 && a->word[2] == MAPPED;
}

static __always_inline int same_address(const struct address *a, const struct address *b)
{
	return a->word[3] == b->word[3] && a->word[2] == b->word[2] && a->word[1] == b->word[1] &&
	       a->word[0] == b->word[0];
}

static __always_inline void *array_row(void *map, __u32 row)
{
	return bpf_map_lookup_elem(map, &row);
}

/* One more in a row that each processor has for itself. */
static __always_inline void count_in(void *map, __u32 row)
{
	__u64 *cell = array_row(map, row);

	if (cell)
		(*cell)++;
}
