/**
 * Bytes of the corpus, damaged at random for a while, through every parser of src/http. A failure
 * prints the input; WEIR_FUZZ_SEED repeats a run, WEIR_FUZZ_MS makes it longer.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { latin1 } from "#base/bytes.ts";
import { createRandom, type Random } from "#base/clock.ts";
import { METHOD } from "#http/head.ts";
import { normalisePath, pathMeansTheSame } from "#http/path.ts";
import { parseRequest } from "#http/request-parser.ts";
import { parseResponse } from "#http/response-parser.ts";
import { decodePieces } from "#kit/http/chunks.ts";
import { below, damage } from "#kit/http/damage.ts";
import { naiveChunked } from "#kit/http/naive-chunked.ts";
import { naivePath } from "#kit/http/naive-path.ts";
import { naiveRequest } from "#kit/http/naive-request.ts";
import { naiveResponse } from "#kit/http/naive-response.ts";
import { head, LIMITS, place, readRequest, readResponse } from "#kit/http/read.ts";

const FOR_MS = Number(process.env["WEIR_FUZZ_MS"] ?? 1000);
const SEED = Number(process.env["WEIR_FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
const folder = new URL("./corpus/http/", import.meta.url);

const corpus = (kind: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.startsWith(`${kind}-`))
    .map((name) => readFileSync(new URL(name, folder), "latin1"));

/** Damaged members of the corpus through `check`, until the time is up; whole ones come first. */
function fuzz(t: TestContext, kind: string, check: (text: string, random: Random) => void): void {
  const texts = corpus(kind);
  const random = createRandom(SEED);
  const until = performance.now() + FOR_MS / 4;
  let inputs = 0;
  assert.ok(texts.length > 0, "the corpus is not there");
  for (let text = texts[0]!; inputs < texts.length || performance.now() < until; inputs++) {
    text = texts[inputs % texts.length]!;
    if (inputs >= texts.length) {
      const times = 1 + below(random, 4);
      for (let i = 0; i < times; i++) {
        text = damage(random, text, texts[below(random, texts.length)]!);
      }
    }
    try {
      check(text, random);
    } catch (error) {
      console.error(`WEIR_FUZZ_SEED=${SEED}, input ${inputs}: ${JSON.stringify(text)}`);
      throw error;
    }
  }
  t.diagnostic(`${kind}: ${inputs} inputs, seed ${SEED}`);
}

/**
 * A parser's word on the whole is its first word on any beginning that it does not call unfinished.
 */
function sameSplit(text: string, random: Random, parse: (end: number) => number): void {
  const whole = parse(text.length);
  for (let i = 0; i < 4; i++) {
    const part = parse(below(random, text.length + 1));
    assert.ok(part === 0 || part === whole, `${part} on a part, ${whole} on the whole`);
  }
}

test("requests", (t) => {
  fuzz(t, "request", (text, random) => {
    const bytes = place(text, 0, 0x0d);
    sameSplit(text, random, (end) => parseRequest(bytes, 0, end, head, LIMITS));
    const naive = naiveRequest(text, LIMITS);
    const fast = readRequest(text);
    if (naive === "more") assert.notEqual(typeof fast, "object");
    else assert.deepEqual(fast, naive);
  });
});

test("responses", (t) => {
  fuzz(t, "response", (text, random) => {
    const bytes = place(text, 0, 0x0d);
    sameSplit(text, random, (end) => parseResponse(bytes, 0, end, head, LIMITS, METHOD.GET));
    const naive = naiveResponse(text, LIMITS, false);
    const fast = readResponse(text);
    if (naive === "more") assert.notEqual(typeof fast, "object");
    else assert.deepEqual(fast, naive);
  });
});

test("chunked bodies", (t) => {
  fuzz(t, "chunked", (text, random) => {
    const whole = decodePieces(text, [], false);
    const cut = below(random, text.length + 1);
    const pieces = decodePieces(text, [cut], false);
    assert.equal(pieces.end, whole.end);
    const naive = naiveChunked(text);
    if (naive === "more") assert.equal(typeof whole.end, "string");
    else if (naive === "malformed") assert.equal(whole.end, "malformed");
    else assert.deepEqual([whole.end, whole.text], [naive.end, naive.content]);
    if (typeof whole.end !== "number") return;
    assert.deepEqual(pieces, whole);
    const relayed = decodePieces(text, [cut], true);
    assert.equal(naiveChunked(relayed.text) === "malformed", false);
    assert.equal(decodePieces(relayed.text, [], false).text, whole.text);
  });
});

test("paths", (t) => {
  fuzz(t, "path", (text) => {
    const bytes = latin1(text);
    const out = new Uint8Array(text.length);
    const end = normalisePath(bytes, 0, bytes.length, out, 0);
    const normal = end < 0 ? undefined : Buffer.from(out.subarray(0, end)).toString("latin1");
    assert.equal(normal, naivePath(text));
    if (normal !== undefined) assert.ok(pathMeansTheSame(out, 0, end));
    else assert.equal(pathMeansTheSame(bytes, 0, bytes.length), false);
  });
});
