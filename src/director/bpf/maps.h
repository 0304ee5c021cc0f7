/* SPDX-License-Identifier: Apache-2.0 */
/* The director's maps. Sizes here are the smallest; control gives the real ones when it loads. */
#pragma once

#include "weir.h"

TABLE(lookups, BPF_MAP_TYPE_HASH, struct service_key, __u32, 1024, BPF_F_NO_PREALLOC);
TABLE(ranges, BPF_MAP_TYPE_LPM_TRIE, struct range_key, __u32, 1024, BPF_F_NO_PREALLOC);
TABLE(services, BPF_MAP_TYPE_ARRAY, __u32, struct service, 64, 0);
TABLE(service_states, BPF_MAP_TYPE_ARRAY, __u32, struct service_state, 64, BPF_F_MMAPABLE);
TABLE(destinations, BPF_MAP_TYPE_ARRAY, __u32, struct destination, 1024, 0);
TABLE(routes, BPF_MAP_TYPE_ARRAY, __u32, struct route, 1024, 0);
TABLE(loads, BPF_MAP_TYPE_ARRAY, __u32, struct load, 1024, BPF_F_MMAPABLE);
TABLE(statistics, BPF_MAP_TYPE_ARRAY, __u32, struct statistics, 1024, BPF_F_MMAPABLE);
TABLE(counters, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, COUNTER_ROWS, 0);
TABLE(allowances, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct allowance, ALLOWANCE_ROWS, 0);
TABLE(locals, BPF_MAP_TYPE_ARRAY, __u32, struct address, 64, 0);
TABLE(servers, BPF_MAP_TYPE_HASH, struct server_key, struct server_value, 1024, BPF_F_NO_PREALLOC);
TABLE(connections, BPF_MAP_TYPE_LRU_HASH, struct flow, struct connection, 1024, 0);
TABLE(proxied, BPF_MAP_TYPE_LRU_HASH, struct flow, struct proxied, 1024, 0);
TABLE(replies, BPF_MAP_TYPE_LRU_HASH, struct flow, struct reply, 1024, 0);
TABLE(templates, BPF_MAP_TYPE_LRU_HASH, struct template_key, struct template, 1024, 0);
TABLE(sources, BPF_MAP_TYPE_LRU_HASH, struct address_key, struct source, 1024, 0);
TABLE(localities, BPF_MAP_TYPE_LRU_HASH, struct address_key, struct locality, 1024, 0);
TABLE(fragments, BPF_MAP_TYPE_LRU_HASH, struct fragment_key, struct fragment, 1024, 0);

/* One table a backend; control builds a new one aside and puts it in place of the old. */
struct pool_rows {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct pool_row));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 64);
	__type(key, __u32);
	__array(values, struct pool_rows);
} pools SEC(".maps");

/* A variable, and so no look-up: the map `.bss`. */
struct config configuration;

/* For tests: draws are taken from the service's counter. Constants are in `.rodata`. */
const volatile __u32 draws_counted = 0;

/* In maps of their own, for control writes a map whole. A bit for each port, as a packet has it. */
__u8 reply_ports[65536 / 8] SEC(".bss.ports");
struct tracing tracing SEC(".bss.tracing");

/* The same: it stays when settings change. */
struct secret secret SEC(".bss.secret");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, EVENT_RING);
} events SEC(".maps");

static __always_inline __u32 tick(void)
{
	return bpf_ktime_get_coarse_ns() >> 20;
}

/*
 * A number that is less than `size`, a power of two, also to a verifier that has forgotten that it was
 * compared: that of Linux 6.1 does where the compiler compares a copy.
 */
static __always_inline __u32 within(__u32 number, __u32 size)
{
	asm volatile("" : "+r"(number));
	return number & (size - 1);
}

/*
 * The same of a length, for what helpers read and write: from 1 to `most`, or 0 where it is not. The
 * verifier of Linux 6.1 forgets that a number was compared with 0.
 */
static __always_inline __u32 length_within(__u32 bytes, __u32 most)
{
	__u64 last = bytes - 1;

	/* Of 64 bits, for what it learns of a copy of 32 it does not know of the number. */
	asm volatile("" : "+r"(last));
	if (last >= most)
		return 0;
	asm volatile("" : "+r"(last));
	return last + 1;
}
