import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { picks, SimPool, servers } from "#kit/pool.ts";
import { createDefault } from "../scheduler.ts";
import { commonDivisor } from "../whole-weights.ts";
import { interleave, wrr } from "./wrr.ts";

/** IPVS's state: where the walk is, and what it asks for. */
class Naive {
  weights: readonly number[];
  at = -1;
  #asked = 0;
  #most = 0;
  #step = 1;

  constructor(weights: readonly number[]) {
    this.weights = weights;
    this.change(weights);
  }

  change(weights: readonly number[]): void {
    this.weights = weights;
    this.at = -1;
    this.#step = commonDivisor(weights) || 1;
    this.#most = Math.max(0, Math.max(0, ...weights) - (this.#step - 1));
    if (this.#asked > this.#most || this.#asked === 0) this.#asked = this.#most;
    else if (this.#step > 1) {
      this.#asked = Math.floor(this.#asked / this.#step) * this.#step + 1;
    }
  }

  pick(): number {
    for (;;) {
      while (++this.at < this.weights.length) {
        if (this.weights[this.at]! > 0 && this.weights[this.at]! >= this.#asked) return this.at;
      }
      this.at = -1;
      this.#asked -= this.#step;
      if (this.#asked <= 0) this.#asked = this.#most;
    }
  }
}

test("passes from the greatest weight down", () => {
  const pool = new SimPool(servers(4, 3, 2));
  assert.equal(picks(pool, createDefault(wrr, pool), 11), "aababcabcaa");
  assert.deepEqual(interleave([1, 0, 2]).turns, [2, 0, 2]);
  assert.deepEqual(interleave([]).turns, []);
});

/** A server without weight at the end may come and go: no turn is another's then. */
const turnsOf = (weights: readonly number[]): string => `${weights}`.replace(/(,0)+$/, "");

const weightsList = fc
  .array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 8 })
  .filter((list) => list.some((weight) => weight > 0));

test("the same picks as the walk with a falling mark, over changes too", () => {
  const change = fc.record({ weights: weightsList, times: fc.integer({ min: 1, max: 60 }) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
      const pool = new SimPool(servers(...changes[0]!.weights));
      const scheduler = createDefault(wrr, pool);
      const naive = new Naive(changes[0]!.weights);
      for (const [turn, { weights, times }] of changes.entries()) {
        if (turn > 0 && turnsOf(weights) !== turnsOf(naive.weights)) {
          pool.set(servers(...weights));
          scheduler.changed();
          naive.change(weights);
        }
        const got = Array.from({ length: times }, () => scheduler.pick(-1, 0));
        assert.deepEqual(
          got,
          got.map(() => naive.pick()),
        );
      }
    }),
  );
});

test("a period that is too long is made shorter, in proportion", () => {
  const pool = new SimPool(servers(40_001, 40_000, 1));
  const scheduler = createDefault(wrr, pool);
  const counts = [0, 0, 0];
  for (let n = 0; n < 65_536; n++) counts[scheduler.pick(-1, 0)]!++;
  assert.ok(Math.abs(counts[0]! - counts[1]!) < 4 && counts[2]! >= 1, `${counts}`);
});
