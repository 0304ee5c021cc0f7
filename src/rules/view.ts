// @hot
import { sameBytes } from "#base/bytes.ts";
import { type Head, TARGET } from "#http/head.ts";
import { normalisePath } from "#http/path.ts";
import { BACKSLASH, DOT, PERCENT, SEMICOLON, SLASH } from "#http/tokens.ts";
import type { RequestView } from "./types.ts";

const decoder = new TextDecoder();

/**
 * Longest text, in bytes, that a regular expression is given: one that backtracks badly then costs
 * milliseconds, not seconds. Longer ones are refused, never cut.
 */
export const SUBJECT_LIMIT = 2048;

/** The RequestView of a thread: made once, filled for each request. */
export class View implements RequestView {
  bytes: Uint8Array;
  head: Head;
  peer: Uint8Array;
  peerAt = 0;
  path: Uint8Array;
  readonly pathRoom: Uint8Array;
  pathStart = 0;
  pathEnd = 0;
  pathReady = false;
  pathString: string | undefined = undefined;
  refuse = 0;

  /** `uriBytes`: longest request target the parser lets pass; a normalised path is never longer. */
  constructor(head: Head, uriBytes: number) {
    this.bytes = new Uint8Array(0);
    this.head = head;
    this.peer = new Uint8Array(16);
    this.pathRoom = new Uint8Array(uriBytes);
    this.path = this.pathRoom;
  }

  /** Points the view at a parsed request. The bytes are borrowed until the rules have run. */
  fill(bytes: Uint8Array, head: Head, peer: Uint8Array, peerAt: number): void {
    this.bytes = bytes;
    this.head = head;
    this.peer = peer;
    this.peerAt = peerAt;
    this.pathReady = false;
    this.refuse = 0;
  }
}

/**
 * Finds the normalised path unless that was done. False when there is none to compare with: the
 * target has no path (`*`), or the path cannot be normalised (view.refuse is then 400).
 */
export function normalisedPath(view: RequestView): boolean {
  if (!view.pathReady) makePath(view);
  return view.pathEnd > view.pathStart;
}

function makePath(view: RequestView): void {
  const head = view.head;
  view.pathReady = true;
  view.pathString = undefined;
  view.pathStart = 0;
  view.pathEnd = 0;
  view.path = view.pathRoom;
  if (head.pathEnd > head.pathStart) {
    if (isNormal(view.bytes, head.pathStart, head.pathEnd)) {
      view.path = view.bytes;
      view.pathStart = head.pathStart;
      view.pathEnd = head.pathEnd;
      return;
    }
    const end = normalisePath(view.bytes, head.pathStart, head.pathEnd, view.pathRoom, 0);
    if (end < 0) view.refuse = 400;
    else view.pathEnd = end;
  } else if (head.form === TARGET.ABSOLUTE) {
    view.path[0] = SLASH; // RFC 9110 §4.2.3: an empty path is the same as /
    view.pathEnd = 1;
  }
}

/**
 * True when normalising would surely change nothing, as for nearly every path that is ever sent:
 * nothing is encoded, and no segment is empty or begins as `.`, `..` or a parameter do.
 */
export function isNormal(bytes: Uint8Array, from: number, to: number): boolean {
  let last = 0;
  for (let i = from; i < to; i++) {
    const c = bytes[i]!;
    if (c === PERCENT || c === BACKSLASH) return false;
    if (last === SLASH && (c === SLASH || c === DOT || c === SEMICOLON)) return false;
    last = c;
  }
  return bytes[from] === SLASH;
}

/** True when the normalised path is `prefix` or goes on below it; `prefix` has no final slash. */
export function pathBegins(view: RequestView, prefix: Uint8Array): boolean {
  const after = view.pathStart + prefix.length;
  if (after > view.pathEnd) return false;
  if (!sameBytes(view.path, view.pathStart, after, prefix)) return false;
  return after === view.pathEnd || view.path[after] === SLASH;
}

/**
 * The normalised path as text for regular expressions. Allocates, once a request. undefined when it
 * is longer than an expression may see (view.refuse is then 414).
 */
export function pathText(view: RequestView): string | undefined {
  if (view.pathString !== undefined) return view.pathString;
  if (view.pathEnd - view.pathStart > SUBJECT_LIMIT) {
    view.refuse = 414;
    return undefined;
  }
  view.pathString = decoder.decode(view.path.subarray(view.pathStart, view.pathEnd));
  return view.pathString;
}
