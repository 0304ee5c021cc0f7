import assert from "node:assert/strict";
import { test } from "node:test";
import { latin1 } from "#base/bytes.ts";
import { allocatedBytes } from "#kit/heap.ts";
import { head, LIMITS } from "#kit/http/read.ts";
import { REQUESTS, RESPONSES } from "#kit/http/samples.ts";
import { beginChunked, CHUNK_CELLS, ChunkOut, relayChunked } from "./chunked.ts";
import { DateLine } from "./date.ts";
import { METHOD } from "./head.ts";
import { normalisePath } from "./path.ts";
import { parseRequest } from "./request-parser.ts";
import { parseResponse } from "./response-parser.ts";
import { copyFields, writeDecimal, writeStatusLine } from "./serialise.ts";

const upload = "PUT /big HTTP/1.1\r\nHost: a\r\nContent-Length: 9007199254740991\r\n\r\n";
const requests = [...REQUESTS, upload].map(latin1);
const responses = RESPONSES.map(latin1);
const path = latin1("/a/../b%2e/c//d");
const chunks = latin1("5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n");
const body = new Uint8Array(64);
const out = new Uint8Array(8192);
const state = new Int32Array(CHUNK_CELLS);
const result = new ChunkOut();
const date = new DateLine();

/** One message of each kind through everything the hot path calls; a refused one among them. */
function once(turn: number): number {
  const request = requests[turn % requests.length]!;
  const response = responses[turn % responses.length]!;
  let sum = parseRequest(request, 0, request.length, head, LIMITS);
  sum += parseRequest(request, 1, request.length, head, LIMITS);
  sum += parseResponse(response, 0, response.length, head, LIMITS, METHOD.GET);
  sum += copyFields(response, head, out, writeDecimal(out, writeStatusLine(out, 0, 200), turn));
  sum += normalisePath(path, 0, path.length, out, 0);
  for (let i = 0; i < chunks.length; i++) body[i] = chunks[i]!;
  beginChunked(state, 0);
  sum += relayChunked(body, 0, chunks.length, 0, state, 0, result);
  return sum + date.at(turn * 700).length;
}

test("nothing is allocated for a message", () => {
  const turns = 100_000;
  let sum = 0;
  const run = () => {
    for (let turn = 0; turn < turns; turn++) sum += once(turn);
  };
  run();
  const bytes = allocatedBytes(run, turns);
  assert.ok(sum > 0);
  // A single number on the heap for each turn would be 12 bytes.
  assert.ok(bytes < turns, `${bytes} bytes for ${turns} turns of five messages`);
});
