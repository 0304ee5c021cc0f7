import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PACKET_NOBODY } from "#plan/packet-schedule.ts";
import { dhTable, MH_SIZES, mhTable, shTable } from "./ipvs-tables.ts";
import { primeFrom } from "./maglev-table.ts";
import { ipvsMh, ipvsMhSkip } from "./packet-hash.ts";

const letters = (table: Uint16Array): string =>
  [...table].map((p) => (p === PACKET_NOBODY ? "-" : String.fromCharCode(97 + p))).join("");

const countsOf = (table: Uint16Array, servers: number): number[] => {
  const counts = new Array<number>(servers).fill(0);
  for (const owner of table) counts[owner]!++;
  return counts;
};

test("sh deals buckets out by weight, one to a server without any", () => {
  assert.equal(letters(shTable([2, 0, 3])).slice(0, 14), "aabcccaabcccaa");
  assert.equal(letters(shTable([300, 1])), "a".repeat(256));
  assert.equal(letters(shTable([])), "-".repeat(256));
});

test("dh deals them out evenly", () => {
  assert.equal(letters(dhTable(3)).slice(0, 7), "abcabca");
  assert.equal(letters(dhTable(0)), "-".repeat(256));
});

test("mh's sizes are the largest primes below powers of two, or some such", () => {
  for (const size of MH_SIZES) assert.equal(primeFrom(size), size);
});

/** By lists of preferences, one for each server, as the paper has it. */
function naiveMh(value: readonly number[], turns: readonly number[], size: number): number[] {
  const wishes = value.map((v) =>
    Array.from({ length: size }, (_, n) => (ipvsMh(v, size) + n * ipvsMhSkip(v, size)) % size),
  );
  const owner = new Map<number, number>();
  for (;;) {
    for (const [i, wish] of wishes.entries()) {
      for (let turn = 0; turn < turns[i]!; turn++) {
        owner.set(wish.find((slot) => !owner.has(slot))!, i);
        if (owner.size === size) return Array.from({ length: size }, (_, n) => owner.get(n)!);
      }
    }
  }
}

test("mh: the table of preference lists, servers taking their turns together", () => {
  const values = fc.uniqueArray(fc.nat(), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(values, fc.infiniteStream(fc.nat({ max: 5 })), (value, stream) => {
      const turns = value.map((_, i) => (i === 0 ? 1 : (stream.next().value as number)));
      assert.deepEqual([...mhTable(value, turns, 251)], naiveMh(value, turns, 251));
    }),
    { numRuns: 30 },
  );
});

test("mh: common divisors do not count, nor bits of weight beyond six", () => {
  const value = [11, 22, 33];
  const known: readonly (readonly [weight: number[], turns: number[]])[] = [
    [
      [300, 200, 100],
      [3, 2, 1],
    ],
    // 63 has six bits, 64 seven: halved, and nobody falls to nothing.
    [
      [63, 2, 1],
      [63, 2, 1],
    ],
    [
      [64, 3, 1],
      [32, 1, 1],
    ],
    [
      [1000, 7, 0],
      [62, 1, 0],
    ],
  ];
  for (const [weight, turns] of known) {
    assert.deepEqual([...mhTable(value, weight, 509)], naiveMh(value, turns, 509), `${weight}`);
  }
});

test("mh: shares follow the weights; nobody's is nobody's", () => {
  const counts = countsOf(mhTable([1, 2, 3], [1, 2, 1], 4093), 3);
  for (const [i, share] of [1 / 4, 1 / 2, 1 / 4].entries()) {
    assert.ok(Math.abs(counts[i]! / 4093 - share) < 0.002, `${counts}`);
  }
  assert.equal(letters(mhTable([1, 2], [0, 0], 251)), "-".repeat(251));
  assert.equal(letters(mhTable([], [], 251)), "-".repeat(251));
});
