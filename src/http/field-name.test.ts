import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { latin1 } from "#base/bytes.ts";
import { fieldId, fieldIdOrAlias } from "./field-name.ts";
import { FIELD, FIELD_NAMES } from "./head.ts";
import { NameTable } from "./name-table.ts";

const id = (name: string): number => fieldId(latin1(name), 0, name.length);
const idOrAlias = (name: string): number => fieldIdOrAlias(latin1(name), 0, name.length);

test("FIELD and FIELD_NAMES say the same", () => {
  assert.equal(Object.keys(FIELD).length, FIELD_NAMES.length);
  for (const [key, value] of Object.entries(FIELD)) {
    if (value !== FIELD.OTHER)
      assert.equal(FIELD_NAMES[value], key.toLowerCase().replaceAll("_", "-"));
  }
});

test("every known name is found, in any case, and nothing near it is", () => {
  for (const [expected, name] of FIELD_NAMES.entries()) {
    if (expected === FIELD.OTHER) continue;
    assert.equal(id(name), expected);
    assert.equal(id(name.toUpperCase()), expected);
    for (const other of [`${name}s`, `x${name}`, name.slice(1), name.slice(0, -1), `${name} `]) {
      assert.equal(id(other), Math.max(0, FIELD_NAMES.indexOf(other as "host")));
    }
    for (let i = 0; i < name.length; i++) {
      assert.equal(id(`${name.slice(0, i)}!${name.slice(i + 1)}`), 0);
    }
    if (name.includes("-")) {
      assert.equal(id(name.replace("-", "_")), 0);
      assert.equal(idOrAlias(name.replace("-", "_")), -expected);
    }
  }
  assert.equal(id(""), 0);
});

test("a name table ≡ a map, for any names it can be made of", () => {
  const name = fc.stringMatching(/^[a-z][a-z-]{1,18}$/);
  let made = 0;
  fc.assert(
    fc.property(
      fc.uniqueArray(name, { maxLength: 12 }),
      fc.array(name, { maxLength: 30 }),
      (known, others) => {
        const names = ["", ...known];
        const hashed = known.map((n) => n.length + n[0]! + n[n.length >> 1] + n.at(-2));
        fc.pre(new Set(hashed).size === known.length);
        const table = new NameTable(names);
        made++;
        for (const other of [...known, ...others]) {
          const found = table.find(latin1(other), 0, other.length);
          assert.equal(found, Math.max(0, names.indexOf(other)));
        }
      },
    ),
  );
  assert.ok(made > 50);
});

test("names the hash cannot tell apart are refused when the table is made", () => {
  assert.throws(() => new NameTable(["", "axcdefgh", "aycdefgh"]), /hash/);
});
