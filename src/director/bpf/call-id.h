/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which call a datagram of SIP is of: its header field Call-ID (RFC 3261 sections 7.3.1, 20.8), which
 * stands for the client's address in templates, as with IPVS's engine `sip`. test/kit/call-id.ts
 * reads the same way.
 *
 * The datagram is copied, and read byte by byte in a loop that the verifier looks at once: all that
 * it carries from byte to byte is in a map, of whose values the verifier assumes nothing.
 */
#pragma once

#include "hash.h"

enum call_state {
	CALL_SKIP,  /* in a line that is of no interest */
	CALL_LINE,  /* a line begins */
	CALL_NAME,  /* in what may become `Call-ID` */
	CALL_COLON, /* behind the name */
	CALL_BLANK, /* behind the colon */
	CALL_FOLD,  /* the same, and a line has ended */
	CALL_VALUE, /* in the Call-ID */
	CALL_TAIL,  /* behind it */
	CALL_FOUND,
	CALL_NONE,
};

struct call_reader {
	__u64 hash[4]; /* state of SipHash */
	__u64 word;    /* bytes that are not in it yet */
	__u32 length;  /* of the Call-ID, as far as it was read */
	__u32 at;
	__u32 bytes;   /* of the text */
	__u8 state;    /* a call_state */
	__u8 last;     /* the byte before */
	__u8 matched;  /* bytes of the name */
	__u8 unused;
	__u8 text[CALL_REACH];
};

TABLE(calls, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct call_reader, 1, 0);

/* One round of SipHash for each. */
static __always_inline void stir(struct call_reader *r, int rounds)
{
	__u64 v0 = r->hash[0], v1 = r->hash[1], v2 = r->hash[2], v3 = r->hash[3];

	for (int i = 0; i < rounds; i++)
		SIP_ROUND;
	r->hash[0] = v0;
	r->hash[1] = v1;
	r->hash[2] = v2;
	r->hash[3] = v3;
}

static __noinline int absorb(struct call_reader *r, __u64 word)
{
	r->hash[3] ^= word;
	stir(r, 2);
	r->hash[0] ^= word;
	return 0;
}

/*
 * SipHash-2-4 with 128 bits begins, of the client's address as far as it matters and the Call-ID. The
 * key is always the same: templates outlive the program, and who knows a Call-ID needs no other that
 * has its hash.
 */
static __always_inline void begin_hash(struct call_reader *r, const struct address *client)
{
	r->hash[0] = SCHEDULE_SEED ^ 0x736f6d6570736575ULL;
	r->hash[1] = SCHEDULE_SEED ^ 0x646f72616e646f6dULL ^ 0xee;
	r->hash[2] = SCHEDULE_SEED ^ 0x6c7967656e657261ULL;
	r->hash[3] = SCHEDULE_SEED ^ 0x7465646279746573ULL;
	absorb(r, (__u64)client->word[1] << 32 | client->word[0]);
	absorb(r, (__u64)client->word[3] << 32 | client->word[2]);
}

static __always_inline void end_hash(struct call_reader *r, struct address *to)
{
	__u64 first, second;

	absorb(r, (__u64)(sizeof(*to) + r->length) << 56 | r->word);
	r->hash[2] ^= 0xee;
	stir(r, 4);
	first = r->hash[0] ^ r->hash[1] ^ r->hash[2] ^ r->hash[3];
	r->hash[1] ^= 0xdd;
	stir(r, 4);
	second = r->hash[0] ^ r->hash[1] ^ r->hash[2] ^ r->hash[3];
	to->word[0] = first;
	to->word[1] = first >> 32;
	to->word[2] = second;
	to->word[3] = second >> 32;
}

#define EVERY_BYTE(byte) (0x0101010101010101ULL * (byte))

/* One of its bytes is 0. */
static __always_inline int has_zero(__u64 word)
{
	return ((word - EVERY_BYTE(1)) & ~word & EVERY_BYTE(0x80)) != 0;
}

static __always_inline int is_blank(__u8 byte)
{
	return byte == ' ' || byte == '\t';
}

/* The state behind a line's end: CR, LF or both, as with RFC 2543 before. */
static __always_inline __u8 end_line(__u8 state)
{
	switch (state) {
	case CALL_LINE: /* an empty one: the body follows */
	case CALL_FOLD:
		return CALL_NONE;
	case CALL_BLANK:
		return CALL_FOLD;
	case CALL_VALUE:
	case CALL_TAIL:
		return CALL_FOUND;
	}
	return CALL_LINE;
}

