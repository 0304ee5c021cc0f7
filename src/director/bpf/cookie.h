/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SYN cookies (RFC 4987 section 3.6): a SYN is answered with a first number that says all there would
 * be to keep of it, so nothing is kept. Who returns it has got the answer, and so is where it says.
 *
 *    31    30..28   27..24      23            22..0
 *   slot    MSS     scale   SACK is there     hash
 *
 * The hash is SipHash-2-4 with a key of 128 bits, over the flow, the client's first number, the slot of
 * time and what stands before it. The slot's last bit says which slot it was, this one or the last.
 */
#pragma once

#include "hash.h"

#define COOKIE_HASH 0x7fffff
#define COOKIE_OPTIONS 23
#define COOKIE_SLOT 31
/* Of nanoseconds: a slot is 69 seconds. */
#define SLOT_BITS 36
/* Two slots in ticks: no cookie is older. */
#define COOKIE_TICKS (2u << (SLOT_BITS - 20))

/* What of its options a client's SYN said that both ends need: as a cookie has it. */
#define OFFER_SACK 1
#define OFFER_SCALE 1
#define OFFER_SEGMENT 5
#define NO_SCALE 15 /* 14 is the largest (RFC 7323 section 2.3) */

/* Sizes of segments that a cookie can say: of paths there are. Not static: 16 bytes would get a section. */
const __u16 segments[] = { 536, 1220, 1300, 1360, 1400, 1440, 1460, 8940 };

static __always_inline __u32 offer_segment(__u8 offer)
{
	return segments[offer >> OFFER_SEGMENT & 7];
}

static __always_inline __u8 offer_scale(__u8 offer)
{
	return offer >> OFFER_SCALE & 15;
}

static __always_inline __u8 cookie_offer(__u32 cookie)
{
	return cookie >> COOKIE_OPTIONS;
}

/* The largest size that is not above the client's; a client has to take the least of them. */
static __always_inline __u8 make_offer(__u16 segment, __u8 scale, int sack)
{
	__u8 size = 0;

#pragma unroll
	for (int i = 1; i < 8; i++)
		size += segments[i] <= segment;
	return size << OFFER_SEGMENT | scale << OFFER_SCALE | (sack ? OFFER_SACK : 0);
}

static __always_inline __u32 time_slot(void)
{
	return bpf_ktime_get_coarse_ns() >> SLOT_BITS;
}

/* SipHash-2-4: the flow's five words, then one of the rest. */
static __noinline __u32 cookie_hash(const struct flow *f, __u32 first, __u32 slot, __u8 offer)
{
	__u64 v0 = 0x736f6d6570736575ULL ^ secret.key[0];
	__u64 v1 = 0x646f72616e646f6dULL ^ secret.key[1];
	__u64 v2 = 0x6c7967656e657261ULL ^ secret.key[0];
	__u64 v3 = 0x7465646279746573ULL ^ secret.key[1];
	__u64 word;

	for (int i = 0; i < 7; i++) {
		if (i < 5)
			__builtin_memcpy(&word, (const char *)f + 8 * i, 8);
		else
			word = i == 5 ? (__u64)first << 32 | slot << 8 | offer : 48ULL << 56;
		v3 ^= word;
		SIP_ROUND;
		SIP_ROUND;
		v0 ^= word;
	}
	v2 ^= 0xff;
	SIP_ROUND;
	SIP_ROUND;
	SIP_ROUND;
	SIP_ROUND;
	return (v0 ^ v1 ^ v2 ^ v3) & COOKIE_HASH;
}

static __always_inline __u32 make_cookie(const struct flow *f, __u32 first, __u8 offer)
{
	__u32 slot = time_slot();

	return slot << COOKIE_SLOT | (__u32)offer << COOKIE_OPTIONS | cookie_hash(f, first, slot, offer);
}

/* It was given to this client in this slot or the last. */
static __always_inline int is_cookie(const struct flow *f, __u32 first, __u32 cookie)
{
	__u32 slot = time_slot();

	slot -= (slot ^ cookie >> COOKIE_SLOT) & 1;
	return cookie_hash(f, first, slot, cookie_offer(cookie)) == (cookie & COOKIE_HASH);
}
