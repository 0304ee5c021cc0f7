/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The director's program as a test run calls it over and over: the packet is made anew each time, from
 * one flow after another, and put back to its length. `bare` does the same without the director.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/*
 * A test run has one sk_buff for all its repeats, the kernel puts none into a tunnel twice, and nothing
 * takes the mark off it again: so it grows without being called a tunnel.
 */
#define bpf_skb_adjust_room(skb, bytes, mode, flags) \
	bpf_skb_adjust_room(skb, bytes, mode, (flags) & BPF_F_ADJ_ROOM_FIXED_GSO)

#include "director.bpf.c"

struct plan {
	__u32 flows;    /* as many flows in turn */
	__u32 next;
	__be32 service;
	__be32 server;  /* packets are its replies; 0: packets are clients' */
	__be16 port;    /* of the service, or of the server */
	__u8 flags;     /* of TCP */
	__u8 grown;     /* bytes that `grown` adds */
};

TABLE(plans, BPF_MAP_TYPE_ARRAY, __u32, struct plan, 1, BPF_F_MMAPABLE);

/* Writes the packet of the next flow. */
static __always_inline void write_next(struct plan *plan, struct iphdr *ip, struct tcphdr *tcp)
{
	__u32 flow = plan->next;
	__be32 client;
	__be16 port;

	plan->next = flow + 1 >= plan->flows ? 0 : flow + 1;
	ip->ttl = 64;
	ip->check = 0;
	client = bpf_htonl(0x0a800000 + (flow >> 14));
	port = bpf_htons(1024 + (flow & 0x3fff));
	ip->saddr = plan->server ? plan->server : client;
	ip->daddr = plan->server ? client : plan->service;
	tcp->source = plan->server ? plan->port : port;
	tcp->dest = plan->server ? port : plan->port;
	((__u8 *)tcp)[13] = plan->flags;
	/* No sum of a pseudo-header, which XDP would take for one that is owed. */
	tcp->check = 0;
}

static __always_inline struct plan *prepare(struct __sk_buff *skb)
{
	struct plan *plan = array_row(&plans, 0);
	struct iphdr *ip = bytes_at(skb, ETH_HLEN, sizeof(*ip) + sizeof(struct tcphdr));

	if (!plan || !ip)
		return NULL;
	write_next(plan, ip, (void *)(ip + 1));
	return plan;
}

static __always_inline void put_back(struct __sk_buff *skb, __u32 length)
{
	struct ethhdr *eth;

	if (skb->len > length)
		bpf_skb_adjust_room(skb, (__s32)(length - skb->len), BPF_ADJ_ROOM_MAC, 0);
	eth = bytes_at(skb, 0, sizeof(*eth));
	if (eth)
		eth->h_proto = bpf_htons(ETH_P_IP);
}

SEC("tc")
int directed(struct __sk_buff *skb)
{
	__u32 length = skb->len;
	int verdict;

	if (!prepare(skb))
		return -1;
	verdict = direct(skb);
	put_back(skb, length);
	return verdict;
}

SEC("tc")
int bare(struct __sk_buff *skb)
{
	__u32 length = skb->len;

	if (!prepare(skb))
		return -1;
	put_back(skb, length);
	return 0;
}

/* What putting it back costs: growing as much, and shrinking. */
SEC("tc")
int grown(struct __sk_buff *skb)
{
	__u32 length = skb->len;
	struct plan *plan = prepare(skb);

	if (!plan)
		return -1;
	if (plan->grown)
		bpf_skb_adjust_room(skb, plan->grown, BPF_ADJ_ROOM_MAC, 0);
	put_back(skb, length);
	return 0;
}

/* The same in XDP. The frame is to nobody's hardware address, which the bench says is the port's. */
static __always_inline struct plan *prepare_frame(struct xdp_md *ctx)
{
	struct plan *plan = array_row(&plans, 0);
	struct ethhdr *eth = frame_at(ctx, 0, ETH_HLEN + sizeof(struct iphdr) + sizeof(struct tcphdr));
	struct iphdr *ip = (void *)(eth + 1);

	if (!plan || !eth)
		return NULL;
	__builtin_memset(eth->h_dest, 0, ETH_ALEN);
	eth->h_proto = bpf_htons(ETH_P_IP);
	write_next(plan, ip, (void *)(ip + 1));
	return plan;
}

static __always_inline void put_frame_back(struct xdp_md *ctx, __u64 length)
{
	__u64 now = bpf_xdp_get_buff_len(ctx);

	if (now > length)
		bpf_xdp_adjust_head(ctx, now - length);
}

SEC("xdp.frags")
int hastened_one(struct xdp_md *ctx)
{
	__u64 length = bpf_xdp_get_buff_len(ctx);
	int verdict;

	if (!prepare_frame(ctx))
		return -1;
	verdict = hasten(ctx);
	put_frame_back(ctx, length);
	return verdict;
}

SEC("xdp.frags")
int bare_frame(struct xdp_md *ctx)
{
	__u64 length = bpf_xdp_get_buff_len(ctx);

	if (!prepare_frame(ctx))
		return -1;
	put_frame_back(ctx, length);
	return 0;
}

SEC("xdp.frags")
int grown_frame(struct xdp_md *ctx)
{
	__u64 length = bpf_xdp_get_buff_len(ctx);
	struct plan *plan = prepare_frame(ctx);

	if (!plan)
		return -1;
	if (plan->grown)
		bpf_xdp_adjust_head(ctx, -(int)plan->grown);
	put_frame_back(ctx, length);
	return 0;
}
