/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of flows; src/balance/packet-hash.ts has the same in TypeScript. */
#pragma once

#include "packet.h"

/* murmur3's finaliser. */
static __always_inline __u32 mix(__u32 h)
{
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	return h ^ (h >> 16);
}

static __always_inline __u32 mix_address(__u32 h, const struct address *a)
{
	if (!is_v4(a)) {
		h = mix(h ^ bpf_ntohl(a->word[0]));
		h = mix(h ^ bpf_ntohl(a->word[1]));
		h = mix(h ^ bpf_ntohl(a->word[2]));
	}
	return mix(h ^ bpf_ntohl(a->word[3]));
}

/* An address in one word, as IPVS folds it. */
static __always_inline __u32 fold(const struct address *a)
{
	if (is_v4(a))
		return bpf_ntohl(a->word[3]);
	return bpf_ntohl(a->word[0] ^ a->word[1] ^ a->word[2] ^ a->word[3]);
}

#define ROTATE(x, by) ((x) << (by) | (x) >> (64 - (by)))
#define SIP_ROUND                   \
	do {                        \
		v0 += v1;           \
		v1 = ROTATE(v1, 13); \
		v1 ^= v0;           \
		v0 = ROTATE(v0, 32); \
		v2 += v3;           \
		v3 = ROTATE(v3, 16); \
		v3 ^= v2;           \
		v0 += v3;           \
		v3 = ROTATE(v3, 21); \
		v3 ^= v0;           \
		v2 += v1;           \
		v1 = ROTATE(v1, 17); \
		v1 ^= v2;           \
		v2 = ROTATE(v2, 32); \
	} while (0)

/* SipHash-1-3 of one word, folded to 32 bits: hsiphash_1u32() of a 64-bit kernel. */
static __always_inline __u32 half_sip(__u32 word, __u64 key)
{
	__u64 v0 = 0x736f6d6570736575ULL ^ key;
	__u64 v1 = 0x646f72616e646f6dULL ^ key;
	__u64 v2 = 0x6c7967656e657261ULL ^ key;
	__u64 v3 = 0x7465646279746573ULL ^ key;
	__u64 b = 4ULL << 56 | word;

	v3 ^= b;
	SIP_ROUND;
	v0 ^= b;
	v2 ^= 0xff;
	SIP_ROUND;
	SIP_ROUND;
	SIP_ROUND;
	return v0 ^ v1 ^ v2 ^ v3;
}

/* What of a flow becomes a place in a table. */
static __always_inline __u32 hash_value(const struct flow *f, __u8 kind)
{
	__u32 ports = (__u32)bpf_ntohs(f->source_port) << 16 | bpf_ntohs(f->destination_port);
	__u32 h;

	switch (kind) {
	case HASH_IPVS_SH:
	case HASH_IPVS_MH:
		return fold(&f->source);
	case HASH_IPVS_SH_PORT:
	case HASH_IPVS_MH_PORT:
		return fold(&f->source) + bpf_ntohs(f->source_port);
	case HASH_IPVS_DH:
		return fold(&f->destination);
	case HASH_DESTINATION:
		return mix_address(SCHEDULE_SEED, &f->destination);
	}
	h = mix_address(SCHEDULE_SEED, &f->source);
	if (kind == HASH_SOURCE)
		return h;
	if (kind == HASH_SOURCE_PORT)
		return mix(h ^ bpf_ntohs(f->source_port));
	h = mix_address(h, &f->destination);
	return mix(mix(h ^ ports) ^ f->protocol);
}

static __always_inline int is_mh(__u8 kind)
{
	return kind == HASH_IPVS_MH || kind == HASH_IPVS_MH_PORT;
}

/* The place of a value in a table of `length`. */
static __always_inline __u32 hash_place(__u8 kind, __u32 value, __u32 length)
{
	if (is_mh(kind))
		return half_sip(value, 2654435761) % length;
	return kind >= HASH_IPVS_SH ? value * 0x61c88647 >> 24 : value % length;
}

/*
 * The place to look at when the first one takes nothing new. IPVS offsets its hashes by
 * `first + step`: sh from twice the first on, mh by another draw. Ours go on to the next.
 */
static __always_inline __u32 probe_place(__u8 kind, __u32 value, __u32 first, __u32 step, __u32 length)
{
	if (is_mh(kind))
		return half_sip(value + (first + step) % length, 2654435761) % length;
	if (kind == HASH_IPVS_SH || kind == HASH_IPVS_SH_PORT)
		return (2 * first + step) & 255;
	if (kind == HASH_IPVS_DH)
		return (first + 1 + step) & 255;
	return (first + 1 + step) % length;
}
