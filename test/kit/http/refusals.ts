import assert from "node:assert/strict";
import { test } from "node:test";

/**
 * A message that must be refused. `▮` stands behind the byte that decides: with all bytes before it
 * the message is refused whatever follows, with one byte less it could still become right.
 */
export type Refusal = readonly [why: string, text: string];

/** One test a case; `parse` gives the refusal's name, or "more", or the end of the head. */
export function refuses(
  name: string,
  cases: readonly Refusal[],
  parse: (text: string) => string | number,
): void {
  for (const [why, marked] of cases) {
    test(`${name}: ${why}`, () => {
      const at = marked.indexOf("▮");
      assert.ok(at > 0 && at === marked.lastIndexOf("▮"), "one ▮ in each case");
      const text = marked.replace("▮", "");
      assert.equal(parse(text.slice(0, at - 1)), "more", "refused too early");
      assert.equal(parse(text.slice(0, at)), name, "not refused as soon as it could be");
      assert.equal(parse(text), name);
    });
  }
}
