/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How associations go on from packet to packet: the states of IPVS (ip_vs_proto_sctp.c in
 * net/netfilter/ipvs), which are those of the server. As for TCP there are three tables, by what is
 * seen of an association. A row is the first chunk of a packet, a nibble of it a state: from NONE,
 * the lowest, up to CLOSED.
 *
 * A client's association goes INIT1 (INIT when it asks again), COOKIE_SENT by the server's INIT ACK,
 * COOKIE_REPLIED by the cookie's echo, ESTABLISHED by its ACK; one that a server begins goes
 * COOKIE_WAIT, COOKIE, COOKIE_ECHOED, ESTABLISHED.
 */
#pragma once

#include "packet.h"

/* Types of chunks (RFC 9260 section 3.2) that lead somewhere. */
enum chunk {
	CHUNK_DATA = 0,
	CHUNK_INIT = 1,
	CHUNK_INIT_ACK = 2,
	CHUNK_ABORT = 6,
	CHUNK_SHUTDOWN = 7,
	CHUNK_SHUTDOWN_ACK = 8,
	CHUNK_ERROR = 9,
	CHUNK_COOKIE_ECHO = 10,
	CHUNK_COOKIE_ACK = 11,
	CHUNK_SHUTDOWN_COMPLETE = 14,
	CHUNK_ROWS = 16,
};

struct chunk_header {
	__u8 type;
	__u8 flags;
	__be16 length;
};

/* Bytes of a packet before its first chunk. */
#define SCTP_HEADER 12

#define SCTP_NO STATE_SCTP_NONE
#define SCTP_I1 STATE_SCTP_INIT1
#define SCTP_IN STATE_SCTP_INIT
#define SCTP_CS STATE_SCTP_COOKIE_SENT
#define SCTP_CR STATE_SCTP_COOKIE_REPLIED
#define SCTP_CW STATE_SCTP_COOKIE_WAIT
#define SCTP_CO STATE_SCTP_COOKIE
#define SCTP_CE STATE_SCTP_COOKIE_ECHOED
#define SCTP_ES STATE_SCTP_ESTABLISHED
#define SCTP_SS STATE_SCTP_SHUTDOWN_SENT
#define SCTP_SR STATE_SCTP_SHUTDOWN_RECEIVED
#define SCTP_SA STATE_SCTP_SHUTDOWN_ACK_SENT
#define SCTP_RJ STATE_SCTP_REJECTED
#define SCTP_CL STATE_SCTP_CLOSED

#define SCTP_TO(to, place) ((__u64)(SCTP_##to & 15) << (4 * (place)))
#define SCTP_ROW(no, i1, in, cs, cr, cw, co, ce, es, ss, sr, sa, rj, cl)                           \
	(SCTP_TO(no, 0) | SCTP_TO(i1, 1) | SCTP_TO(in, 2) | SCTP_TO(cs, 3) | SCTP_TO(cr, 4) |      \
	 SCTP_TO(cw, 5) | SCTP_TO(co, 6) | SCTP_TO(ce, 7) | SCTP_TO(es, 8) | SCTP_TO(ss, 9) |      \
	 SCTP_TO(sr, 10) | SCTP_TO(sa, 11) | SCTP_TO(rj, 12) | SCTP_TO(cl, 13))

