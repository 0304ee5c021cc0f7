import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { latin1 } from "#base/bytes.ts";
import { naiveHost } from "#kit/http/naive-message.ts";
import { isHost } from "./host.ts";

const check = (text: string): boolean => isHost(latin1(text), 0, text.length);

test("fast ≡ naive on addresses, names and what looks like them", () => {
  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(":", "::", ".", "[", "]", "%", "@", "-", "_", "/") },
    fc.ipV4(),
    fc.ipV6(),
    fc.domain(),
    fc.nat(70_000).map(String),
    fc.nat(0x1ffff).map((n) => n.toString(16)),
  );
  const host = fc.oneof(
    fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join("")),
    fc.array(piece, { maxLength: 12 }).map((pieces) => `[${pieces.join("")}]`),
    fc.ipV6().map((ip) => `[${ip}]`),
    fc.tuple(fc.ipV6(), fc.nat(99_999)).map(([ip, port]) => `[${ip}]:${port}`),
    fc.tuple(fc.domain(), fc.nat(99_999)).map(([name, port]) => `${name}:${port}`),
  );
  fc.assert(
    fc.property(host, (text) => assert.equal(check(text), naiveHost(text))),
    { numRuns: 5000 },
  );
});

test("bytes behind the end never make it right or wrong", () => {
  for (const text of ["[1:2:3:4:5:6:1.2.3.4]:8080", "[1::]:80", "a.b-c.:80", "10.0.0.1:65535"]) {
    const whole = latin1(text);
    for (let to = 0; to <= text.length; to++) {
      assert.equal(isHost(whole, 0, to), naiveHost(text.slice(0, to)), text.slice(0, to));
    }
  }
});
