/* SPDX-License-Identifier: Apache-2.0 */
/* One variable of every type of node.h, so that the compiler describes them all. Never loaded. */
#include "node.h"

union {
	struct vip vip;
	struct peer_key peer_key;
	enum form form;
	enum node_counter node_counter;
} types;