/* By direction and chunk. Chunks that have no row (0) say as much as DATA. */
static const __u64 sctp_rows[DIRECTIONS][CHUNK_ROWS] = {
	[INPUT] = {
		[CHUNK_DATA] = SCTP_ROW(ES, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL),
		[CHUNK_INIT] = SCTP_ROW(I1, IN, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, IN, IN),
		[CHUNK_INIT_ACK] = SCTP_ROW(CW, CW, CW, CS, CR, CO, CO, CE, ES, SS, SR, SA, RJ, CL),
		[CHUNK_COOKIE_ECHO] = SCTP_ROW(CR, IN, IN, CR, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL),
		[CHUNK_COOKIE_ACK] = SCTP_ROW(ES, I1, IN, CS, CR, CW, CO, ES, ES, SS, SR, SA, RJ, CL),
		[CHUNK_SHUTDOWN] = SCTP_ROW(SR, I1, IN, CS, CR, CW, CO, CE, SR, SS, SR, SA, RJ, CL),
		[CHUNK_SHUTDOWN_ACK] = SCTP_ROW(CL, IN, IN, CS, CR, CW, CO, CE, ES, CL, SR, CL, RJ, CL),
		[CHUNK_SHUTDOWN_COMPLETE] = SCTP_ROW(CL, CL, CL, CS, CR, CW, CO, CE, ES, SS, SR, CL, RJ, CL),
		[CHUNK_ERROR] = SCTP_ROW(CL, I1, IN, CS, CR, CW, CO, CL, ES, SS, SR, SA, RJ, CL),
		[CHUNK_ABORT] = SCTP_ROW(CL, CL, CL, CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL),
	},
	[OUTPUT] = {
		[CHUNK_DATA] = SCTP_ROW(ES, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL),
		[CHUNK_INIT] = SCTP_ROW(CW, CW, CW, CW, CW, CW, CW, CW, ES, CW, CW, CW, CW, CW),
		[CHUNK_INIT_ACK] = SCTP_ROW(CS, CS, CS, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL),
		[CHUNK_COOKIE_ECHO] = SCTP_ROW(CE, CE, CE, CE, CE, CE, CE, CE, ES, SS, SR, SA, RJ, CL),
		[CHUNK_COOKIE_ACK] = SCTP_ROW(ES, ES, ES, ES, ES, ES, ES, ES, ES, SS, SR, SA, RJ, CL),
		[CHUNK_SHUTDOWN] = SCTP_ROW(SS, SS, SS, SS, SS, SS, SS, SS, SS, SS, SR, SA, RJ, CL),
		[CHUNK_SHUTDOWN_ACK] = SCTP_ROW(SA, SA, SA, SA, SA, CW, CO, CE, ES, SA, SA, SA, RJ, CL),
		[CHUNK_SHUTDOWN_COMPLETE] = SCTP_ROW(CL, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL),
		[CHUNK_ERROR] = SCTP_ROW(CL, CL, CL, CL, CL, CW, CO, CE, ES, SS, SR, SA, RJ, CL),
		[CHUNK_ABORT] = SCTP_ROW(CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL),
	},
	[INPUT_ONLY] = {
		[CHUNK_DATA] = SCTP_ROW(ES, I1, IN, CS, CR, ES, CO, CE, ES, SS, SR, SA, RJ, CL),
		[CHUNK_INIT] = SCTP_ROW(I1, IN, IN, IN, IN, IN, CO, CE, ES, SS, SR, SA, IN, IN),
		[CHUNK_INIT_ACK] = SCTP_ROW(CE, CE, CE, CE, CE, CE, CO, CE, ES, SS, SR, SA, RJ, CL),
		[CHUNK_COOKIE_ECHO] = SCTP_ROW(ES, ES, ES, ES, ES, ES, CO, CE, ES, SS, SR, SA, RJ, CL),
		[CHUNK_COOKIE_ACK] = SCTP_ROW(ES, I1, IN, ES, ES, CW, ES, ES, ES, SS, SR, SA, RJ, CL),
		[CHUNK_SHUTDOWN] = SCTP_ROW(SR, I1, IN, CS, CR, CW, CO, CE, SR, SS, SR, SA, RJ, CL),
		[CHUNK_SHUTDOWN_ACK] = SCTP_ROW(CL, IN, IN, CS, CR, CW, CO, CE, CL, CL, SR, CL, RJ, CL),
		[CHUNK_SHUTDOWN_COMPLETE] = SCTP_ROW(CL, CL, CL, CL, CL, CW, CO, CE, ES, SS, CL, CL, RJ, CL),
		[CHUNK_ERROR] = SCTP_ROW(CL, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL),
		[CHUNK_ABORT] = SCTP_ROW(CL, CL, CL, CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL),
	},
};

/* The first chunk, or NULL: there is none, or this is not the packet's beginning. */
static __always_inline struct chunk_header *first_chunk(struct __sk_buff *skb, const struct packet *p)
{
	__u32 at = p->l4 + SCTP_HEADER;

	if (p->fragment == 2 || at + sizeof(struct chunk_header) > (__u32)p->l3 + p->bytes)
		return NULL;
	return bytes_at(skb, at, sizeof(struct chunk_header));
}

/* It begins an association. */
static __always_inline int is_init(struct __sk_buff *skb, const struct packet *p)
{
	struct chunk_header *chunk =
		p->flow.protocol == IPPROTO_SCTP ? first_chunk(skb, p) : NULL;

	return chunk && chunk->type == CHUNK_INIT;
}

/*
 * The chunk that the packet is known by. What may come before an ABORT, and lead elsewhere, is a
 * cookie or its ACK.
 */
static __always_inline __u8 telling_chunk(struct __sk_buff *skb, const struct packet *p,
					  const struct chunk_header *first)
{
	__u8 type = first->type;
	__u32 length = bpf_ntohs(first->length);
	__u32 at = p->l4 + SCTP_HEADER + ((length + 3) & ~3u);
	__u8 second;

	if ((type != CHUNK_COOKIE_ECHO && type != CHUNK_COOKIE_ACK) ||
	    length < sizeof(struct chunk_header) ||
	    at + sizeof(struct chunk_header) > (__u32)p->l3 + p->bytes ||
	    bpf_skb_load_bytes(skb, at, &second, sizeof(second)))
		return type;
	return second == CHUNK_ABORT ? second : type;
}

/* From NONE of any protocol, which is what is new, or from a state of SCTP. */
static __noinline __u16 sctp_state(struct __sk_buff *skb, const struct packet *p, __u16 state,
				   enum direction direction)
{
	struct chunk_header *first = first_chunk(skb, p);
	const __u64 *rows = sctp_rows[within(direction, DIRECTIONS)];
	__u64 row;
	__u8 type;

	if (!first)
		return STATE_SCTP_NONE | (state & 15);
	type = telling_chunk(skb, p, first);
	row = type < CHUNK_ROWS ? rows[within(type, CHUNK_ROWS)] : 0;
	if (!row)
		row = rows[CHUNK_DATA];
	return STATE_SCTP_NONE | ((row >> (4 * (state & 15))) & 15);
}
