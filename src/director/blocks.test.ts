import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Blocks } from "./blocks.ts";

test("runs never overlap, and are found while there is room", () => {
  const run = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(fc.array(run, { maxLength: 20 }), (lengths) => {
      const blocks = new Blocks(64);
      const owner = new Array<number>(64).fill(-1);
      for (const [i, rows] of lengths.entries()) {
        const base = blocks.allocate(rows);
        const fits = owner.some((_, at) =>
          owner
            .slice(at, at + rows)
            .every((who, k, all) => who < 0 && all.length === rows && k >= 0),
        );
        assert.equal(base !== undefined, fits);
        if (base === undefined) continue;
        for (let row = base; row < base + rows; row++) {
          assert.equal(owner[row], -1);
          owner[row] = i;
        }
      }
    }),
  );
});

test("rows released are given out again", () => {
  const blocks = new Blocks(4);
  assert.equal(blocks.allocate(4), 0);
  assert.equal(blocks.allocate(1), undefined);
  blocks.release(1);
  blocks.release(2);
  assert.equal(blocks.allocate(2), 1);
});
