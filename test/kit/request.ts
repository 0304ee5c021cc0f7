import assert from "node:assert/strict";
import { latin1 } from "#base/bytes.ts";
import { parseIp } from "#base/ip.ts";
import { Head } from "#http/head.ts";
import { parseRequest } from "#http/request-parser.ts";
import { View } from "#rules/view.ts";

const LIMITS = { headBytes: 65_536, headers: 100, uriBytes: 16_384 };

/**
 * A request as rules see it: `GET /path`, then header lines. A Host is added when there is none; an empty
 * one stands for HTTP/1.0 without Host.
 */
export function viewOf(line: string, headers: readonly string[] = [], source = "192.0.2.1"): View {
  const named = headers.some((header) => /^host:/i.test(header));
  const version = headers.includes("Host:") ? "1.0" : "1.1";
  const lines = (named ? headers : ["Host: example.com", ...headers])
    .filter((header) => header !== "Host:")
    .map((header) => `${header}\r\n`);
  const bytes = latin1(`${line} HTTP/${version}\r\n${lines.join("")}\r\n`);
  const head = new Head(LIMITS.headers);
  const end = parseRequest(bytes, 0, bytes.length, head, LIMITS);
  assert.equal(end, bytes.length, `the parser refused ${JSON.stringify(line)}`);
  const view = new View(head, LIMITS.uriBytes);
  view.fill(bytes, head, parseIp(source)!, 0);
  return view;
}
