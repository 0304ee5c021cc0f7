/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs that learn who clients are share with the commands of a real server. */
#pragma once

#include "node.h"

/* A connection as the server has it. Key of `clients`; ports in network order. */
struct connection_key {
	struct address here;
	struct address director;
	__u16 port;
	__u16 director_port;
};

/* Who is behind it. */
struct client {
	struct address address;
	__u16 port;
	__u16 unused;
	__u32 seq; /* of the first packet that said so, in network order */
};

/* Row of `client_counters`, by processor. */
enum client_counter {
	CLIENT_COUNTER_BEGUN = 0, /* packets from directors that begin a connection */
	CLIENT_COUNTER_TOLD = 1,  /* connections of which the client became known */
	CLIENT_COUNTER_SAID = 2,  /* times that a program was told the client's address */
	CLIENT_COUNTER_UNFIT = 3, /* times that it could not be: IPv6, and a socket of IPv4 */
	CLIENT_COUNTER_ROWS = 4,
};
