/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ICMP errors about packets that were forwarded (RFC 792, 1191, 4443, 5508): they quote the packet,
 * and go where it came from, as it was there.
 */
#pragma once

#include "client-option.h"
#include "syn-proxy.h"

/* The packet that an error quotes. */
struct quote {
	struct flow flow;
	__u16 l3;
	__u16 l4;
};

static __always_inline int is_error(__u8 family, __u8 type)
{
	if (family == 6)
		return type >= ICMP6_UNREACHABLE && type <= ICMP6_PARAMETER;
	return type == ICMP_UNREACHABLE || type == ICMP_QUENCH || type == ICMP_TIME ||
	       type == ICMP_PARAMETER;
}

/* A packet that lies in another at `at`, which ends at `end`. -1: its flow is not to be seen. */
static __always_inline int parse_inner(struct __sk_buff *skb, __u8 family, __u32 at, __u32 end,
				       struct quote *q)
{
	struct extensions e = {};
	struct ports *ports;

	q->l3 = at;
	if (family == 4) {
		struct iphdr *ip = bytes_at(skb, q->l3, sizeof(*ip));

		if (!ip || ip->version != 4 || ip->ihl < 5 || ip->frag_off & FRAGMENT_AT)
			return -1;
		map_v4(&q->flow.source, ip->saddr);
		map_v4(&q->flow.destination, ip->daddr);
		q->flow.protocol = ip->protocol;
		q->l4 = q->l3 + ip->ihl * 4;
	} else {
		struct ipv6hdr *ip = bytes_at(skb, q->l3, sizeof(*ip));

		if (!ip || ip->version != 6)
			return -1;
		copy_v6(&q->flow.source, &ip->saddr);
		copy_v6(&q->flow.destination, &ip->daddr);
		e.next = ip->nexthdr;
		e.at = q->l3 + sizeof(*ip);
		if (skip_extensions(skb, &e) || e.fragment == 2)
			return -1;
		q->flow.protocol = e.next;
		q->l4 = e.at;
	}
	if (!has_ports(q->flow.protocol))
		return -1;
	ports = bytes_at(skb, q->l4, sizeof(*ports));
	if (!ports || q->l4 + sizeof(*ports) > end)
		return -1;
	q->flow.source_port = ports->source;
	q->flow.destination_port = ports->destination;
	return 0;
}

static __always_inline int parse_quote(struct __sk_buff *skb, const struct packet *p, struct quote *q)
{
	return parse_inner(skb, p->family, p->l4 + sizeof(struct icmp), p->l3 + p->bytes, q);
}

static __always_inline __s64 difference(const struct address *from, const struct address *to)
{
	return bpf_csum_diff((__u32 *)from->word, 16, (__u32 *)to->word, 16, 0);
}

/*
 * The checksum in the quoted transport's header, which quotes are long enough to hold as a rule.
 * 0: there is none, or it is not to be touched.
 */
static __always_inline __u32 quoted_checksum(struct __sk_buff *skb, const struct packet *p,
					     const struct quote *q)
{
	__u32 check = checksum_offset(q->flow.protocol);
	__u16 *sum = check ? bytes_at(skb, q->l4 + check, sizeof(*sum)) : NULL;

	if (!sum || q->l4 + check + sizeof(*sum) > p->l3 + p->bytes)
		return 0;
	return q->flow.protocol == IPPROTO_UDP && *sum == 0 ? 0 : q->l4 + check;
}

/*
 * Gives one end of the quoted packet the address and port it has in `wanted` (RFC 5508 section 4),
 * and the error's own sum what comes of that. The quoted header's sum makes up for its address in
 * IPv4, and the quoted transport's, where there is one, for address and port.
 */
static __noinline int change_quote(struct __sk_buff *skb, const struct packet *p, struct quote *q, int end,
				   const struct flow *wanted)
{
	struct address was = end ? q->flow.destination : q->flow.source;
	const struct address *to = end ? &wanted->destination : &wanted->source;
	__be16 port = end ? wanted->destination_port : wanted->source_port;
	__be16 was_port = end ? q->flow.destination_port : q->flow.source_port;
	__u32 check = p->l4 + offsetof(struct icmp, checksum);
	__u32 inner = quoted_checksum(skb, p, q);

	if (change_address(skb, p->family, q->l3, end, to) || change_port(skb, q->l4, end, port))
		return -1;
	if (inner) {
		__u16 *sum = bytes_at(skb, inner, sizeof(*sum));
		__u64 all = (__u32)difference(&was, to) + (__u64)(__u16)~was_port + port;

		if (!sum)
			return -1;
		*sum = ~fold_sum(all + (__u16)~*sum);
		if (*sum == 0 && q->flow.protocol == IPPROTO_UDP)
			*sum = 0xffff;
	}
	/* What is left: in IPv4 the address, which was made up for twice; in IPv6 nothing. */
	if (inner)
		return p->family == 4 &&
		       bpf_l4_csum_replace(skb, check, 0, difference(to, &was), 0);
	if (p->family == 6 && bpf_l4_csum_replace(skb, check, 0, difference(&was, to), 0))
		return -1;
	return port != was_port && bpf_l4_csum_replace(skb, check, was_port, port, 2);
}

