/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of packets while somebody traces (trace.h): part of weir.h, whose flows it has. */
#pragma once

enum trace_flag {
	TRACE_CLIENT = 1,  /* only packets of this client */
	TRACE_SERVICE = 2, /* only packets of this service */
};

/* Which packets are told of. Control writes it, and has to go on saying until when. */
struct tracing {
	__u32 until;       /* a tick; 0 = nobody wants to know */
	__u32 flags;
	struct address client;
	__u32 service;
	__u32 second;      /* in which so many were told */
	__u32 told;
	__u32 left_out;    /* too many in a second, or the ring was full; free-running */
};

enum event_kind {
	EVENT_ODD = 0,     /* it is not known whose, or what, the packet is */
	EVENT_CLIENT = 1,  /* a client's packet */
	EVENT_NEW = 2,     /* one that began a connection */
	EVENT_REPLY = 3,   /* a server's */
	EVENT_ICMP = 4,    /* an error about a packet of the flow */
};

enum event_limit { EVENT_NOBODY = -1, EVENT_RING = 262144, EVENT_A_SECOND = 5000 };

/* What became of a packet. In the ring `events`. */
struct event {
	struct flow flow;  /* as the client has it */
	__u64 at;          /* nanoseconds, monotonic */
	__s32 service;     /* EVENT_NOBODY: none */
	__s32 destination; /* EVENT_NOBODY: none */
	__u32 length;      /* bytes from layer 3 on */
	__u8 kind;
	__u8 verdict;      /* a TC_ACT_, of TC_ACT_UNSPEC the last byte */
	__u8 reason;       /* 1 + a counter; 0: nothing is out of the ordinary */
	__u8 tcp;          /* flags of a TCP header */
	__u16 state;       /* of the connection, if there is one */
	__u16 unused[3];
};
