import assert from "node:assert/strict";
import { latin1 } from "#base/bytes.ts";
import { parseIp } from "#base/ip.ts";
import { Head } from "#http/head.ts";
import { parseRequest } from "#http/request-parser.ts";
import { View } from "#rules/view.ts";

const LIMITS = { headBytes: 65_536, headers: 100, uriBytes: 16_384 };

/** A request head as rules see it, or undefined when the parser refuses it. */
export function parsedView(head: string, source = "192.0.2.1"): View | undefined {
  const bytes = latin1(head);
  const into = new Head(LIMITS.headers);
  if (parseRequest(bytes, 0, bytes.length, into, LIMITS) !== bytes.length) return undefined;
  const view = new View(into, LIMITS.uriBytes);
  view.fill(bytes, into, parseIp(source)!, 0);
  return view;
}

/** A view whose path no rule can judge: broken behind the parser, which refuses such. */
export function brokenView(): View {
  const view = viewOf("GET /admin%41");
  view.bytes.set(latin1("zz"), view.head.pathEnd - 2);
  return view;
}

/**
 * A request as rules see it: `GET /path`, then header lines. A Host is added when there is none; an
 * empty one stands for HTTP/1.0 without Host.
 */
export function viewOf(line: string, headers: readonly string[] = [], source?: string): View {
  const named = headers.some((header) => /^host:/i.test(header));
  const version = headers.includes("Host:") ? "1.0" : "1.1";
  const lines = (named ? headers : ["Host: example.com", ...headers])
    .filter((header) => header !== "Host:")
    .map((header) => `${header}\r\n`);
  const view = parsedView(`${line} HTTP/${version}\r\n${lines.join("")}\r\n`, source);
  assert.ok(view, `the parser refused ${JSON.stringify(line)}`);
  return view;
}
