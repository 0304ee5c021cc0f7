import type { ServiceSpec } from "./director-bed.ts";
import { concat, ip16, u16 } from "./packet.ts";

/*
 * SYN cookies as src/director/bpf/cookie.h says, over numbers without bounds.
 */

const WORD = (1n << 64n) - 1n;
const SLOT_BITS = 36n;
const HASH = 0x7fffff;
const SIZES = [536, 1220, 1300, 1360, 1400, 1440, 1460, 8940];

/** SipHash-2-4 (Aumasson, Bernstein: SipHash, 2012). */
export function sipHash(key: Uint8Array, bytes: Uint8Array): bigint {
  const [k0, k1] = words(key) as [bigint, bigint];
  let [v0, v1] = [k0 ^ 0x736f6d6570736575n, k1 ^ 0x646f72616e646f6dn];
  let [v2, v3] = [k0 ^ 0x6c7967656e657261n, k1 ^ 0x7465646279746573n];
  const add = (a: bigint, b: bigint): bigint => (a + b) & WORD;
  const turn = (a: bigint, by: bigint): bigint => ((a << by) | (a >> (64n - by))) & WORD;
  const round = (): void => {
    [v0, v2] = [add(v0, v1), add(v2, v3)];
    [v1, v3] = [turn(v1, 13n) ^ v0, turn(v3, 16n) ^ v2];
    v0 = turn(v0, 32n);
    [v2, v0] = [add(v2, v1), add(v0, v3)];
    [v1, v3] = [turn(v1, 17n) ^ v2, turn(v3, 21n) ^ v0];
    v2 = turn(v2, 32n);
  };
  const last = new Uint8Array(8);
  last.set(bytes.subarray(bytes.length & ~7));
  last[7] = bytes.length & 255;
  for (const word of words(concat(bytes.subarray(0, bytes.length & ~7), last))) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

function words(bytes: Uint8Array): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 8 }, (_, i) => view.getBigUint64(8 * i, true));
}

/** The slot of time that a cookie is made in. */
export const slotOf = (kernelNs: bigint): number => Number(kernelNs >> SLOT_BITS);

/** What a client's SYN says. */
export interface Offer {
  readonly mss?: number;
  readonly scale?: number;
  readonly sack?: boolean;
}

/** The segment's size that a cookie keeps of it. */
export const keptSize = ({ mss = 0 }: Offer): number =>
  SIZES.findLast((size) => size <= mss) ?? SIZES[0]!;

export interface Asked extends Offer {
  readonly client: string;
  readonly clientPort: number;
  readonly service: string;
  readonly port: NonNullable<ServiceSpec["port"]>;
  /** Its first number. */
  readonly first: number;
}

/** The cookie for a client's SYN. */
export function cookieOf(key: Uint8Array, asked: Asked, slot: number): number {
  const { client, clientPort, service, port, first, scale = 15, sack = false } = asked;
  const size = SIZES.indexOf(keptSize(asked));
  const offer = (size << 5) | (scale << 1) | Number(sack);
  const rest = new Uint8Array(8);
  const view = new DataView(rest.buffer);
  view.setUint32(0, ((slot << 8) | offer) >>> 0, true);
  view.setUint32(4, first, true);
  const ends = concat(ip16(client), ip16(service), u16(clientPort, port));
  const hash = sipHash(key, concat(ends, Uint8Array.of(6, 0, 0, 0), rest));
  return (((slot & 1) << 31) | (offer << 23) | Number(hash & BigInt(HASH))) >>> 0;
}
