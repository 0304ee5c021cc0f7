/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the director's programs and its control share: numbers and structures. In src/plan,
 * director-layout.ts and director-numbers.ts are generated from these declarations (npm run bpf), so
 * this is the one place to change them.
 *
 * Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d. Ports and addresses are in network order. A tick is
 * 2^20 ns, about a millisecond; ticks wrap after 52 days, and only differences are used.
 */
#pragma once

#include "../../plan/bpf/common.h"

/* A flow as its sender names it; of a connection: as the client does. Key of `connections`. */
struct flow {
	struct address source;
	struct address destination;
	__u16 source_port;
	__u16 destination_port;
	__u8 protocol;
	__u8 unused[3];
};

#include "event.h"

enum method {
	METHOD_NAT = 0,
	METHOD_DR = 1,
	METHOD_TUN = 2,
	METHOD_FULLNAT = 3,
	METHOD_LOCAL = 4,
	METHOD_BYPASS = 5,
};

enum tunnel {
	TUNNEL_IPIP = 0,
	TUNNEL_GUE = 1,
	TUNNEL_GRE = 2,
};

/*
 * How a service finds a server: a table of slots taken in turn by a counter, one indexed by a hash of
 * the packet, or a walk over all servers. Only append.
 */
enum program {
	PROGRAM_TURNS = 0,
	PROGRAM_HASH = 1,
	PROGRAM_LC = 2,
	PROGRAM_WLC = 3,
	PROGRAM_SED = 4,
	PROGRAM_NQ = 5,
	PROGRAM_FO = 6,
	PROGRAM_OVF = 7,
	PROGRAM_TWOS = 8,
	PROGRAM_LBLC = 9,
	PROGRAM_LBLCR = 10,
	PROGRAM_LEASTCONN = 11,
};

enum hash_kind {
	HASH_FLOW = 0,
	HASH_SOURCE = 1,
	HASH_SOURCE_PORT = 2,
	HASH_DESTINATION = 3,
	HASH_IPVS_SH = 4,
	HASH_IPVS_SH_PORT = 5,
	HASH_IPVS_DH = 6,
	HASH_IPVS_MH = 7,
	HASH_IPVS_MH_PORT = 8,
};

/* Bounds and beginnings that src/balance has too. */
enum schedule_limit {
	SCHEDULE_SEED = 0x57656972,  /* our own hashes begin here */
	SCHEDULE_PROBES = 64,        /* places looked at where the first takes nothing */
	SCHEDULE_PROBES_IPVS = 256,  /* the same for hashes of IPVS */
	SCHEDULE_SET = 32,           /* servers of a destination's address (LBLCR) */
	SCHEDULE_MEMORY = 82397461,  /* ticks of a day: what was unused for longer is forgotten */
};

/* Flags of struct config. */
enum config_flag {
	CONFIG_REPLIES = 1,   /* some service translates: packets of servers are looked at */
	CONFIG_RANGES = 2,    /* some service has a range of ports */
	CONFIG_MARKS = 4,     /* some service goes by firewall mark */
	CONFIG_SLOPPY = 8,    /* a TCP connection may begin with any packet but RST */
	CONFIG_EXPIRE_NODEST = 16,
	CONFIG_EXPIRE_QUIESCENT = 32,
	CONFIG_REUSE = 64,    /* a SYN in TIME_WAIT begins a new connection, on any server */
	CONFIG_REUSE_FIN = 128, /* the same in FIN_WAIT, where servers' packets are not seen */
	CONFIG_PROBES = 256,  /* some checks go the way of packets */
	CONFIG_SLOPPY_SCTP = 512, /* an association may begin with any chunk but ABORT */
	CONFIG_CALLS = 1024,  /* servers of some service by call may speak first */
	CONFIG_SECURE = 2048, /* TCP by the table for attacks */
};

/* The mark of a check's packets: the upper bits say that it is one, the lower name its row. */
enum probe { PROBE_MARK = 0x77000000, PROBE_ROWS = 0x00ffffff };

/*
 * States of connections, as IPVS has them: of TCP and of SCTP the lower four bits are its numbers;
 * UDP has one.
 */
