import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mutated } from "#kit/http/mutate.ts";
import { naiveRequest } from "#kit/http/naive-request.ts";
import { naiveResponse } from "#kit/http/naive-response.ts";
import { head, LIMITS, place, readRequest, readResponse } from "#kit/http/read.ts";
import { REQUESTS, RESPONSES } from "#kit/http/samples.ts";
import { METHOD } from "./head.ts";
import { parseRequest } from "./request-parser.ts";
import { parseResponse } from "./response-parser.ts";

const RUNS = { numRuns: 3000 };

type Parse = (bytes: Uint8Array, from: number, end: number) => number;
const request: Parse = (bytes, from, end) => parseRequest(bytes, from, end, head, LIMITS);
const response: Parse = (bytes, from, end) =>
  parseResponse(bytes, from, end, head, LIMITS, METHOD.GET);

/** The naive twin judges whole lines only: where it waits for more, the parser may know better. */
function agree(fast: unknown, naive: unknown): void {
  if (naive !== "more") assert.deepEqual(fast, naive);
  else assert.ok(fast === "more" || typeof fast === "number", "accepted without an end");
}

test("requests: fast ≡ naive", () => {
  let accepted = 0;
  fc.assert(
    fc.property(mutated(REQUESTS), (text) => {
      const fast = readRequest(text);
      if (typeof fast === "object") accepted++;
      agree(fast, naiveRequest(text, LIMITS));
    }),
    RUNS,
  );
  assert.ok(accepted > 100, `only ${accepted} of the samples were still right`);
});

const encoding = fc.constantFrom(..."% %0 %00 %4 %41 %zz %2f / a 0 ? http://a HTTP".split(" "));
/** Targets of about as many bytes as are allowed: where encodings end inside the limit, and not. */
const encodedTarget = fc
  .tuple(fc.array(encoding, { minLength: 1, maxLength: 8 }), fc.constantFrom("/", "http://a/", ""))
  .map(([pieces, start]) => `GET ${start}${pieces.join("")} HTTP/1.1\r\nHost: a\r\n\r\n`);
const SHORT = { ...LIMITS, uriBytes: 16 };

test("encodings in the path and the limit of the target: fast ≡ naive, however split", () => {
  const statuses = new Map<unknown, number>();
  fc.assert(
    fc.property(encodedTarget, (text) => {
      const fast = readRequest(text, SHORT);
      const key = typeof fast === "object" ? 200 : fast;
      statuses.set(key, (statuses.get(key) ?? 0) + 1);
      agree(fast, naiveRequest(text, SHORT));
      splitInvariant((bytes, from, end) => parseRequest(bytes, from, end, head, SHORT), text);
    }),
    RUNS,
  );
  for (const status of [200, 400, 414]) assert.ok(statuses.get(status)! > 20, `${status}`);
});

test("responses: fast ≡ naive", () => {
  let accepted = 0;
  fc.assert(
    fc.property(mutated(RESPONSES), fc.boolean(), (text, headRequest) => {
      const fast = readResponse(text, headRequest);
      if (typeof fast === "object") accepted++;
      agree(fast, naiveResponse(text, LIMITS, headRequest));
    }),
    RUNS,
  );
  assert.ok(accepted > 100, `only ${accepted} of the samples were still right`);
});

/** Once a parser has said anything but "more", more bytes never change it. */
function splitInvariant(parse: Parse, text: string): void {
  const bytes = place(text, 0, 0x0d);
  let first = 0;
  for (let end = 0; end <= text.length; end++) {
    const result = parse(bytes, 0, end);
    if (first === 0) first = result;
    else assert.equal(result, first, `differs at byte ${end} of ${JSON.stringify(text)}`);
  }
}

test("what is said of a head does not depend on how its bytes were split", () => {
  const property = (parse: Parse, samples: readonly string[]) =>
    fc.assert(
      fc.property(mutated(samples), (text) => splitInvariant(parse, text)),
      { numRuns: 300 },
    );
  property(request, REQUESTS);
  property(response, RESPONSES);
});

test("no byte behind the end is looked at", () => {
  const fillers = [0x0d, 0x0a, 0x20, 0x30, 0x3a, 0x5d, 0x00];
  const property = (parse: Parse, samples: readonly string[]) =>
    fc.assert(
      fc.property(mutated(samples), fc.nat(400), (text, cut) => {
        const seen = text.slice(0, Math.max(0, text.length - cut));
        const alone = parse(place(seen, 0, 0).slice(0, seen.length), 0, seen.length);
        for (const filler of fillers) {
          assert.equal(parse(place(seen, 0, filler), 0, seen.length), alone);
        }
      }),
      { numRuns: 500 },
    );
  property(request, REQUESTS);
  property(response, RESPONSES);
});
