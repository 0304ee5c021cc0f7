/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real server of FULLNAT, which sees connections from the director's addresses, learns who is
 * behind them.
 *
 *   packet of a director ──► weir_read_client ──► clients ──► weir_peer4, weir_peer6 ──► accept(2),
 *     TCP option: address, port                                                        getpeername(2)
 *
 * Options are those that toa modules know: kind 254 with 8 bytes (IPv4) or 20 (IPv6), kind 253 with
 * 20. Nobody but the directors is believed. Fragments say nothing: a director sends none with it.
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include "client.h"

#define FRAGMENT bpf_htons(0x3fff)
#define TCP_SYN 0x02
#define TCP_ACK 0x10
#define OPTIONS_MAX 40
#define OPTION_NOTHING 1
#define OPTION_CLIENT_V6 253
#define OPTION_CLIENT 254
#define BYTES_V4 8
#define BYTES_V6 20
/* Two times nothing, then timestamps. */
#define TIMES_ALONE bpf_htonl(0x0101080a)
#define TIMES_BYTES 12

/* `ports` counts. Set by who loads this. */
const volatile __u32 ports_only = 0;

/* Who is asked for is asked for soon: accept() comes right after the packet. */
TABLE(clients, BPF_MAP_TYPE_LRU_HASH, struct connection_key, struct client, 65536, 0);
TABLE(directors, BPF_MAP_TYPE_LPM_TRIE, struct peer_key, __u32, 1024, BPF_F_NO_PREALLOC);
/* In network order. */
TABLE(ports, BPF_MAP_TYPE_HASH, __u16, __u32, 1024, BPF_F_NO_PREALLOC);
TABLE(client_counters, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, CLIENT_COUNTER_ROWS, 0);

static __always_inline void count(__u32 row)
{
	count_in(&client_counters, row);
}

/* Addresses, and where the TCP header is. -1: there is none. */
static __always_inline int read_network(struct __sk_buff *skb, struct connection_key *key, __u32 *l4)
{
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	} h;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, ETH_HLEN, &h.v4, sizeof(h.v4)) ||
		    h.v4.protocol != IPPROTO_TCP || h.v4.ihl < 5 || h.v4.frag_off & FRAGMENT)
			return -1;
		map_v4(&key->director, h.v4.saddr);
		map_v4(&key->here, h.v4.daddr);
		*l4 = ETH_HLEN + h.v4.ihl * 4;
		return 0;
	}
	if (skb->protocol != bpf_htons(ETH_P_IPV6) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &h.v6, sizeof(h.v6)) || h.v6.nexthdr != IPPROTO_TCP)
		return -1;
	__builtin_memcpy(&key->director, &h.v6.saddr, 16);
	__builtin_memcpy(&key->here, &h.v6.daddr, 16);
	*l4 = ETH_HLEN + sizeof(h.v6);
	return 0;
}

/* It is for a port that may know, from a director. */
static __always_inline int is_believed(const struct connection_key *key)
{
	struct peer_key from = { .bits = 128, .address = key->director };

	if (ports_only && !bpf_map_lookup_elem(&ports, &key->port))
		return 0;
	return bpf_map_lookup_elem(&directors, &from) != NULL;
}

/* A connection begins; whoever was behind the one before has nothing to do with it. */
static __always_inline void begin(const struct connection_key *key, __be32 seq)
{
	struct client *known = bpf_map_lookup_elem(&clients, key);

	count(CLIENT_COUNTER_BEGUN);
	/* A packet that was sent twice and comes late is of the connection that there is. */
	if (known && bpf_ntohl(known->seq) != bpf_ntohl(seq) + 1)
		bpf_map_delete_elem(&clients, key);
}

static __always_inline int same_client(const struct client *a, const struct client *b)
{
	return a->port == b->port && same_address(&a->address, &b->address);
}

static __always_inline void keep(const struct connection_key *key, const struct client *client)
{
	struct client *known = bpf_map_lookup_elem(&clients, key);

	if (known && same_client(known, client))
		return;
	if (!bpf_map_update_elem(&clients, key, client, BPF_ANY))
		count(CLIENT_COUNTER_TOLD);
}

/* Where in the options the client is named; -1: nowhere. */
static __always_inline int find_client(const __u8 *options, __u32 bytes)
{
	__u32 left = 0;

	for (__u32 i = 0; i < OPTIONS_MAX - 1; i++) {
		__u8 kind = options[i], length = options[i + 1];

		if (left) {
			left--;
			continue;
		}
		if (kind == OPTION_NOTHING)
			continue;
		if (kind < OPTION_NOTHING || i + 1 >= bytes || length < 2 || i + length > bytes)
			return -1;
		if ((kind == OPTION_CLIENT && (length == BYTES_V4 || length == BYTES_V6)) ||
		    (kind == OPTION_CLIENT_V6 && length == BYTES_V6))
			return i;
		left = length - 1;
	}
	return -1;
}