enum conn_state {
	STATE_NONE = 0,
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT = 2,
	STATE_SYN_RECV = 3,
	STATE_FIN_WAIT = 4,
	STATE_TIME_WAIT = 5,
	STATE_CLOSE = 6,
	STATE_CLOSE_WAIT = 7,
	STATE_LAST_ACK = 8,
	STATE_LISTEN = 9,
	STATE_SYNACK = 10,
	STATE_UDP = 11,
	STATE_SCTP_NONE = 16,
	STATE_SCTP_INIT1 = 17,
	STATE_SCTP_INIT = 18,
	STATE_SCTP_COOKIE_SENT = 19,
	STATE_SCTP_COOKIE_REPLIED = 20,
	STATE_SCTP_COOKIE_WAIT = 21,
	STATE_SCTP_COOKIE = 22,
	STATE_SCTP_COOKIE_ECHOED = 23,
	STATE_SCTP_ESTABLISHED = 24,
	STATE_SCTP_SHUTDOWN_SENT = 25,
	STATE_SCTP_SHUTDOWN_RECEIVED = 26,
	STATE_SCTP_SHUTDOWN_ACK_SENT = 27,
	STATE_SCTP_REJECTED = 28,
	STATE_SCTP_CLOSED = 29,
	STATE_ROWS = 32,
};

enum local_port { LOCAL_PORT_FIRST = 1024 };

/* One row. */
struct config {
	__u32 flags;
	__u32 new_flows;       /* tracked a second for each processor; 0 = no limit */
	__u32 destinations;    /* rows of `destinations`, and of `statistics` for each processor */
	__u32 locals;          /* rows of `locals` in use */
	__u32 drop_rate;       /* of new flows one in so many is dropped; 0 = none */
	__u32 local_ports;     /* that FULLNAT may speak to servers from: so many from LOCAL_PORT_FIRST on, */
	__u32 kept_port;       /* and from here on as many left out as follow, */
	__u32 kept_ports;      /* which the kernel gives to sockets of this machine */
	__u32 timeout[STATE_ROWS]; /* ticks, by state */
};

/* Where a packet may go in: address, port and protocol, or mark, family and protocol. */
struct service_key {
	struct address address;
	__u32 mark;
	__u16 port;
	__u8 protocol;
	__u8 family; /* of a mark: 4 or 6; else 0 */
};

/* The same for ranges of ports, which a longest prefix cuts into powers of two. */
struct range_key {
	__u32 bits;
	struct address address;
	__u8 protocol;
	__u8 unused;
	__u16 port;
};

enum service_flag {
	SERVICE_PERSISTENT = 1,
	SERVICE_ONE_PACKET = 2,
	SERVICE_REJECT = 4,     /* nobody there: tell the client; else in silence */
	SERVICE_BYPASS = 8,     /* nobody there: on to where the packet wanted to go */
	SERVICE_FALLBACK = 16,  /* sh, mh: another server when the hashed one is not to be had */
	SERVICE_SOURCES = 32,   /* within the programs: it has a source_limit */
	SERVICE_RESET = 64,     /* connections of a server that was removed end at their next packet */
	SERVICE_CALLS = 128,    /* its templates are of calls (SIP), not of clients */
	SERVICE_PROVEN = 256,   /* within the programs: the client has returned a cookie */
	SERVICE_PROBED = 512,   /* the same, when it asked for the window again, with the number before */
};

/* When clients get a cookie before anything is kept of them. */
enum syn_proxy {
	SYN_PROXY_OFF = 0,
	SYN_PROXY_AUTO = 1,   /* where a flow would not be tracked, or would be dropped */
	SYN_PROXY_ALWAYS = 2,
};

/* A virtual service. Row of `services`, by slot. */
struct service {
	__u32 pool;        /* row of `pools` */
	__u32 base;        /* first of its rows of `destinations` */
	__u32 persist;     /* ticks a template lives */
	__u32 limit;       /* tracked connections at once; 0 = no limit */
	__u32 source_limit; /* the same of one client: an address, of IPv6 a /64 */
	__u8 direct;       /* some of its servers answer clients directly */
	__u8 program;
	__u8 hash;
	__u8 flags;
	__u8 prefix4;      /* bits of the client's address that a template stands for */
	__u8 prefix6;
	__u8 syn_proxy;    /* a syn_proxy */
	__u8 unused;
	/* Notes of control to the one after it. */
	__u32 identity;    /* hash of its name */
	__u32 capacity;    /* rows from `base` on that are its own; the program reads it too */
};

/* What the kernel keeps of a service; control never overwrites it. */
struct service_state {
	__u64 turn;         /* TURNS: flows so far; LEASTCONN: the place to begin at */
	__s32 connections;
	__u32 untracked;   /* tick of about the last flow that was not tracked: too many, or a cookie */
	__u32 interface;   /* of a service by calls: where its last packet came in */
	__u32 unused;
};

