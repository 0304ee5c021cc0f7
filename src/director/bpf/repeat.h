/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops that the verifier looks at once, however many rounds they have: bpf_loop(), and before Linux
 * 5.17 a walk over the rows of a map in which there is nothing.
 *
 *   static __always_inline long visit_it(__u32 i, struct it *it)      0 to go on, 1 at the end
 *   ROUND(visit_it, struct it *, c->count)
 *   ...
 *   repeat(visit_it, &it);
 *
 * What is handed on has to be on the stack. The verifier of Linux 6.1 looks at a function as if it were
 * called once, with what is there before the first round, and takes out of the program what it then
 * never comes to. So whatever rounds leave to those after them begins with nothing().
 */
#pragma once

#include "maps.h"

/* There is no bpf_loop(). */
const volatile __u32 walks_rows = 0;

/* A row for each round of the longest loop, where rows are walked: control knows how many that are. */
TABLE(rounds, BPF_MAP_TYPE_ARRAY, __u32, __u64, CALL_REACH, 0);

/* Always 0; constants, which the verifier knows, are elsewhere. */
__u32 always_zero SEC(".bss.zero");

/* 0, of which the verifier knows nothing. */
static __always_inline __u32 nothing(void)
{
	return always_zero;
}

/* `count` is said of the context `c`; each way stops there. */
#define ROUND(visit, type, count)                                                         \
	static __always_inline __u32 visit##_rounds(type c)                         \
	{                                                                                 \
		return count;                                                             \
	}                                                                                 \
                                                                                          \
	static long visit##_row(void *map, const __u32 *row, void *value, type c)         \
	{                                                                                 \
		__u32 i = *row;                                                           \
                                                                                          \
		return i >= visit##_rounds(c) ? 1 : visit(i, c);                          \
	}

#define repeat(visit, context)                                                            \
	do {                                                                              \
		if (walks_rows)                                                           \
			bpf_for_each_map_elem(&rounds, visit##_row, context, 0);          \
		else                                                                      \
			bpf_loop(visit##_rounds(context), visit, context, 0);             \
	} while (0)