/* -1: the packet names none. */
static __always_inline int read_client(struct __sk_buff *skb, __u32 l4, __u32 header, struct client *client)
{
	__u8 options[OPTIONS_MAX] = {}, named[BYTES_V6] = {};
	__u32 bytes = header - sizeof(struct tcphdr), at = l4 + sizeof(struct tcphdr);
	int place;

	asm volatile("" : "+r"(bytes));
	if (bytes < BYTES_V4 || bytes > OPTIONS_MAX || bpf_skb_load_bytes(skb, at, options, bytes))
		return -1;
	if (bytes == TIMES_BYTES && *(__be32 *)options == TIMES_ALONE)
		return -1;
	place = find_client(options, bytes);
	if (place < 0 || bpf_skb_load_bytes(skb, at + place, named, BYTES_V4))
		return -1;
	client->port = *(__be16 *)(named + 2);
	if (named[1] == BYTES_V4) {
		map_v4(&client->address, *(__be32 *)(named + 4));
		return 0;
	}
	if (bpf_skb_load_bytes(skb, at + place, named, BYTES_V6))
		return -1;
	__builtin_memcpy(&client->address, named + 4, 16);
	return 0;
}

/* Where packets come in, before all others: those may keep them. */
SEC("tc")
int weir_read_client(struct __sk_buff *skb)
{
	struct connection_key key = {};
	struct client client = {};
	__u8 tcp[sizeof(struct tcphdr)];
	__u32 l4;

	/* A frame of a VLAN is its own interface's. */
	if (skb->pkt_type != PACKET_HOST || skb->vlan_present || read_network(skb, &key, &l4) ||
	    bpf_skb_load_bytes(skb, l4, tcp, sizeof(tcp)))
		return TC_ACT_UNSPEC;
	key.director_port = *(__be16 *)tcp;
	key.port = *(__be16 *)(tcp + 2);
	if (!is_believed(&key))
		return TC_ACT_UNSPEC;
	client.seq = *(__be32 *)(tcp + 4);
	if ((tcp[13] & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		begin(&key, client.seq);
	else if (!read_client(skb, l4, (tcp[12] >> 4) * 4, &client))
		keep(&key, &client);
	return TC_ACT_UNSPEC;
}

SEC("cgroup/getpeername4")
int weir_peer4(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *socket = ctx->sk;
	struct connection_key key = {};
	struct client *client;

	if (ctx->protocol != IPPROTO_TCP || !socket)
		return 1;
	map_v4(&key.here, socket->src_ip4);
	map_v4(&key.director, ctx->user_ip4);
	key.port = bpf_htons(socket->src_port);
	key.director_port = ctx->user_port;
	client = bpf_map_lookup_elem(&clients, &key);
	if (!client)
		return 1;
	/* An address of IPv6 finds no room in what is asked for. */
	if (!is_v4(&client->address)) {
		count(CLIENT_COUNTER_UNFIT);
		return 1;
	}
	ctx->user_ip4 = client->address.word[3];
	ctx->user_port = client->port;
	count(CLIENT_COUNTER_SAID);
	return 1;
}

/* Also of sockets of IPv6 that talk IPv4: addresses are as in the table. */
SEC("cgroup/getpeername6")
int weir_peer6(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *socket = ctx->sk;
	struct connection_key key = {};
	struct client *client;

	if (ctx->protocol != IPPROTO_TCP || !socket)
		return 1;
	key.here.word[0] = socket->src_ip6[0];
	key.here.word[1] = socket->src_ip6[1];
	key.here.word[2] = socket->src_ip6[2];
	key.here.word[3] = socket->src_ip6[3];
	key.director.word[0] = ctx->user_ip6[0];
	key.director.word[1] = ctx->user_ip6[1];
	key.director.word[2] = ctx->user_ip6[2];
	key.director.word[3] = ctx->user_ip6[3];
	key.port = bpf_htons(socket->src_port);
	key.director_port = ctx->user_port;
	client = bpf_map_lookup_elem(&clients, &key);
	if (!client)
		return 1;
	ctx->user_ip6[0] = client->address.word[0];
	ctx->user_ip6[1] = client->address.word[1];
	ctx->user_ip6[2] = client->address.word[2];
	ctx->user_ip6[3] = client->address.word[3];
	ctx->user_port = client->port;
	count(CLIENT_COUNTER_SAID);
	return 1;
}

char _license[] SEC("license") = "Apache-2.0";
