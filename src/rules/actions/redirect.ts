// @hot
import { latin1 } from "#base/bytes.ts";
import { SLASH } from "#http/tokens.ts";
import { hostNameEnd } from "../host.ts";
import { type Redirect, redirectField, redirectParts } from "../redirect-field.ts";
import { type Action, action, type RequestView } from "../types.ts";
import { copyEscaped, copyPlain, PATH_BYTES, QUERY_BYTES } from "../uri.ts";
import { normalisedPath } from "../view.ts";

const summary = "Answers at once with a redirect to another place, or to the same place by scheme";

const QUESTION = latin1("?");
const AMPERSAND = latin1("&");
const ROOT = latin1("/");
const CRLF = latin1("\r\n");

export const redirect = action({
  name: "redirect",
  summary,
  value: redirectField(summary),
  example: { scheme: "https", status: 301 },
  final: true,
  compile: createRedirect,
});

/**
 * The path that is kept is the normalised one: written out again it cannot begin with `//`, which a
 * browser would take for another host.
 */
function createRedirect(value: Redirect): Action {
  const parts = redirectParts(value);
  const start = latin1("Location: ".concat(parts.start));
  const port = latin1(parts.port);
  const joint = parts.start.includes("?") ? AMPERSAND : QUESTION;
  return (view, verdict) => {
    const out = verdict.headers;
    let at = copyPlain(start, 0, start.length, out, 0);
    if (parts.keepHost) at = copyHost(view, port, out, at);
    if (parts.keepPath) at = copyPath(view, out, at);
    if (parts.keepQuery) at = copyQuery(view, joint, out, at);
    at = copyPlain(CRLF, 0, CRLF.length, out, at);
    if (parts.keepHost && !hasHost(view)) verdict.status = 400;
    else if (at < 0) verdict.status = 414;
    else {
      verdict.status = value.status;
      verdict.headersEnd = at;
    }
    return true;
  };
}

function hasHost(view: RequestView): boolean {
  return view.head.hostEnd > view.head.hostStart;
}

function copyHost(view: RequestView, port: Uint8Array, out: Uint8Array, at: number): number {
  const end = copyPlain(view.bytes, view.head.hostStart, hostNameEnd(view), out, at);
  return copyPlain(port, 0, port.length, out, end);
}

function copyPath(view: RequestView, out: Uint8Array, at: number): number {
  if (!normalisedPath(view)) return copyPlain(ROOT, 0, 1, out, at);
  // A place that ends in a slash brings the one that the path begins with.
  const from = view.pathStart + (at > 0 && out[at - 1] === SLASH ? 1 : 0);
  return copyEscaped(view.path, from, view.pathEnd, PATH_BYTES, out, at);
}

function copyQuery(view: RequestView, joint: Uint8Array, out: Uint8Array, at: number): number {
  const head = view.head;
  if (head.queryEnd === head.queryStart) return at;
  const end = copyPlain(joint, 0, 1, out, at);
  return copyEscaped(view.bytes, head.queryStart, head.queryEnd, QUERY_BYTES, out, end);
}
