/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs of a real server and its commands share. */
#pragma once

#include "../../plan/bpf/common.h"

/* Of a service's address. Row of `vips`. */
struct vip {
	__u32 mss; /* most that its answers to SYN may ask for; 0 = as they are */
};

/* Where tunnels may come from: key of `peers`. */
struct peer_key {
	__u32 bits;
	struct address address;
};

/* Bits of `accepted`. */
enum form {
	FORM_IPIP = 1,
	FORM_GUE = 2,
	FORM_GRE = 4,
};

/* Row of `node_counters`, by processor. */
enum node_counter {
	NODE_COUNTER_IPIP = 0,
	NODE_COUNTER_GUE = 1,
	NODE_COUNTER_GRE = 2,
	NODE_COUNTER_CONGESTED = 3, /* dropped: the path was full, the sender could not be told */
	NODE_COUNTER_FAILED = 4,    /* dropped: the kernel would not take the outer header off */
	NODE_COUNTER_CLAMPED = 5,   /* answers to SYN whose MSS was lowered */
	NODE_COUNTER_ROWS = 8,
};
