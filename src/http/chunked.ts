// @hot
import { CODE } from "#base/errors.ts";
import { CHUNK, PHASE, stepChunk } from "./chunk-line.ts";
import { CR, LF } from "./tokens.ts";
import { MAX_TRAILER_BYTES, moveTrailers, trailersEnd } from "./trailers.ts";

const MALFORMED = -CODE.BODY_MALFORMED;
const TWO_32 = 0x1_0000_0000;

/** Cells of an Int32Array that a chunked body's state takes; beginChunked makes them ready. */
export const CHUNK_CELLS = 5;

/**
 * What the last decodeChunked or relayChunked did. Made once a thread, filled again by each call.
 */
export class ChunkOut {
  /**
   * Position after the last byte used. Below `end` in two cases only: the body is done and the rest
   * belongs to the next message; or its trailer section has begun and is not whole. Then keep those
   * bytes (at most MAX_TRAILER_BYTES) and call again with them and what comes behind them.
   */
  consumed = 0;
  /** Bytes of content among the bytes used. */
  payload = 0;
  /** The body has ended. */
  done = false;
  /**
   * Trailer lines that may be forwarded, after the payload (decodeChunked only); empty until done.
   */
  trailersStart = 0;
  trailersEnd = 0;
}

export function beginChunked(state: Int32Array, at: number): void {
  for (let i = 0; i < CHUNK_CELLS; i++) state[at + i] = 0;
}

/**
 * Decodes bytes[from, end) of a chunked body in place: content moves down to bytes[to…], to ≤ from,
 * trailer lines behind it. Returns how many bytes of content were written, or -CODE.BODY_MALFORMED.
 * `state` cells are the caller's, CHUNK_CELLS from `at`, one set a body.
 */
export function decodeChunked(
  bytes: Uint8Array,
  from: number,
  end: number,
  to: number,
  state: Int32Array,
  at: number,
  out: ChunkOut,
): number {
  return run(bytes, from, end, to, state, at, out, false) < 0 ? MALFORMED : out.payload;
}

/**
 * As decodeChunked, but leaves the framing on: bytes[to, to + result) is the same stretch of the
 * body, chunked, without extensions and without trailers that must not be forwarded. It can be sent
 * on as it is, since it says one thing to every reader, and it is never longer than what came.
 */
export function relayChunked(
  bytes: Uint8Array,
  from: number,
  end: number,
  to: number,
  state: Int32Array,
  at: number,
  out: ChunkOut,
): number {
  const written = run(bytes, from, end, to, state, at, out, true);
  return written < 0 ? MALFORMED : written;
}

/** Bytes written at `to` and after, or -1. */
function run(
  bytes: Uint8Array,
  from: number,
  end: number,
  to: number,
  state: Int32Array,
  at: number,
  out: ChunkOut,
  framed: boolean,
): number {
  let i = from;
  let write = to;
  let phase = state[at + CHUNK.PHASE]!;
  out.payload = 0;
  while (i < end && phase < PHASE.TRAILERS) {
    if (phase === PHASE.DATA) {
      const n = takeData(state, at, end - i);
      if (write !== i) bytes.copyWithin(write, i, i + n);
      write += n;
      i += n;
      out.payload += n;
      if (state[at + CHUNK.LOW] === 0 && state[at + CHUNK.HIGH] === 0) phase = PHASE.DATA_CR;
      continue;
    }
    const c = bytes[i++]!;
    phase = stepChunk(phase, c, state, at);
    if (phase < 0) return -1;
    if (framed && (phase === PHASE.SIZE || phase >= PHASE.SIZE_LF)) bytes[write++] = c;
  }
  out.trailersStart = write;
  out.trailersEnd = write;
  if (phase === PHASE.TRAILERS) {
    const rest = trailersEnd(bytes, i, end);
    if (rest < 0) return -1;
    if (rest > 0) {
      write = moveTrailers(bytes, i, rest, write);
      out.trailersEnd = write;
      if (framed) {
        out.trailersStart = write;
        bytes[write] = CR;
        bytes[write + 1] = LF;
        write += 2;
      }
      i = rest;
      phase = PHASE.DONE;
    } else if (end - i >= MAX_TRAILER_BYTES) return -1;
  }
  state[at + CHUNK.PHASE] = phase;
  out.consumed = i;
  out.done = phase === PHASE.DONE;
  return write - to;
}

/** Takes up to `available` bytes off the chunk's size and returns how many it was. */
function takeData(state: Int32Array, at: number, available: number): number {
  const low = state[at + CHUNK.LOW]!;
  if (state[at + CHUNK.HIGH] === 0 && low >= 0) {
    const n = Math.min(low, available);
    state[at + CHUNK.LOW] = low - n;
    return n;
  }
  const left = state[at + CHUNK.HIGH]! * TWO_32 + (low >>> 0);
  const n = Math.min(left, available);
  const after = left - n;
  state[at + CHUNK.HIGH] = Math.floor(after / TWO_32);
  state[at + CHUNK.LOW] = (after % TWO_32) | 0;
  return n;
}
