import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { latin1, textOf } from "#base/bytes.ts";
import { type Decoded, decodePieces } from "#kit/http/chunks.ts";
import { naiveChunked } from "#kit/http/naive-chunked.ts";
import { type Refusal, refuses } from "#kit/http/refusals.ts";
import { beginChunked, CHUNK_CELLS, ChunkOut, decodeChunked, relayChunked } from "./chunked.ts";

const decode = (text: string, cuts: readonly number[] = []) => decodePieces(text, cuts, false);
const relay = (text: string, cuts: readonly number[] = []) => decodePieces(text, cuts, true);
const verdict = (text: string) => decode(text).end;

const sizes: readonly Refusal[] = [
  ["no size", "\r▮\n"],
  ["an extension without size", ";▮a\r\n"],
  ["a space before the size", " ▮5\r\nhello\r\n"],
  ["a space after the size", "5 ▮\r\nhello\r\n"],
  ["HTAB after the size", "5\t▮\r\nhello\r\n"],
  ["a prefix", "0x▮5\r\nhello\r\n"],
  ["a sign", "+▮5\r\nhello\r\n"],
  ["an underscore", "5_▮0\r\nhello\r\n"],
  ["a letter beyond f", "5g▮\r\nhello\r\n"],
  ["a comma", "5,▮5\r\nhello\r\n"],
  ["NUL", "5\0▮\r\nhello\r\n"],
  ["17 digits", `${"0".repeat(16)}5▮\r\nhello\r\n`],
  ["a size of 2⁵³", "20000000000000▮\r\n"],
  ["a size of 2⁶⁴ - 1", "ffffffffffffff▮ff\r\n"],
  ["a bare LF after the size", "5\n▮hello\r\n"],
  ["a bare CR after the size", "5\rh▮ello\r\n"],
  ["CR CR LF after the size", "5\r\r▮\nhello\r\n"],
  ["data longer than its size", "5\r\nhellox▮\r\n0\r\n\r\n"],
  ["a bare LF after the data", "5\r\nhello\n▮0\r\n\r\n"],
  ["a bare CR after the data", "5\r\nhello\r0▮\r\n\r\n"],
  ["nothing after the data", "5\r\nhello0▮\r\n\r\n"],
  ["a bare LF after the last chunk", "0\n▮\n"],
  ["a bare LF at the very end", "0\r\n\n▮"],
  ["a bare CR at the very end", "0\r\n\rX▮"],
];

const extensions: readonly Refusal[] = [
  ["a bare semicolon", "5;\r▮\nhello\r\n"],
  ["two semicolons", "5;;▮a\r\nhello\r\n"],
  ["a space before the semicolon", "5 ▮;a\r\nhello\r\n"],
  ["a space after the semicolon", "5; ▮a\r\nhello\r\n"],
  ["a space after the name", "5;a ▮\r\nhello\r\n"],
  ["no name", "5;=▮b\r\nhello\r\n"],
  ["no value", "5;a=\r▮\nhello\r\n"],
  ["a space before the value", "5;a= ▮b\r\nhello\r\n"],
  ["a bad byte in the name", "5;a/▮\r\nhello\r\n"],
  ["a bad byte in the value", "5;a=b@▮\r\nhello\r\n"],
  ["NUL in quotes", '5;a="\0▮"\r\nhello\r\n'],
  ["CR in quotes", '5;a="\r▮\n"\r\nhello\r\n'],
  ["LF in quotes", '5;a="\n▮"\r\nhello\r\n'],
  ["CR behind a backslash", '5;a="\\\r▮\n"\r\nhello\r\n'],
  ["text after quotes", '5;a="b"c▮\r\nhello\r\n'],
  ["a bare LF in the extension", "5;a\n▮hello\r\n"],
  ["4 KiB of it", `5;${"a".repeat(4096)}\r▮\nhello\r\n`],
  ["4 KiB of it in all", `${`1;${"a".repeat(1023)}\r\nx\r\n`.repeat(4)}1;a▮\r\nx\r\n`],
];

