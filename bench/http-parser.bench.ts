import { latin1 } from "#base/bytes.ts";
import { beginChunked, CHUNK_CELLS, ChunkOut, relayChunked } from "#http/chunked.ts";
import { Head, METHOD } from "#http/head.ts";
import { normalisePath } from "#http/path.ts";
import { parseRequest } from "#http/request-parser.ts";
import { parseResponse } from "#http/response-parser.ts";
import { copyFields } from "#http/serialise.ts";
import { microBench, type Operation } from "./kit/micro.ts";

const LIMITS = { headBytes: 16_384, headers: 100, uriBytes: 8192 };

const crlf = (...lines: string[]): string => `${lines.join("\r\n")}\r\n\r\n`;

const WRK = crlf("GET /index.html HTTP/1.1", "Host: 127.0.0.1:8080");
const CURL = crlf(
  "GET /index.html HTTP/1.1",
  "Host: 127.0.0.1:8080",
  "User-Agent: curl/8.5.0",
  "Accept: */*",
);
const BROWSER = crlf(
  "GET /assets/app.css?v=17 HTTP/1.1",
  "Host: www.example.com",
  "Connection: keep-alive",
  'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"',
  "sec-ch-ua-mobile: ?0",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0",
  "Accept: text/css,*/*;q=0.1",
  "Sec-Fetch-Site: same-origin",
  "Sec-Fetch-Mode: no-cors",
  "Sec-Fetch-Dest: style",
  "Referer: https://www.example.com/",
  "Accept-Encoding: gzip, deflate, br",
  "Accept-Language: en-GB,en;q=0.9",
  "Cookie: session=0123456789abcdef; theme=dark",
  'If-None-Match: "5e8c-1f2"',
);
const ANSWER = crlf(
  "HTTP/1.1 200 OK",
  "Server: nginx",
  "Date: Sun, 06 Nov 1994 08:49:37 GMT",
  "Content-Type: text/html",
  "Content-Length: 1024",
  "Last-Modified: Sun, 06 Nov 1994 08:00:00 GMT",
  "Connection: keep-alive",
  'ETag: "5e8c-400"',
  "Accept-Ranges: bytes",
);

const head = new Head(LIMITS.headers);
const out = new Uint8Array(65_536);

function forRequest(text: string): () => number {
  const bytes = latin1(text);
  return () => parseRequest(bytes, 0, bytes.length, head, LIMITS);
}

function forAnswer(): () => number {
  const bytes = latin1(ANSWER);
  return () => parseResponse(bytes, 0, bytes.length, head, LIMITS, METHOD.GET);
}

/** Parses once, then copies the fields within one array, as the proxy does inside its arena. */
function forCopy(text: string): () => number {
  const bytes = new Uint8Array(65_536);
  bytes.set(latin1(text));
  const own = new Head(LIMITS.headers);
  parseRequest(bytes, 0, text.length, own, LIMITS);
  return () => copyFields(bytes, own, bytes, 32_768);
}

function forChunks(): () => number {
  const bytes = latin1(`${`400\r\n${"x".repeat(1024)}\r\n`.repeat(16)}0\r\n\r\n`);
  const state = new Int32Array(CHUNK_CELLS);
  const result = new ChunkOut();
  return () => {
    beginChunked(state, 0);
    return relayChunked(bytes, 0, bytes.length, 0, state, 0, result);
  };
}

function forPath(): () => number {
  const bytes = latin1("/assets/2024/../css/%61pp.css");
  return () => normalisePath(bytes, 0, bytes.length, out, 0);
}

function operation(name: string, call: () => number, mostNs?: number): Operation {
  const run = (count: number): number => {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const result = call();
      if (result <= 0) throw new Error(`the sample of "${name}" was refused`);
      sum += result;
    }
    return sum;
  };
  return mostNs === undefined ? { name, run } : { name, run, mostNs };
}

export const bench = microBench("http-parser", "HTTP/1.1: heads, chunks, paths", () => [
  operation(`request of wrk, ${WRK.length} bytes`, forRequest(WRK), 1500),
  operation(`request of curl, ${CURL.length} bytes`, forRequest(CURL), 1500),
  operation(`request of a browser, ${BROWSER.length} bytes`, forRequest(BROWSER), 4000),
  operation(`response of nginx, ${ANSWER.length} bytes`, forAnswer(), 4000),
  operation("copy a browser's fields", forCopy(BROWSER)),
  operation("relay 16 chunks of 1 KiB", forChunks()),
  operation("normalise a path", forPath()),
]);
