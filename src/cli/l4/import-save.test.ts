import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ruleSets, saved } from "#kit/ipvs-rules.ts";

test("later lines change what earlier ones made", () => {
  assert.equal(
    saved(`
-A -t 192.0.2.9:80
-C
-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g
-E -t 192.0.2.1:80 -s sed
-e -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 5
-d -t 192.0.2.1:80 -r 10.0.0.1:80
-A -u 192.0.2.1:80
-D -u 192.0.2.1:80
`),
    "-A -t 192.0.2.1:80 -s sed\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 5\n",
  );
});

test("rules that are imported and saved are the same rules", () => {
  fc.assert(
    fc.property(ruleSets(["twos"]), (text) => {
      assert.equal(saved(text), text);
    }),
    { numRuns: 300 },
  );
});
