import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hsiphash } from "./hsiphash.ts";

/** SipHash-1-3 as the paper describes it, in 64-bit words. */
function naive(word: number, key0: number, key1: number): number {
  const mask = 2n ** 64n - 1n;
  const rotl = (x: bigint, n: bigint): bigint => ((x << n) | (x >> (64n - n))) & mask;
  let a = 0x736f6d6570736575n ^ BigInt(key0);
  let b = 0x646f72616e646f6dn ^ BigInt(key1);
  let c = 0x6c7967656e657261n ^ BigInt(key0);
  let d = 0x7465646279746573n ^ BigInt(key1);
  const round = (): void => {
    a = (a + b) & mask;
    c = (c + d) & mask;
    b = rotl(b, 13n) ^ a;
    d = rotl(d, 16n) ^ c;
    a = (rotl(a, 32n) + d) & mask;
    c = (c + b) & mask;
    d = rotl(d, 21n) ^ a;
    b = rotl(b, 17n) ^ c;
    c = rotl(c, 32n);
  };
  const block = (4n << 56n) | BigInt(word);
  d ^= block;
  round();
  a ^= block;
  c ^= 0xffn;
  for (let i = 0; i < 3; i++) round();
  return Number((a ^ b ^ c ^ d) & 0xffffffffn);
}

// CPython hashes bytes with SipHash-1-3: the low half of _imp.source_hash(key, word as 4 bytes).
test("the same as another implementation", () => {
  const known = [
    [0, 0, 2_596_571_888],
    [1, 0, 3_279_646_864],
    [0xc0a80001, 0, 3_431_064_679],
    [0xffffffff, 0, 1_959_450_338],
    [0, 1, 3_501_402_908],
    [0xc0a80001, 2_654_435_761, 3_319_348_489],
    [0xffffffff, 2_654_435_761, 3_294_125_313],
    [1, 2_654_446_892, 2_781_250_370],
  ] as const;
  for (const [word, key, hash] of known) assert.equal(hsiphash(word, key, 0) >>> 0, hash);
});

test("halves of words are added and turned as whole words", () => {
  const half = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  fc.assert(
    fc.property(half, half, half, (word, key0, key1) => {
      assert.equal(hsiphash(word, key0, key1) >>> 0, naive(word, key0, key1));
    }),
  );
});
