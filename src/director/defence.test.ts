import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { DropMode } from "#plan/plan.ts";
import { isShort } from "#plan/table-count.ts";
import { dropRate, isSecure, throwsOut } from "./defence.ts";

const rateAt = (count: number, dropPacket: "off" | "auto" | "always" = "auto"): number =>
  dropRate({ dropPacket, amDropRate: 10 }, { count, size: 1000 });

test("nothing is dropped unless it is wanted", () => {
  for (const count of [0, 900, 950, 1000]) {
    assert.equal(rateAt(count, "off"), 0);
    assert.equal(rateAt(count, "always"), 10);
  }
});

test("auto: the more, the fewer of the wanted tenth are free", () => {
  assert.equal(rateAt(900), 0);
  assert.equal(rateAt(910), 10);
  assert.equal(rateAt(925), 4);
  assert.equal(rateAt(950), 2);
  assert.equal(rateAt(1000), 2, "every other one gets through");
  assert.equal(rateAt(2000), 2);
});

test("auto: never fewer with a fuller table, in tables of any size", () => {
  const sizes = fc.integer({ min: 1024, max: 16_777_216 });
  fc.assert(
    fc.property(sizes, fc.double({ min: 0, max: 1, noNaN: true }), (size, share) => {
      const count = Math.floor(size * share);
      const rate = dropRate({ dropPacket: "auto", amDropRate: 1 }, { count, size });
      assert.equal(rate > 0, isShort({ count, size }));
      assert.ok(rate === 0 || (rate >= 2 && rate <= 0xffff_ffff && Number.isInteger(rate)));
    }),
  );
});

for (const [what, is] of [
  [
    "half-open connections are thrown out",
    (dropEntry: DropMode, count: number) => throwsOut({ dropEntry }, { count, size: 1000 }),
  ],
  [
    "TCP goes by the table for attacks",
    (secureTcp: DropMode, count: number) => isSecure({ secureTcp }, { count, size: 1000 }),
  ],
] as const) {
  test(`${what} while the table runs short, or always`, () => {
    assert.deepEqual(
      (["off", "auto", "always"] as const).map((mode) => [is(mode, 100), is(mode, 901)]),
      [
        [false, false],
        [false, true],
        [true, true],
      ],
    );
  });
}
