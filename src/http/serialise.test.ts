import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { latin1, textOf } from "#base/bytes.ts";
import { mutated } from "#kit/http/mutate.ts";
import { LIMITS, readRequest } from "#kit/http/read.ts";
import { REQUESTS } from "#kit/http/samples.ts";
import { FIELD, FIELD_NAMES, FIELD_WORDS, Head } from "./head.ts";
import { parseRequest } from "./request-parser.ts";
import {
  copyBytes,
  copyFields,
  lineEnd,
  writeChunkHeader,
  writeDecimal,
  writeHex,
  writeStatusLine,
} from "./serialise.ts";

type Writer = (out: Uint8Array, at: number, value: number) => number;

/** What a writer writes; bytes around it must stay as they were. */
function written(write: Writer, value: number): string {
  const out = new Uint8Array(80).fill(0x2e);
  const end = write(out, 3, value);
  assert.equal(textOf(out, 0, 3), "...");
  assert.equal(out[end], 0x2e);
  return textOf(out, 3, end);
}

const EDGES = [0, 1, 9, 10, 15, 16, 99, 100, 255, 256, 4096, 65_535, 2 ** 31, 2 ** 32, 2 ** 53 - 1];

test("numbers are written as JavaScript would", () => {
  const check = (value: number) => {
    assert.equal(written(writeDecimal, value), String(value));
    assert.equal(written(writeHex, value), value.toString(16));
    assert.equal(written(writeChunkHeader, value), `${value.toString(16)}\r\n`);
  };
  for (const value of EDGES) check(value);
  for (let power = 1; power < 2 ** 53; power *= 10) check(power - 1);
  for (let power = 1; power < 2 ** 53; power *= 16) check(power - 1);
  fc.assert(fc.property(fc.maxSafeNat(), check));
});

test("status lines carry the registered reason, or none", () => {
  assert.equal(written(writeStatusLine, 200), "HTTP/1.1 200 OK\r\n");
  assert.equal(written(writeStatusLine, 413), "HTTP/1.1 413 Content Too Large\r\n");
  assert.equal(written(writeStatusLine, 599), "HTTP/1.1 599 \r\n");
});

test("bytes are copied to another array, and within one also where they overlap", () => {
  const bytes = latin1("abcdefgh");
  const other = new Uint8Array(8);
  assert.equal(copyBytes(bytes, 1, 4, other, 2), 5);
  assert.deepEqual([...other], [0, 0, 98, 99, 100, 0, 0, 0]);
  assert.equal(copyBytes(bytes, 0, 6, bytes, 2), 8);
  assert.equal(textOf(bytes, 0, 8), "ababcdef");
});

function copied(text: string, skip?: Uint8Array, drop: readonly number[] = []): string {
  const bytes = latin1(text);
  const head = new Head(LIMITS.headers);
  assert.ok(parseRequest(bytes, 0, bytes.length, head, LIMITS) > 0);
  for (const index of drop) head.hop[index] = 1;
  const out = new Uint8Array(text.length + 8);
  const end = copyFields(bytes, head, out, 4, skip);
  // Within one array, as the proxy does it.
  const arena = new Uint8Array(2 * text.length + 8);
  arena.set(bytes);
  const arenaEnd = copyFields(arena, head, arena, text.length, skip);
  assert.equal(textOf(arena, text.length, arenaEnd), textOf(out, 4, end));
  return textOf(out, 4, end);
}

const HEAD =
  "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nConnection: x\r\nB:  2 \t\r\nC:\r\nX: 3\r\nVia: 4 \r\n\r\n";

test("fields that may be forwarded are copied line by line as they came", () => {
  assert.equal(copied(HEAD), "Host: a\r\nA: 1\r\nB:  2 \t\r\nC:\r\nVia: 4 \r\n");
});

test("fields are left out by id and by their own mark", () => {
  const skip = new Uint8Array(FIELD_NAMES.length);
  skip[FIELD.HOST] = 1;
  skip[FIELD.VIA] = 1;
  assert.equal(copied(HEAD, skip), "A: 1\r\nB:  2 \t\r\nC:\r\n");
  assert.equal(copied(HEAD, skip, [1, 3, 4]), "");
  assert.equal(copied("GET / HTTP/1.0\r\n\r\n"), "");
});

test("a copied head parses to the same fields", () => {
  fc.assert(
    fc.property(mutated(REQUESTS), (text) => {
      const read = readRequest(text);
      if (typeof read !== "object") return;
      const start = `${read.method} ${read.target} HTTP/1.1\r\n`;
      const again = readRequest(`${start}${copied(text)}${read.host ? "" : "Host: h\r\n"}\r\n`);
      assert.ok(typeof again === "object", `what we send is refused: ${again}`);
      // Trailer stays only where the framing does, which is not copied.
      const ours = read.fields.filter((field) => !field.hop && field.name !== "Trailer");
      const theirs = again.fields.filter((field) => field.name !== "Trailer");
      assert.deepEqual(theirs.slice(0, ours.length), ours);
    }),
  );
});

test("a line ends behind its CRLF", () => {
  const bytes = latin1(HEAD);
  const head = new Head(8);
  parseRequest(bytes, 0, bytes.length, head, LIMITS);
  for (let i = 0; i < head.count; i++) {
    const from = head.fields[i * FIELD_WORDS]!;
    assert.equal(lineEnd(bytes, head, i), HEAD.indexOf("\r\n", from) + 2);
  }
});
