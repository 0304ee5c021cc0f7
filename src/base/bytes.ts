const encoder = new TextEncoder();

/** UTF-8 bytes of a string. Allocates; for set-up code. */
export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** One byte a character, as HTTP heads are read and written. Allocates; for set-up code. */
export function latin1(text: string): Uint8Array {
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i) & 0xff;
  return out;
}

/** Text of bytes[from, to), one character a byte. Allocates a string. */
export function textOf(bytes: Uint8Array, from: number, to: number): string {
  let out = "";
  for (let i = from; i < to; i += 4096) {
    out += String.fromCharCode(...bytes.subarray(i, Math.min(i + 4096, to)));
  }
  return out;
}

/** True when bytes[from, to) equals `other` byte for byte. */
export function sameBytes(bytes: Uint8Array, from: number, to: number, other: Uint8Array): boolean {
  if (to - from !== other.length) return false;
  for (let i = 0; i < other.length; i++) if (bytes[from + i] !== other[i]) return false;
  return true;
}

/** As sameBytes, with `other` given in lower case and ASCII case of `bytes` ignored. */
export function sameLower(bytes: Uint8Array, from: number, to: number, other: Uint8Array): boolean {
  if (to - from !== other.length) return false;
  for (let i = 0; i < other.length; i++) {
    const c = bytes[from + i]!;
    if ((c >= 65 && c <= 90 ? c | 32 : c) !== other[i]) return false;
  }
  return true;
}

/** A view of exactly these bytes, which stay the caller's. */
export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
