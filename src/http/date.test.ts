import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { textOf } from "#base/bytes.ts";
import { DateLine, writeDate } from "./date.ts";

const dateOf = (wallMs: number): string => {
  const out = new Uint8Array(40).fill(0x2e);
  const end = writeDate(out, 2, wallMs);
  assert.equal(out[end], 0x2e);
  return textOf(out, 2, end);
};

test("dates are those of JavaScript, from 1970 to 9999", () => {
  const last = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
  const check = (wallMs: number) => assert.equal(dateOf(wallMs), new Date(wallMs).toUTCString());
  for (const wallMs of [0, 999, 784_111_777_000, last]) check(wallMs);
  for (let year = 1970; year <= 2400; year++) {
    for (const [month, day] of [
      [0, 1],
      [1, 28],
      [1, 29],
      [2, 1],
      [11, 31],
    ] as const) {
      check(Date.UTC(year, month, day));
    }
  }
  fc.assert(fc.property(fc.integer({ min: 0, max: last }), check), { numRuns: 2000 });
});

test("the line changes with the second and not before", () => {
  const line = new DateLine();
  const text = (wallMs: number) => textOf(line.at(wallMs), 0, 37);
  assert.equal(text(0), "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
  assert.equal(text(999), "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
  assert.equal(text(1000.5), "Date: Thu, 01 Jan 1970 00:00:01 GMT\r\n");
  assert.equal(text(784_111_777_123), "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
  assert.equal(text(0), "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
});