/* Gives the error itself another source (`end` 0) or destination. */
static __noinline int change_error(struct __sk_buff *skb, const struct packet *p, int end,
				   const struct address *to)
{
	struct address was = end ? p->flow.destination : p->flow.source;

	if (p->family == 6 &&
	    bpf_l4_csum_replace(skb, p->l4 + offsetof(struct icmp, checksum), 0, difference(&was, to),
				BPF_F_PSEUDO_HDR))
		return -1;
	return change_address(skb, p->family, p->l3, end, to);
}

/* An error about a server's packet to a client: on to the server. */
static __noinline int error_to_server(struct __sk_buff *skb, struct packet *p, struct quote *q,
				      struct connection *c)
{
	struct destination *d = destination_of(c);
	struct route *r = array_row(&routes, c->destination);
	struct config *config = configured();
	struct address *ours;
	struct flow server = {};

	if (!d || !config)
		return TC_ACT_SHOT;
	if (d->method == METHOD_LOCAL || d->method == METHOD_BYPASS ||
	    (r && r->local && !sees_replies(d)))
		return TC_ACT_UNSPEC;
	if (!r || !r->interface || (!r->local && spend_hop(skb, p)))
		return TC_ACT_SHOT;
	count_packet(p, config, c->destination, 0);
	if (d->method == METHOD_NAT || d->method == METHOD_FULLNAT) {
		server.source = d->address;
		server.source_port = d->port ? d->port : q->flow.source_port;
		if (change_quote(skb, p, q, 0, &server) || change_error(skb, p, 1, &d->address))
			return TC_ACT_SHOT;
	}
	if (c->local_port) {
		ours = array_row(&locals, c->local);
		if (!ours)
			return TC_ACT_SHOT;
		server.destination = *ours;
		server.destination_port = c->local_port;
		if (change_quote(skb, p, q, 1, &server))
			return TC_ACT_SHOT;
	}
	if (d->method == METHOD_TUN && encapsulate(skb, p, d, r))
		return TC_ACT_SHOT;
	return r->local ? TC_ACT_UNSPEC : send_to(r);
}

/* An error about a client's packet to a server: on to the client, who knows the service alone. */
static __noinline int error_to_client(struct __sk_buff *skb, struct packet *p, struct quote *q,
				      struct connection *c, const struct flow *client)
{
	struct destination *d = destination_of(c);
	struct config *config = configured();

	if (!d || !config || spend_hop(skb, p))
		return TC_ACT_SHOT;
	count_packet(p, config, c->destination, 1);
	if (d->flags & DESTINATION_PASSES && !(c->flags & CONNECTION_HEARD) && lower_mtu(skb, p))
		return TC_ACT_SHOT;
	if (change_quote(skb, p, q, 1, client) ||
	    change_error(skb, p, 0, &client->destination))
		return TC_ACT_SHOT;
	if (c->local_port &&
	    (change_quote(skb, p, q, 0, client) ||
	     change_error(skb, p, 1, &client->source)))
		return TC_ACT_SHOT;
	return bpf_redirect_neigh(c->interface, NULL, 0, 0);
}

/* The server looks for its own number in what it is told of. */
static __noinline int change_quoted_number(struct __sk_buff *skb, const struct packet *p,
					   const struct quote *q, const struct flow *client)
{
	struct proxied *x = bpf_map_lookup_elem(&proxied, client);
	__u32 at = q->l4 + offsetof(struct tcphdr, seq);
	__be32 *number = bytes_at(skb, at, sizeof(*number));
	__u32 inner = quoted_checksum(skb, p, q);
	__be32 was, now;
	__u16 *sum;

	if (!x || !number || at + sizeof(*number) > p->l3 + p->bytes)
		return -1;
	was = *number;
	now = bpf_htonl(bpf_ntohl(was) - x->shift);
	*number = now;
	if (!inner)
		return bpf_l4_csum_replace(skb, p->l4 + offsetof(struct icmp, checksum), was, now, 4);
	sum = bytes_at(skb, inner, sizeof(*sum));
	if (!sum)
		return -1;
	*sum = ~fold_sum((__u64)(__u32)bpf_csum_diff(&was, 4, &now, 4, 0) + (__u16)~*sum);
	return 0;
}

static __noinline int direct_icmp(struct __sk_buff *skb, struct packet *p)
{
	struct config *config = configured();
	__u8 *type = bytes_at(skb, p->l4, 1);
	struct quote q = {};
	struct flow back = {}, client = {};
	struct connection *c;

	if (!config || !type || !is_error(p->family, *type) || parse_quote(skb, p, &q))
		return TC_ACT_UNSPEC;
	turn_round(&q.flow, &back);
	c = config->flags & CONFIG_REPLIES ? find_replied(&back, &client) : NULL;
	if (c) {
		note_flow(&client, EVENT_ICMP);
		count(COUNTER_ICMP);
		return error_to_client(skb, p, &q, c, &client);
	}
	c = bpf_map_lookup_elem(&connections, &back);
	if (!c)
		return TC_ACT_UNSPEC;
	note_flow(&back, EVENT_ICMP);
	count(COUNTER_ICMP);
	if (c->flags & CONNECTION_PROXIED && change_quoted_number(skb, p, &q, &back))
		return TC_ACT_SHOT;
	return error_to_server(skb, p, &q, c);
}
