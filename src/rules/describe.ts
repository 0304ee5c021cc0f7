import { latin1, textOf } from "#base/bytes.ts";
import { formatIp } from "#base/ip.ts";
import { FIELD_WORDS } from "#http/head.ts";
import { CookieScan, nextCookie } from "./cookies.ts";
import { hostNameEnd } from "./host.ts";
import { createDecodedText } from "./query.ts";
import type { NamedTest } from "./text-test.ts";
import type { RequestView } from "./types.ts";
import { normalisedPath } from "./view.ts";

/** What of a request each kind of condition looks at, in words, for `explain`. */

export function describeHost(view: RequestView): string {
  const text = textOf(view.bytes, view.head.hostStart, hostNameEnd(view));
  return text === "" ? "no host" : `host ${text}`;
}

/** The path as conditions compare it, and what the client wrote where that differs. */
export function describePath(view: RequestView): string {
  const { head, bytes } = view;
  const written = textOf(bytes, head.pathStart, head.pathEnd);
  if (!normalisedPath(view)) return written === "" ? "no path" : `path ${written}, not a valid one`;
  const path = new TextDecoder().decode(view.path.subarray(view.pathStart, view.pathEnd));
  return path === written ? `path ${path}` : `path ${path} (written ${written})`;
}

export const describeMethod = ({ bytes, head }: RequestView): string =>
  `method ${textOf(bytes, head.methodStart, head.methodEnd)}`;

export const describeSource = (view: RequestView): string =>
  `source ${formatIp(view.peer, view.peerAt)}`;

export function describeHeader(view: RequestView, tests: readonly NamedTest[]): string {
  const { head, bytes } = view;
  const names = tests.map((test) => test.name.toLowerCase());
  const found: string[] = [];
  for (let at = 0; at < head.count * FIELD_WORDS; at += FIELD_WORDS) {
    const name = textOf(bytes, head.fields[at]!, head.fields[at + 1]!).toLowerCase();
    if (!names.includes(name)) continue;
    found.push(`${name}: ${textOf(bytes, head.fields[at + 2]!, head.fields[at + 3]!)}`);
  }
  return found.length > 0 ? `header ${found.join(", ")}` : `no header ${names.join(" or ")}`;
}

export function describeQuery(view: RequestView): string {
  const text = createDecodedText(view.bytes, view.head.queryStart, view.head.queryEnd);
  return text === "" ? "no query" : `query ${text}`;
}

export function describeCookie(view: RequestView, tests: readonly NamedTest[]): string {
  const scan = new CookieScan();
  const found = tests.flatMap((test) => {
    scan.reset();
    return nextCookie(view.bytes, view.head, latin1(test.name), scan)
      ? [textOf(view.bytes, scan.start, scan.valueEnd)]
      : [];
  });
  if (found.length > 0) return `cookie ${found.join("; ")}`;
  return `no cookie ${tests.map((test) => test.name).join(" or ")}`;
}
