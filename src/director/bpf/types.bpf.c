/* SPDX-License-Identifier: Apache-2.0 */
/* One variable of every type of weir.h, so that the compiler describes them all. Never loaded. */
#include "weir.h"

union {
	struct flow flow;
	struct config config;
	struct service_key service_key;
	struct range_key range_key;
	struct service service;
	struct service_state service_state;
	struct destination destination;
	struct route route;
	struct probe_way probe_way;
	struct load load;
	struct statistics statistics;
	struct connection connection;
	struct server_key server_key;
	struct server_value server_value;
	struct reply reply;
	struct template_key template_key;
	struct template template;
	struct address_key address_key;
	struct source source;
	struct locality locality;
	struct pool_header pool_header;
	struct tracing tracing;
	struct event event;
	struct port port;
	struct hop hop;
	enum method method;
	enum tunnel tunnel;
	enum program program;
	enum hash_kind hash_kind;
	enum schedule_limit schedule_limit;
	enum config_flag config_flag;
	enum probe probe;
	enum conn_state conn_state;
	enum service_flag service_flag;
	enum syn_proxy syn_proxy;
	enum destination_flag destination_flag;
	enum connection_flag connection_flag;
	enum server_flag server_flag;
	enum counter counter;
	enum pool_limit pool_limit;
	enum call_limit call_limit;
	enum port_limit port_limit;
	enum local_port local_port;
	enum trace_flag trace_flag;
	enum event_kind event_kind;
} types;
