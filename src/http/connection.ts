// @hot
import { latin1, sameLower } from "#base/bytes.ts";
import { HOP_BY_NATURE } from "./field-line.ts";
import { fieldIdOrAlias } from "./field-name.ts";
import { FIELD, FIELD_WORDS, type Head } from "./head.ts";
import { skipSpace, skipToken } from "./parameters.ts";
import { COMMA, sameText } from "./tokens.ts";

/** What Connection fields say, as bits. */
export const OPTION = Object.freeze({ CLOSE: 1, KEEP_ALIVE: 2, UPGRADE: 4, NAMES: 8 });

/**
 * Options in one head: with more, marking the fields they name would cost a client little and us
 * much.
 */
const MAX_OPTIONS = 32;

const CLOSE = latin1("close");
const KEEP_ALIVE = latin1("keep-alive");
const UPGRADE = latin1("upgrade");

function optionAt(bytes: Uint8Array, from: number, to: number): number {
  if (sameLower(bytes, from, to, KEEP_ALIVE)) return OPTION.KEEP_ALIVE;
  if (sameLower(bytes, from, to, CLOSE)) return OPTION.CLOSE;
  if (sameLower(bytes, from, to, UPGRADE)) return OPTION.UPGRADE;
  return OPTION.NAMES;
}

/**
 * OPTION bits of one Connection value, or -1 when it is no list of tokens (empty members are let
 * be, RFC 9110 §5.6.1), or names a field we know to be for every recipient. Sending such an option
 * is forbidden (§7.6.1); heeding it would let a client strip what framing, routing, trust or the
 * server's checks depend on (Host, Content-Length, X-Forwarded-For, Cookie, Authorization …), and
 * not heeding it is what some other party does. `coding` lets it name Transfer-Encoding, which some
 * servers do.
 */
export function scanConnection(
  bytes: Uint8Array,
  from: number,
  to: number,
  coding: boolean,
): number {
  let options = 0;
  let at = from;
  while (at < to) {
    const start = skipSpace(bytes, at, to);
    const end = skipToken(bytes, start, to);
    at = skipSpace(bytes, end, to);
    if (at < to && bytes[at] !== COMMA) return -1;
    at++;
    if (end === start) continue;
    const option = optionAt(bytes, start, end);
    options |= option;
    if (option !== OPTION.NAMES) continue;
    const id = fieldIdOrAlias(bytes, start, end);
    if (id === 0 || (id === FIELD.TRANSFER_ENCODING && coding)) continue;
    if (id < 0 || !mayBeNamed(id)) return -1;
  }
  return options;
}

function mayBeNamed(id: number): boolean {
  return id === FIELD.TRAILER || (HOP_BY_NATURE[id] === 1 && id !== FIELD.TRANSFER_ENCODING);
}

/**
 * Marks every field a Connection field names as hop-by-hop. False when there are too many options.
 */
export function markNamed(bytes: Uint8Array, head: Head): boolean {
  let left = MAX_OPTIONS;
  for (let i = head.find(FIELD.CONNECTION); i >= 0; i = head.find(FIELD.CONNECTION, i + 1)) {
    const cell = i * FIELD_WORDS;
    const to = head.fields[cell + 3]!;
    let at = head.fields[cell + 2]!;
    while (at < to) {
      const start = skipSpace(bytes, at, to);
      const end = skipToken(bytes, start, to);
      at = skipSpace(bytes, end, to) + 1;
      if (end === start) continue;
      if (left-- === 0) return false;
      markFields(bytes, start, end, head);
    }
  }
  return true;
}

function markFields(bytes: Uint8Array, from: number, to: number, head: Head): void {
  for (let i = 0; i < head.count; i++) {
    const cell = i * FIELD_WORDS;
    if (sameText(bytes, head.fields[cell]!, head.fields[cell + 1]!, bytes, from, to)) {
      head.hop[i] = 1;
    }
  }
}
