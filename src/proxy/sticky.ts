// @hot
import { FIELD, FIELD_WORDS, type Head } from "#http/head.ts";
import type { Core } from "./core.ts";
import { putBytes } from "./log-bytes.ts";
import type { Persistence } from "./persistence.ts";
import {
  addedLines,
  fateOfOwn,
  findServer,
  isOwnSetCookie,
  NO_COOKIE,
  writeCookie,
  writeSetCookie,
} from "./persistence-cookies.ts";
import type { BackendRuntime } from "./runtime.ts";
import { ASKED, GIVEN, X } from "./tables.ts";

/** Looks for the server that the request's persistence cookie names. */
export function findSticky(core: Core, x: number, backend: BackendRuntime, head: Head): void {
  const at = x * X.size;
  const found = findServer(backend.persistence!, core.memory, head);
  core.exchanges[at + X.FOUND] = found;
  core.exchanges[at + X.GIVEN] = GIVEN.NONE;
  core.exchanges[at + X.ASKED] = found === NO_COOKIE ? ASKED.NONE : ASKED.INVALID;
  if (found < 0) return;
  core.exchanges[at + X.ASKED] = ASKED.VALID;
  core.exchanges[at + X.STICK] = backend.servers[found]!.slot;
}

/** The server that the cookie names does not take the request after all. */
export function loseSticky(core: Core, x: number): void {
  const at = x * X.size + X.ASKED;
  if (core.exchanges[at] === ASKED.VALID) core.exchanges[at] = ASKED.DOWN;
}

/**
 * Writes the Cookie lines without what is ours in them, and hides the client's own from the copy.
 */
export function writeCookies(
  persistence: Persistence,
  bytes: Uint8Array,
  head: Head,
  out: Uint8Array,
  at: number,
): number {
  for (let i = 0; i < head.count; i++) {
    if (head.ids[i] !== FIELD.COOKIE || head.hop[i] === 1) continue;
    const cell = i * FIELD_WORDS;
    head.hop[i] = 1;
    at = writeCookie(persistence, bytes, head.fields[cell + 2]!, head.fields[cell + 3]!, out, at);
  }
  return at;
}

const HIDDEN = 2;

/** None for a server that a new Plan does not have: its answer goes as it is. */
function persistenceOf(core: Core, x: number): Persistence | undefined {
  if (core.runtime.servers[core.exchanges[x * X.size + X.SERVER]!]!.retired) return undefined;
  return core.runtime.backends[core.exchanges[x * X.size + X.BACKEND]!]!.persistence;
}

/** Keeps the server's Set-Cookie lines from being copied: writeSetCookies writes them. */
export function hideSetCookies(core: Core, x: number): void {
  if (persistenceOf(core, x) === undefined) return;
  const head = core.responseHead;
  for (let i = 0; i < head.count; i++) {
    if (head.ids[i] === FIELD.SET_COOKIE && head.hop[i] === 0) head.hop[i] = HIDDEN;
  }
}

/**
 * Most bytes that persistence adds to the answer's head: ours, and what its own cookies grow by.
 */
export function cookieRoom(core: Core, backend: BackendRuntime): number {
  if (backend.persistence === undefined) return 0;
  const head = core.responseHead;
  let own = 0;
  for (let i = 0; i < head.count; i++) if (head.ids[i] === FIELD.SET_COOKIE) own++;
  return backend.cookieBytes + own * (backend.persistence.growBytes + 16);
}

/** Writes the server's Set-Cookie lines as the client gets them, and ours. Returns the end. */
export function writeSetCookies(core: Core, x: number, at: number): number {
  const persistence = persistenceOf(core, x);
  const given = x * X.size + X.GIVEN;
  if (persistence === undefined) {
    core.exchanges[given] = GIVEN.NOT;
    return at;
  }
  // An answer that was given up before this one may have left its word.
  core.exchanges[given] = GIVEN.NONE;
  const head = core.responseHead;
  const bytes = core.memory;
  const server = core.runtime.servers[core.exchanges[x * X.size + X.SERVER]!]!;
  for (let i = 0; i < head.count; i++) {
    if (head.hop[i] !== HIDDEN) continue;
    const from = head.fields[i * FIELD_WORDS + 2]!;
    const to = head.fields[i * FIELD_WORDS + 3]!;
    if (isOwnSetCookie(persistence, bytes, from, to)) {
      core.exchanges[given] = fateOfOwn(persistence, server.position);
    }
    at = writeSetCookie(persistence, bytes, from, to, server.position, bytes, at);
  }
  const lines = addedLines(persistence, core.exchanges[x * X.size + X.FOUND]!, server.position);
  if (lines.length > 0) core.exchanges[given] = GIVEN.INSERTED;
  return putBytes(lines, bytes, at);
}
