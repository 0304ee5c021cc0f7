import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { classFor, PAGE_SIZES, Pages } from "./pages.ts";

const START = 8192;
const BYTES = 512 * 1024;

const step = fc.oneof(
  fc.record({ take: fc.constant(true), pick: fc.nat(PAGE_SIZES.length - 1) }),
  fc.record({ take: fc.constant(false), pick: fc.nat(1000) }),
);

test("pages lent at the same time never overlap, and lie inside the slab", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const pages = new Pages(START, START + BYTES);
      const lent: { at: number; size: number }[] = [];
      for (const { take, pick } of steps) {
        if (!take) {
          const page = lent.splice(pick % Math.max(1, lent.length), 1)[0];
          if (page) pages.give(page.at, page.size);
          continue;
        }
        const at = pages.take(pick);
        if (at < 0) continue;
        const end = at + PAGE_SIZES[pick]!;
        assert.ok(at >= START && end <= START + BYTES);
        for (const other of lent) {
          assert.ok(end <= other.at || at >= other.at + PAGE_SIZES[other.size]!);
        }
        lent.push({ at, size: pick });
      }
      const bytes = lent.reduce((sum, page) => sum + PAGE_SIZES[page.size]!, 0);
      assert.equal(pages.usedBytes, bytes);
    }),
  );
});

test("a slab that is lent out refuses, counts it, and lends again what comes back", () => {
  const pages = new Pages(START, START + 2 * PAGE_SIZES[2]!);
  const first = pages.take(2);
  assert.ok(pages.take(2) > first);
  assert.equal(pages.take(2), -1);
  assert.equal(pages.take(0), -1);
  assert.equal(pages.refused, 2);
  pages.give(first, 2);
  assert.equal(pages.take(2), first);
});

test("after a rush for small pages there is room for large ones again, and the other way round", () => {
  const pages = new Pages(START, START + BYTES);
  for (const size of [0, 2, 1, 0, 2]) {
    const lent: number[] = [];
    for (let at = pages.take(size); at >= 0; at = pages.take(size)) lent.push(at);
    // Pages do not cross blocks, which are as large as the largest.
    const blocks = BYTES / PAGE_SIZES[2]!;
    assert.equal(lent.length, blocks * Math.floor(PAGE_SIZES[2]! / PAGE_SIZES[size]!));
    for (const at of lent) pages.give(at, size);
    assert.equal(pages.usedBytes, 0);
  }
});

test("the class for a number of bytes is the smallest that holds them", () => {
  assert.equal(classFor(0), 0);
  assert.equal(classFor(PAGE_SIZES[0]!), 0);
  assert.equal(classFor(PAGE_SIZES[0]! + 1), 1);
  assert.equal(classFor(PAGE_SIZES[2]!), 2);
  assert.equal(classFor(PAGE_SIZES[2]! + 1), -1);
});
