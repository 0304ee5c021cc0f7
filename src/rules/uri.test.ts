import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { textOf } from "#base/bytes.ts";
import { copyEscaped, copyPlain, PATH_BYTES, QUERY_BYTES } from "./uri.ts";

/** One character a byte, each that `keep` does not have as %XX. */
const naive = (bytes: Uint8Array, keep: RegExp): string =>
  textOf(bytes, 0, bytes.length).replace(/./gs, (c) =>
    keep.test(c) ? c : `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );

test("escaped ≡ naive, and never beyond the room there is", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat({ max: 130 }), (bytes, room) => {
      for (const [allowed, keep] of [
        [PATH_BYTES, /[\w\-.~!$&'()*+,;=:@/%]/],
        [QUERY_BYTES, /[\w\-.~!$&'()*+,;=:@/%?]/],
      ] as const) {
        const out = new Uint8Array(room + 1).fill(255);
        const end = copyEscaped(bytes, 0, bytes.length, allowed, out.subarray(0, room), 1);
        assert.equal(out[room], 255);
        const expected = naive(bytes, keep);
        if (end >= 0) assert.equal(textOf(out, 1, end), expected);
        else assert.ok(expected.length + 1 > room - 2, "refused although there was room");
      }
    }),
  );
});

test("copies can be chained: one that found no room fails the rest", () => {
  const bytes = Uint8Array.of(97, 98, 99);
  const out = new Uint8Array(4);
  assert.equal(copyPlain(bytes, 0, 3, out, 0), 3);
  assert.equal(copyPlain(bytes, 0, 3, out, 3), -1);
  assert.equal(copyPlain(bytes, 0, 0, out, -1), -1);
  assert.equal(copyEscaped(bytes, 0, 0, PATH_BYTES, out, -1), -1);
  assert.equal(textOf(out, 0, 3), "abc");
});
