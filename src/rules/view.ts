// @hot
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

/**
 * Where the segments of `prefix` (no final slash) end in the normalised path, if it begins with
 * them; else -1. Parameters of segments are passed over: to a servlet container `/admin;x/users` is
 * `/admin/users`, so a rule on one must meet the other.
 */
export function pathAfter(view: RequestView, prefix: Uint8Array): number {
  const path = view.path;
  const end = view.pathEnd;
  let at = view.pathStart;
  for (let i = 0; i < prefix.length; i++) {
    if (prefix[i] === SLASH) at = skipParameters(path, at, end);
    if (at >= end || path[at] !== prefix[i]) return -1;
    at++;
  }
  at = skipParameters(path, at, end);
  return at === end || path[at] === SLASH ? at : -1;
}

/** True when the normalised path is `other`, parameters apart. */
export function pathIs(view: RequestView, other: Uint8Array): boolean {
  const path = view.path;
  const end = view.pathEnd;
  let at = view.pathStart;
  for (let i = 0; i < other.length; i++) {
    if (other[i] === SLASH) at = skipParameters(path, at, end);
    if (at >= end || path[at] !== other[i]) return false;
    at++;
  }
  return skipParameters(path, at, end) === end;
}

/** At a `;` (or the %3B of normalised paths) to the segment's end; elsewhere nowhere. */
function skipParameters(path: Uint8Array, from: number, end: number): number {
  const encoded = path[from] === PERCENT && path[from + 1] === 51 && path[from + 2] === 66;
  if (from >= end || (path[from] !== SEMICOLON && !encoded)) return from;
  let at = from;
  while (at < end && path[at] !== SLASH) at++;
  return at;
}

/** Parameters of segments, as normalised paths have them. */
const PARAMETERS = /(?:;|%3B)[^/]*/g;

/**
 * The normalised path as text for regular expressions, without the parameters of its segments, as
 * pathAfter has it. Allocates, once a request. undefined when it is longer than an expression may
 * see (view.refuse is then 414).
 */
export function pathText(view: RequestView): string | undefined {
  if (view.pathString !== undefined) return view.pathString;
  if (view.pathEnd - view.pathStart > SUBJECT_LIMIT) {
    view.refuse = 414;
    return undefined;
  }
  const text = decoder.decode(view.path.subarray(view.pathStart, view.pathEnd));
  view.pathString = text.replace(PARAMETERS, "");
  return view.pathString;
}
