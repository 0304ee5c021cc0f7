/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How connections go on from packet to packet, with the states, timeouts and counts of IPVS
 * (net/netfilter/ipvs/ip_vs_proto_tcp.c). TCP is three tables, by what is seen of a connection:
 * what the client sends where the server's packets pass too (INPUT) or do not (INPUT_ONLY), and
 * what the server sends (OUTPUT). A row is a packet's flag, a nibble of it a state: from the state
 * NONE, the lowest, up to SYNACK.
 */
#pragma once

#include "sctp.h"

#define ROW(none, es, ss, sr, fw, tw, cl, cw, la, li, sa)                                          \
	((__u64)STATE_##none | (__u64)STATE_##es << 4 | (__u64)STATE_##ss << 8 |                   \
	 (__u64)STATE_##sr << 12 | (__u64)STATE_##fw << 16 | (__u64)STATE_##tw << 20 |             \
	 (__u64)STATE_##cl << 24 | (__u64)STATE_##cw << 28 | (__u64)STATE_##la << 32 |             \
	 (__u64)STATE_##li << 36 | (__u64)STATE_##sa << 40)

#define STATE_ES STATE_ESTABLISHED
#define STATE_SS STATE_SYN_SENT
#define STATE_SR STATE_SYN_RECV
#define STATE_FW STATE_FIN_WAIT
#define STATE_TW STATE_TIME_WAIT
#define STATE_CL STATE_CLOSE
#define STATE_CW STATE_CLOSE_WAIT
#define STATE_LA STATE_LAST_ACK
#define STATE_LI STATE_LISTEN
#define STATE_SA STATE_SYNACK

static __always_inline __u64 tcp_row(enum direction direction, __u8 flags)
{
	if (flags & TCP_RST)
		return direction == INPUT    ? ROW(CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, SR)
		       : direction == OUTPUT ? ROW(CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL)
					     : ROW(CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL);
	if (flags & TCP_SYN)
		return direction == OUTPUT ? ROW(SS, ES, SS, SR, SS, SS, SS, SS, SS, LI, SR)
					   : ROW(SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR);
	if (flags & TCP_FIN)
		return direction == INPUT    ? ROW(CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, TW)
		       : direction == OUTPUT ? ROW(TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW)
					     : ROW(CL, FW, SS, TW, FW, TW, CL, CW, LA, LI, TW);
	if (flags & TCP_ACK)
		return direction == OUTPUT ? ROW(ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES)
					   : ROW(ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES);
	return 0;
}

/*
 * The row while there is an attack (secure_tcp), where it is another: of a server that is seen its own
 * ACK makes a connection established, not the client's.
 */
static __noinline __u64 secure_row(enum direction direction, __u8 flags, __u64 row)
{
	if (flags & TCP_RST)
		return direction == INPUT ? ROW(CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL) : row;
	if (flags & TCP_SYN)
		return direction == INPUT    ? ROW(SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SA)
		       : direction == OUTPUT ? ROW(SS, ES, SS, SA, SS, SS, SS, SS, SS, LI, SA)
					     : ROW(SA, ES, ES, SR, SA, SA, SA, SA, SA, SA, SA);
	if (direction != INPUT)
		return row;
	if (flags & TCP_FIN)
		return ROW(CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, SA);
	return flags & TCP_ACK ? ROW(ES, ES, SS, SR, FW, TW, CL, CW, CL, LI, SA) : row;
}

static __always_inline __u16 next_state(struct __sk_buff *skb, const struct packet *p, __u16 state,
					enum direction direction)
{
	__u64 row;

	if (p->fragment == 2)
		return state;
	if (p->flow.protocol == IPPROTO_UDP)
		return STATE_UDP;
	if (p->flow.protocol == IPPROTO_SCTP)
		return sctp_state(skb, p, state, direction);
	row = tcp_row(direction, p->tcp);
	if (configuration.flags & CONFIG_SECURE)
		row = secure_row(direction, p->tcp, row);
	/* No flag that says anything: such a packet is in no connection. */
	return row ? (row >> (4 * (state & 15))) & 15 : STATE_CLOSE;
}

/*
 * A TCP connection that is being set up is as much work for a server as what is established. UDP has
 * no end, so nobody knows whether a flow goes on.
 */
static __always_inline int is_active(__u16 state)
{
	return (1u << (state & (STATE_ROWS - 1))) &
	       (1u << STATE_ESTABLISHED | 1u << STATE_SYN_SENT | 1u << STATE_SYN_RECV |
		1u << STATE_SYNACK | 1u << STATE_SCTP_ESTABLISHED);
}

/* Adds to the connections of a destination, and watches its thresholds. */
static __always_inline void add_load(__u32 row, const struct destination *d, int active, int inactive)
{
	struct load *load = array_row(&loads, row);
	__s32 all;

	if (!load)
		return;
	if (active)
		__sync_fetch_and_add(&load->active, active);
	if (inactive)
		__sync_fetch_and_add(&load->inactive, inactive);
	if (!d->upper)
		return;
	all = load->active + load->inactive;
	if (all >= (__s32)d->upper)
		load->overloaded = 1;
	else if (d->lower ? all < (__s32)d->lower : all * 4 < (__s32)d->upper * 3)
		load->overloaded = 0;
}

/* Takes the connection to the state its packet leads to, with the counts. */
static __always_inline void advance(struct __sk_buff *skb, const struct packet *p,
				    struct connection *c, const struct destination *d,
				    enum direction direction)
{
	/* Both are one word: the two directions may pass at once, and one of them shall count. */
	union {
		struct {
			__u16 state;
			__u16 flags;
		};
		__u32 word;
	} was = { .state = c->state, .flags = c->flags }, now = was;
	int active;

	/* A flow that has no end would stay with a server that takes nothing more, for as long as its client sends. */
	if (!(d->flags & DESTINATION_CLOSED) || p->flow.protocol != IPPROTO_UDP)
		c->seen = p->now;
	now.state = next_state(skb, p, was.state, direction);
	if (now.state == was.state)
		return;
	active = is_active(now.state);
	now.flags = active ? was.flags & ~CONNECTION_INACTIVE : was.flags | CONNECTION_INACTIVE;
	if (__sync_val_compare_and_swap((__u32 *)&c->state, was.word, now.word) != was.word)
		return;
	if (now.flags != was.flags)
		add_load(c->destination, d, active ? 1 : -1, active ? -1 : 1);
}