enum destination_flag {
	DESTINATION_PRESENT = 1, /* known: packets of its connections go to it */
	DESTINATION_PASSES = 2,  /* FULLNAT: it is told who the client is */
	DESTINATION_LEAVING = 4, /* no longer configured: what it has goes on, and it gets nothing new */
	DESTINATION_CLOSED = 8,  /* down, or out for maintenance: not for those who have been there either */
	DESTINATION_ENDS = 16,   /* its connections are over: their next packet is told so, or goes elsewhere */
};

/* A server as one service sees it. Row of `destinations`: service.base + a slot of the backend. */
struct destination {
	struct address address;
	__u32 service;
	__u32 generation;  /* changes when the row is given to another server */
	__s32 weight;      /* 0 = takes nothing new */
	__u32 upper;       /* connections at which it counts as overloaded; 0 = never */
	__u32 lower;       /* below which it does no more; 0 = three quarters of `upper` */
	__u16 port;        /* 0 = as it came */
	__u16 tunnel_port;
	__u8 method;
	__u8 flags;
	__u8 tunnel;
	__u8 unused;
	__u32 identity;    /* a note of control: hash of the server's name */
};

/* The way to a destination, as the routing table has it. */
struct route {
	struct address next_hop;
	struct address source; /* ours, towards it: of outer headers */
	__u32 interface;       /* 0 = no route */
	__u32 mtu;
	__u8 family;           /* of next_hop: 4 or 6 */
	__u8 local;            /* it is ourselves */
	__u8 unused[2];
};

/* What the check of a server finds on it. Value of `probe_ways`, by row of `destinations`. */
struct probe_way {
	struct address service;
	struct address ours; /* what it comes from, where the server is not of the service's family */
};

/* Between whom a check is as the kernel knows it. Value of `probe_ends`, by the answer's flow. */
struct probe_end {
	struct address server;
	struct address ours;
};

/* Connections of a destination now. Kernel and control change it atomically. */
struct load {
	__s32 active;
	__s32 inactive;
	__s32 overloaded;
	__s32 unused;
};

/* Of a destination, by one processor: row processor * config.destinations + destination. */
struct statistics {
	__u64 connections;
	__u64 in_packets;
	__u64 in_bytes;
	__u64 out_packets;
	__u64 out_bytes;
};

enum connection_flag {
	CONNECTION_INACTIVE = 1,
	CONNECTION_PERSISTENT = 8,
	CONNECTION_PAIRED = 16,  /* `replies` has its other direction */
	CONNECTION_SOURCED = 32, /* `sources` has counted it */
	CONNECTION_TOLD = 64,    /* a packet was sent that says who the client is */
	CONNECTION_HEARD = 128,  /* and the server has got it */
	CONNECTION_PROXIED = 256, /* it began with a cookie: `proxied` has its numbers */
};

struct connection {
	__u32 destination;
	__u32 generation;   /* of the destination's row when it was chosen */
	__u32 seen;         /* tick of the last packet */
	__u32 interface;    /* where the client's packets come in, and replies go out */
	__u16 local_port;   /* FULLNAT: ours, towards the server */
	__u16 local;        /* FULLNAT: row of `locals` */
	__u16 state;
	__u16 flags;
};

/*
 * A connection that began with a cookie: its client counts from that, its server from a number of its
 * own, and their windows may be scaled differently. Value of `proxied`, by the client's flow.
 */
struct proxied {
	__u32 cookie;       /* the client has it for the server's first number */
	__u32 first;        /* of the client's numbers, for the server the same */
	__u32 shift;        /* added to the server's numbers gives those the client knows */
	__u16 window;       /* the client's when it began, as it sent it */
	__u8 open;          /* the server has answered: what follows is known */
	__s8 to_client;     /* powers of two that the server's windows are multiplied by */
	__s8 to_server;     /* and the client's */
	__u8 unused[3];
};

/* What cookies are made with, drawn by control. A variable of its own, for it outlives settings. */
struct secret {
	__u64 key[2];
};

/* Whose packets are replies: a server's address and port (0: any). Key of `servers`. */
struct server_key {
	struct address address;
	__u16 port;
	__u8 protocol;
	__u8 unused;
};

enum server_flag {
	SERVER_AMBIGUOUS = 1, /* of several services, or FULLNAT: `replies` knows */
};

struct server_value {
	struct address address; /* the service's */
	__u16 port;             /* 0 = as it came */
	__u16 flags;
};

