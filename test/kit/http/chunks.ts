import { latin1, textOf } from "#base/bytes.ts";
import { CHUNK_CELLS, ChunkOut, decodeChunked, relayChunked } from "#http/chunked.ts";

const FROM = 5;

/** What came of a body that arrived in pieces. */
export interface Decoded {
  /** The relayed body or the content, whichever was asked for. */
  text: string;
  /** Trailer lines that may be forwarded (content only). */
  trailers: string;
  /** Characters used when the body was done; "more" when it was not, "malformed" when refused. */
  end: number | "more" | "malformed";
  /** Bytes of content. */
  payload: number;
}

/**
 * Runs a body through decodeChunked or relayChunked in the pieces that `cuts` (positions) make of
 * it, keeping what is not consumed as a caller must.
 */
export function decodePieces(text: string, cuts: readonly number[], framed: boolean): Decoded {
  const state = new Int32Array(CHUNK_CELLS + 2).fill(7);
  state.fill(0, 1, 1 + CHUNK_CELLS);
  const out = new ChunkOut();
  const result: Decoded = { text: "", trailers: "", end: "more", payload: 0 };
  let kept = "";
  let before = 0;
  for (const cut of [...cuts, text.length]) {
    const piece = kept + text.slice(before, cut);
    const start = before - kept.length;
    before = cut;
    const bytes = new Uint8Array(FROM + piece.length + 16).fill(0x0d);
    bytes.set(latin1(piece), FROM);
    const run = framed ? relayChunked : decodeChunked;
    const n = run(bytes, FROM, FROM + piece.length, FROM - 3, state, 1, out);
    if (n < 0) return { ...result, end: "malformed" };
    result.text += textOf(bytes, FROM - 3, FROM - 3 + n);
    result.trailers += textOf(bytes, out.trailersStart, out.trailersEnd);
    result.payload += out.payload;
    if (state[0] !== 7 || state.at(-1) !== 7) throw new Error("wrote beside its state");
    if (out.done) return { ...result, end: start + out.consumed - FROM };
    kept = piece.slice(out.consumed - FROM);
  }
  return result;
}
