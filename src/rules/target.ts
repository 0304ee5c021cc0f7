// @hot
import { latin1 } from "#base/bytes.ts";
import type { RequestView, Verdict } from "./types.ts";
import { copyEscaped, copyPlain, PATH_BYTES } from "./uri.ts";

const QUESTION = latin1("?");

/**
 * Makes the path written to verdict.target up to `end`, and the client's query, what the server is asked
 * for. Returns true when that is too long and the request is refused.
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
 * Where rules looked at a path that is not written in its normal form, the server is sent that form: it
 * must not see another path than the rules did (`/public/..%2fadmin`).
 */
export function keepPathSafe(view: RequestView, verdict: Verdict): void {
  if (!view.pathReady || view.path !== view.pathRoom || verdict.targetEnd > 0) return;
  if (verdict.status !== 0 || view.pathEnd === view.pathStart) return;
  const end = copyEscaped(view.path, view.pathStart, view.pathEnd, PATH_BYTES, verdict.target, 0);
  setTarget(view, verdict, end);
}