const trailers: readonly Refusal[] = [
  ["a space before the colon", "0\r\nX ▮: y\r\n\r\n"],
  ["white space first", "0\r\n ▮X: y\r\n\r\n"],
  ["obs-fold", "0\r\nX: y\r\n ▮z\r\n\r\n"],
  ["no name", "0\r\n:▮ y\r\n\r\n"],
  ["no colon", "0\r\nGET ▮/ HTTP/1.1\r\n\r\n"],
  ["NUL in the value", "0\r\nX: \0▮\r\n\r\n"],
  ["a bare LF", "0\r\nX: y\n▮\r\n"],
  ["65 of them", `0\r\n${"X: y\r\n".repeat(64)}X▮: y\r\n\r\n`],
  ["4 KiB of them", `0\r\nX: ${"y".repeat(4092)}y▮\r\n\r\n`],
];

refuses("malformed", [...sizes, ...extensions, ...trailers], verdict);

test("content comes out, framing stays behind", () => {
  const text = "5\r\nhello\r\n00A\r\n, worldly!\r\n0\r\n\r\nGET / HTTP/1.1";
  assert.deepEqual(decode(text), { text: "hello, worldly!", trailers: "", end: 32, payload: 15 });
});

test("extensions are checked and taken off", () => {
  const text = '1;a;b=c;d="e;\\"\xff\t";f\r\nx\r\n0;last\r\n\r\n';
  assert.partialDeepStrictEqual(decode(text), { text: "x", end: text.length });
  assert.partialDeepStrictEqual(relay(text), { text: "1\r\nx\r\n0\r\n\r\n", payload: 1 });
});

test("an empty body", () => {
  assert.deepEqual(decode("0\r\n\r\n"), { text: "", trailers: "", end: 5, payload: 0 });
  assert.equal(relay("000\r\n\r\n").text, "000\r\n\r\n");
});

test("only trailers that may come last are let through", () => {
  const forbidden = [
    ..."Content-Length Transfer-Encoding Host Connection TE Trailer Authorization Cookie".split(
      " ",
    ),
    ..."Set-Cookie Expect X-Forwarded-For Forwarded Upgrade Cache-Control Content-Type".split(" "),
    ..."Content-Encoding Content-Range Range If-Match Max-Forwards WWW-Authenticate".split(" "),
    ..."content_length X_Forwarded_For if_match Proxy-Authorization Location Date Vary".split(" "),
  ];
  const lines = forbidden.map((name) => `${name}: 1\r\n`).join("");
  const text = `1\r\nx\r\n0\r\nX-Sum: 1\r\n${lines}Digest:\t2 \r\n${lines}Server-Timing: 3\r\n\r\n`;
  const allowed = "X-Sum: 1\r\nDigest:\t2 \r\nServer-Timing: 3\r\n";
  assert.deepEqual(decode(text), { text: "x", trailers: allowed, end: text.length, payload: 1 });
  assert.equal(relay(text).text, `1\r\nx\r\n0\r\n${allowed}\r\n`);
});

test("a chunk greater than 4 GiB is counted to its end", () => {
  const state = new Int32Array(CHUNK_CELLS);
  const out = new ChunkOut();
  const bytes = new Uint8Array(1 << 20);
  bytes.set(latin1("100000003\r\n"));
  const first = decodeChunked(bytes, 0, bytes.length, 0, state, 0, out);
  let left = 0x1_0000_0003 - first;
  while (left > bytes.length) {
    left -= decodeChunked(bytes, 0, bytes.length, 0, state, 0, out);
    assert.equal(out.consumed, bytes.length);
  }
  bytes.set(latin1("\r\n0\r\n\r\n"), left);
  assert.equal(decodeChunked(bytes, 0, bytes.length, 0, state, 0, out), left);
  assert.ok(out.done);
  assert.equal(out.consumed, left + 7);
});

test("the greatest size is taken", () => {
  const state = new Int32Array(CHUNK_CELLS);
  const bytes = latin1("1fffffffffffff\r\nab");
  assert.equal(decodeChunked(bytes, 0, bytes.length, 0, state, 0, new ChunkOut()), 2);
});

test("a body that is done takes nothing more", () => {
  const state = new Int32Array(CHUNK_CELLS);
  const out = new ChunkOut();
  const bytes = latin1("0\r\n\r\n5\r\nhello\r\n");
  decodeChunked(bytes, 0, bytes.length, 0, state, 0, out);
  assert.equal(decodeChunked(bytes, out.consumed, bytes.length, 0, state, 0, out), 0);
  assert.deepEqual([out.done, out.consumed], [true, 5]);
  beginChunked(state, 0);
  assert.equal(relayChunked(bytes, 5, bytes.length, 5, state, 0, out), 10);
  assert.equal(textOf(bytes, 5, 15), "5\r\nhello\r\n");
});

