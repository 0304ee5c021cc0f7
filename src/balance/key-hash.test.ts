import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { latin1 } from "#base/bytes.ts";
import { hashText } from "#base/hash.ts";
import { parseIp } from "#base/ip.ts";
import { NO_KEY, queryKey, sourceKey, uriKey, valueKey } from "./key-hash.ts";

const keyOf = (text: string | undefined): number =>
  text === undefined || text === "" ? NO_KEY : hashText(text) >>> 1;
const padded = (text: string) => ({ bytes: latin1(`<<${text}>>`), from: 2, to: 2 + text.length });

const uri = (text: string, depth = 0, length = 0): number => {
  const { bytes, from, to } = padded(text);
  return uriKey(bytes, from, to, depth, length);
};
const query = (text: string, name: string): number => {
  const { bytes, from, to } = padded(text);
  return queryKey(bytes, from, to, latin1(name));
};

test("keys lie in [0, 2³¹); an empty value has none", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
      const key = valueKey(bytes, 0, bytes.length);
      assert.ok(Number.isInteger(key) && key >= 0 && key < 2 ** 31);
    }),
  );
  assert.equal(valueKey(new Uint8Array(9), 4, 4), NO_KEY);
});

test("a client's key is that of its address, wherever it stands", () => {
  const bytes = new Uint8Array(40);
  bytes.set(parseIp("203.0.113.7")!, 11);
  assert.equal(sourceKey(bytes, 11), sourceKey(parseIp("::ffff:203.0.113.7")!, 0));
  assert.notEqual(sourceKey(bytes, 11), sourceKey(parseIp("203.0.113.8")!, 0));
});

test("depth and length cut the path, whichever comes first", () => {
  const path = "/shop/cart/item/7";
  const known = [
    [uri(path), path],
    [uri(path, 1), "/shop"],
    [uri(path, 2), "/shop/cart"],
    [uri(path, 4), path],
    [uri(path, 9), path],
    [uri(path, 0, 3), "/sh"],
    [uri(path, 0, 99), path],
    [uri(path, 2, 7), "/shop/c"],
    [uri(path, 1, 7), "/shop"],
    [uri("/", 1), "/"],
    [uri("*", 1), "*"],
    [uri("", 1, 1), ""],
  ] as const;
  for (const [key, text] of known) assert.equal(key, keyOf(text), text);
});

test("the value of the first parameter of that name", () => {
  const known = [
    ["id=7", "id", "7"],
    ["a=1&id=7&id=8", "id", "7"],
    ["xid=1&ID=2&id=3", "id", "3"],
    ["id=a=b", "id", "a=b"],
    ["id=%37", "id", "%37"],
    ["id=", "id", undefined],
    ["id", "id", undefined],
    ["id&id=4", "id", "4"],
    ["&&id=7&", "id", "7"],
    ["i=7", "id", undefined],
    ["", "id", undefined],
  ] as const;
  for (const [text, name, value] of known) assert.equal(query(text, name), keyOf(value), text);
});

test("queries: the same as splitting the text", () => {
  const part = fc.string({ unit: fc.constantFrom("a", "b", "=", "&", "%"), maxLength: 12 });
  fc.assert(
    fc.property(part, fc.constantFrom("a", "b", "ab", "a%"), (text, name) => {
      const found = text.split("&").find((pair) => pair.startsWith(`${name}=`));
      assert.equal(query(text, name), keyOf(found?.slice(name.length + 1)));
    }),
  );
});
