// @hot
import { latin1 } from "#base/bytes.ts";
import { pathMeansTheSame } from "#http/path.ts";
import type { RequestView, Verdict } from "./types.ts";
import { copyEscaped, copyPlain, PATH_BYTES } from "./uri.ts";

const QUESTION = latin1("?");

/**
 * Makes the path written to verdict.target up to `end`, and the client's query, what the server is
 * asked for. Returns true when that is too long and the request is refused.
 */
export function setTarget(view: RequestView, verdict: Verdict, end: number): boolean {
  const head = view.head;
  let at = end;
  if (head.queryEnd > head.queryStart) {
    at = copyPlain(QUESTION, 0, 1, verdict.target, at);
    at = copyPlain(view.bytes, head.queryStart, head.queryEnd, verdict.target, at);
  }
  if (at >= 0) {
    verdict.targetEnd = at;
    return false;
  }
  verdict.status = 414;
  return true;
}

/**
 * Where rules go by the path and a server could arrive at another one by what the client wrote
 * (`/public/..%2fadmin`), it is sent the path that rules see. What only encodes characters
 * stays: to some servers `%2F` is part of a name. The view's path has been found before.
 */
export function keepPathSafe(view: RequestView, verdict: Verdict): void {
  if (view.path !== view.pathRoom || verdict.targetEnd > 0) return;
  if (verdict.status !== 0 || view.pathEnd === view.pathStart) return;
  const head = view.head;
  if (pathMeansTheSame(view.bytes, head.pathStart, head.pathEnd)) return;
  const end = copyEscaped(view.path, view.pathStart, view.pathEnd, PATH_BYTES, verdict.target, 0);
  setTarget(view, verdict, end);
}
