/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CRC32c of SCTP (RFC 9260 section 6.8, appendix A) for other ports. It is linear: the sum of a
 * packet that differs in some bits differs by what those bits alone would give, which is them times a
 * power of x. Bit 31 is the coefficient of x^0.
 */
#pragma once

#include "packet.h"

#define CRC_POLYNOMIAL 0x82f63b78
#define CRC_AT 8

/* The product modulo the polynomial. Not static: it is verified once. */
__noinline __u32 crc_product(__u32 a, __u32 b)
{
	__u32 product = 0;

	for (int i = 0; i < 32; i++) {
		/* Without branches, of which the verifier would follow each. */
		product ^= b & -(a >> 31);
		a <<= 1;
		b = b >> 1 ^ (CRC_POLYNOMIAL & -(b & 1));
	}
	return product;
}

/* What `bits` in the first four of so many bytes come to in the sum. */
static __noinline __u32 crc_of(__u32 bits, __u32 bytes)
{
	/* x to the 8 * 2^i. */
	static const __u32 powers[] = {
		0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c,
		0x18b8ea18, 0x510ac59a, 0xb82be955, 0xb8fdb1e7,
		0x88e56f72, 0x74c360a4, 0xe4172b16, 0x0d65762a,
		0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc,
	};

#pragma unroll
	for (int i = 0; i < 16; i++)
		if (bytes >> i & 1)
			bits = crc_product(powers[i], bits);
	return bits;
}

/* Settles the sum for a port that changes in `bits`. -1: not all of the packet is here. */
static __always_inline int change_crc(struct __sk_buff *skb, const struct packet *p, int end, __be16 bits)
{
	__u32 *sum;
	__u32 by;

	if (p->fragment)
		return -1;
	by = crc_of((__u32)bits << (end ? 16 : 0), p->l3 + p->bytes - p->l4);
	sum = bytes_at(skb, p->l4 + CRC_AT, sizeof(*sum));
	if (!sum)
		return -1;
	*sum ^= by;
	return 0;
}
