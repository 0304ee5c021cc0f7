// @hot
import { COLON, DOT, isDigit } from "#http/tokens.ts";
import type { RequestView } from "./types.ts";

const CLOSING_BRACKET = 93;

/**
 * End of the host name proper: without port and without the dot of a fully qualified name, which
 * means the same host and must not lead round a rule. Begins at head.hostStart.
 */
export function hostNameEnd(view: RequestView): number {
  const bytes = view.bytes;
  const start = view.head.hostStart;
  let end = view.head.hostEnd;
  for (let i = end - 1; i >= start; i--) {
    const c = bytes[i]!;
    if (c === CLOSING_BRACKET) break;
    if (c === COLON) {
      end = i;
      break;
    }
    if (!isDigit(c)) break;
  }
  return end > start + 1 && bytes[end - 1] === DOT ? end - 1 : end;
}
