import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteTable } from "./byte-table.ts";
import { latin1 } from "./bytes.ts";

test("finds exactly the keys it was made of, the first of equal ones", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", ".", "7"), maxLength: 5 });
  fc.assert(
    fc.property(fc.array(word, { maxLength: 60 }), fc.array(word), (keys, others) => {
      const table = new ByteTable(keys.map(latin1));
      for (const text of [...keys, ...others]) {
        const bytes = latin1(`#${text}#`);
        assert.equal(table.find(bytes, 1, bytes.length - 1), keys.indexOf(text));
        const upper = latin1(text.toUpperCase());
        assert.equal(table.findLower(upper, 0, upper.length), keys.indexOf(text));
      }
    }),
  );
});

test("an empty table finds nothing", () => {
  assert.equal(new ByteTable([]).find(latin1("a"), 0, 1), -1);
  assert.equal(new ByteTable([]).findLower(latin1(""), 0, 0), -1);
});