const extension = fc.constantFrom("", ";a", ";a=b", ';a="b\\" ;"', ";a;b=c");
const chunk = fc.tuple(fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 40 }), extension);
const trailer = fc.constantFrom("X-A: b\r\n", "Host: b\r\n", "x-c:\r\n", "Content-Length: 5\r\n");
const body = fc
  .tuple(fc.array(chunk, { maxLength: 6 }), extension, fc.array(trailer, { maxLength: 3 }))
  .map(([chunks, last, lines]) => {
    const framed = chunks.map(([data, ext]) => `${data.length.toString(16)}${ext}\r\n${data}\r\n`);
    return `${framed.join("")}0${last}\r\n${lines.join("")}\r\n`;
  });
const junk = fc.constantFrom(
  "\r\n",
  "\r",
  "\n",
  "0",
  "5",
  ";",
  " ",
  '"',
  "\\",
  "f",
  ":",
  "\0",
  "X: y\r\n",
);
const damaged = fc
  .tuple(body, fc.array(fc.tuple(fc.nat(9999), junk, fc.nat(2)), { maxLength: 2 }))
  .map(([text, edits]) =>
    edits.reduce((t, [place, piece, cut]) => {
      const at = Math.floor((place / 10_000) * (t.length + 1));
      return t.slice(0, at) + piece + t.slice(at + cut);
    }, text),
  );
const cutsOf = (text: string, places: readonly number[]) =>
  places.map((n) => Math.floor((n / 10_000) * text.length)).sort((a, b) => a - b);
const places = fc.array(fc.nat(9999), { maxLength: 8 });

/** Both agree on the end and the content, as far as the naive twin has an opinion. */
function agree(fast: Decoded, text: string): void {
  const naive = naiveChunked(text);
  if (naive === "more") assert.ok(fast.end === "more" || fast.end === "malformed");
  else if (naive === "malformed") assert.equal(fast.end, "malformed");
  else assert.deepEqual([fast.end, fast.text], [naive.end, naive.content]);
}

test("fast ≡ naive, and no split changes what comes out", () => {
  let done = 0;
  fc.assert(
    fc.property(damaged, places, (text, where) => {
      const whole = decode(text);
      if (typeof whole.end === "number") done++;
      agree(whole, text);
      const cuts = cutsOf(text, where);
      const pieces = decode(text, cuts);
      assert.equal(pieces.end, whole.end);
      if (whole.end !== "malformed") assert.deepEqual(pieces, whole);
    }),
    { numRuns: 3000 },
  );
  assert.ok(done > 300, `only ${done} bodies were right`);
});

test("a relayed body is the same body, canonical, and stays as it is when relayed again", () => {
  fc.assert(
    fc.property(body, places, (text, where) => {
      const once = relay(text, cutsOf(text, where));
      const whole = decode(text);
      assert.equal(once.end, text.length);
      assert.ok(once.text.length <= text.length);
      assert.ok(!once.text.includes("Host") && !/^[0-9a-f]+;/m.test(once.text.split("\r\n")[0]!));
      assert.deepEqual(decode(once.text), { ...whole, end: once.text.length });
      assert.equal(relay(once.text).text, once.text);
    }),
    { numRuns: 1000 },
  );
});

test("every split at one byte and into single bytes", () => {
  const text = '5;a="b"\r\nhello\r\n3\r\n\r\n0\r\n0\r\nX-A: 1\r\nHost: x\r\n\r\nrest';
  const whole = decode(text);
  const relayed = relay(text);
  assert.equal(whole.end, text.length - 4);
  for (let cut = 0; cut <= text.length; cut++) {
    assert.deepEqual(decode(text, [cut]), whole);
    assert.deepEqual(relay(text, [cut]), relayed);
  }
  const all = Array.from(text, (_, i) => i);
  assert.deepEqual(decode(text, all), whole);
  assert.deepEqual(relay(text, all), relayed);
});