/* The state behind the first byte of a line, which goes on with the one before if it is blank. */
static __always_inline __u8 begin_line(struct call_reader *r, __u8 byte)
{
	if ((byte | 0x20) == 'i') /* the compact form */
		return CALL_COLON;
	r->matched = 1;
	return (byte | 0x20) == 'c' ? CALL_NAME : CALL_SKIP;
}

static __always_inline __u8 match_name(struct call_reader *r, __u8 byte)
{
	/* "all-id", the last letter first; no line's end comes here, so case is the one bit. */
	if ((byte | 0x20) != (__u8)(0x64692d6c6c61ULL >> (8 * (r->matched - 1))))
		return CALL_SKIP;
	return ++r->matched == 7 ? CALL_COLON : CALL_NAME;
}

static __always_inline __u8 take_byte(struct call_reader *r, __u8 byte)
{
	if (r->length == CALL_LONGEST)
		return CALL_NONE;
	r->word |= (__u64)byte << (8 * (r->length & 7));
	if ((++r->length & 7) == 0) {
		absorb(r, r->word);
		r->word = 0;
	}
	return CALL_VALUE;
}

static __always_inline __u8 read_byte(struct call_reader *r, __u8 byte)
{
	switch (r->state) {
	case CALL_FOLD:
		return is_blank(byte) ? CALL_BLANK : begin_line(r, byte);
	case CALL_LINE:
		return begin_line(r, byte);
	case CALL_NAME:
		return match_name(r, byte);
	case CALL_COLON:
		return byte == ':' ? CALL_BLANK : is_blank(byte) ? CALL_COLON : CALL_SKIP;
	case CALL_BLANK:
		return is_blank(byte) ? CALL_BLANK : take_byte(r, byte);
	case CALL_VALUE:
		return is_blank(byte) ? CALL_TAIL : take_byte(r, byte);
	case CALL_TAIL:
		return is_blank(byte) ? CALL_TAIL : CALL_NONE;
	}
	return CALL_SKIP;
}

/* 0 to go on, 1 at the end. What repeat() hands on has to be on the stack. */
static __always_inline long visit_byte(__u32 i, struct call_reader **reader)
{
	struct call_reader *r = *reader;
	__u32 at = r->at;
	__u64 word;
	__u8 byte;

	if (at >= r->bytes || at >= CALL_REACH)
		return 1;
	/* Eight at once of what is skipped, if no line ends there. */
	if (r->state == CALL_SKIP && (at & 7) == 0) {
		word = *(__u64 *)(r->text + (at & (CALL_REACH - 8)));
		if (!has_zero(word ^ EVERY_BYTE('\r')) && !has_zero(word ^ EVERY_BYTE('\n'))) {
			r->at = at + 8;
			return 0;
		}
	}
	byte = r->text[at];
	r->at = at + 1;
	if (byte != '\r' && byte != '\n')
		r->state = read_byte(r, byte);
	else if (byte == '\r' || r->last != '\r')
		r->state = end_line(r->state);
	r->last = byte;
	return r->state >= CALL_FOUND;
}
ROUND(visit_byte, struct call_reader **, (*c)->bytes)

/*
 * Makes of a client's address, as far as it matters, what stands for the datagram's call in
 * templates. -1: it is of none, or its Call-ID is too far away, too long, or not whole.
 */
static __noinline int call_key(struct __sk_buff *skb, const struct packet *p, struct address *key)
{
	struct call_reader *r = array_row(&calls, 0);
	__u32 from = p->l4 + sizeof(struct udphdr);
	__u32 bytes = p->l3 + p->bytes - from;

	if (!r || p->flow.protocol != IPPROTO_UDP || p->fragment == 2)
		return -1;
	if (bytes > CALL_REACH)
		bytes = CALL_REACH;
	bytes = length_within(bytes, CALL_REACH);
	if (!bytes || bpf_skb_load_bytes(skb, from, r->text, bytes))
		return -1;
	r->word = 0;
	r->length = 0;
	r->at = 0;
	r->bytes = bytes;
	r->state = CALL_SKIP;
	r->last = 0;
	begin_hash(r, key);
	repeat(visit_byte, &r);
	if (r->state != CALL_FOUND)
		return -1;
	end_hash(r, key);
	return 0;
}