/* A reply's flow -> the flow of the client's packets. */
struct reply {
	struct flow flow;
	__u32 seen;
	__u32 next; /* of FULLNAT, once the client has ended it: the number that its server expects, or 0 */
};

struct template_key {
	struct address source; /* a client's, masked; of a call: a hash of that and its Call-ID */
	__u32 service;
};

struct template {
	__u32 destination;
	__u32 generation;
	__u32 seen;
	__u32 interface; /* of a call: where its packets come in */
};

/* How far into a datagram its Call-ID is looked for, and the longest that IPVS takes. */
enum call_limit { CALL_REACH = 2048, CALL_LONGEST = 255 };

/*
 * Ports that are tried for a connection of FULLNAT, of all our addresses in turn. Most are free until
 * nearly all are taken. After PORT_PATIENCE of them one whose connection is over will do.
 */
enum port_limit { PORT_TRIES = 64, PORT_PATIENCE = 16 };

/* Key of `sources`: a client of a service, of IPv6 its /64; of `localities`: what one is asked for. */
struct address_key {
	struct address address;
	__u32 service;
};

/* Tracked connections of a client. */
struct source {
	__s32 connections;
	__u32 changed; /* tick */
};

/* The servers that have served a destination's address; LBLC has one, LBLCR some. */
struct locality {
	__u16 slot[SCHEDULE_SET];       /* in the order they came */
	__u16 generation[SCHEDULE_SET]; /* of their rows: else it is another server's number by now */
	__u32 count;
	__u32 used;    /* tick of the last flow */
	__u32 changed; /* tick of the last change of the set */
};

struct fragment_key {
	struct address source;
	struct address destination;
	__u32 id;
	__u32 protocol;
};

struct fragment {
	__u16 source_port;
	__u16 destination_port;
	__u32 seen;
	__u32 alone;     /* 1 + the destination, if the first one was not tracked */
	__u32 interface; /* of a server's, not tracked: where the first one went out */
};

/* Tokens of one processor: for new flows, for answers of our own, up to the next flow dropped. */
enum allowance_row { ALLOWANCE_FLOWS = 0, ALLOWANCE_ANSWERS = 1, ALLOWANCE_DROPS = 2, ALLOWANCE_ROWS = 3 };

struct allowance {
	__u32 second;
	__u32 used;
};

/*
 * A table of a backend: row 0 is a header, the rows after it hold ENTRIES slots each. A table of
 * turns is followed, in a new row, by a list of all servers. Row of an inner map of `pools`.
 */
enum pool_limit { POOL_ENTRIES = 16, POOL_NOBODY = 0xffff };

struct pool_row {
	__u16 slot[POOL_ENTRIES];
};

struct pool_header {
	__u32 length;
	__u32 servers; /* in the list behind the table; 0 = there is none */
	__u32 unused[6];
};

/* What happened to packets that were not simply forwarded. Row of `counters`, by processor. */
enum counter {
	COUNTER_NO_SERVER = 0,
	COUNTER_NO_PORT = 1,
	COUNTER_STATELESS = 2,
	COUNTER_TABLE_FULL = 3,
	COUNTER_TTL = 4,
	COUNTER_TOO_BIG = 5,
	COUNTER_NO_FRAGMENT = 6,
	COUNTER_NO_DESTINATION = 7,
	COUNTER_MALFORMED = 8,
	COUNTER_NO_ROUTE = 9,
	COUNTER_ICMP = 10,
	COUNTER_LIMIT = 11,
	COUNTER_NOT_SYN = 12,
	COUNTER_DROPPED = 13,
	COUNTER_NO_ROOM = 14,
	COUNTER_NO_CALL_ID = 15,
	COUNTER_COOKIE_SENT = 16,
	COUNTER_COOKIE_ACCEPTED = 17,
	COUNTER_CUT = 18,
	COUNTER_PORT_REUSED = 19,
	COUNTER_ROWS = 32,
};

/*
 * An interface whose packets may take the short way (xdp.h): row of `ports`, by index. Control goes on
 * saying until when: where nobody looks after neighbours, packets take the long way.
 */
struct port {
	__u8 address[6]; /* its own: frames to others are not for us */
	__u8 unused[2];
	__u32 until;     /* a tick */
};

/* The frame that takes a packet to a destination's next hop. Row of `hops`, as of `routes`. */
struct hop {
	struct address next_hop; /* whom it is about: the route may be another by now */
	__u8 address[6];
	__u8 source[6];  /* of the interface */
	__u32 interface; /* 0 = not known, or it takes no frames that XDP sends */
};
