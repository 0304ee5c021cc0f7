// @hot
import { latin1, sameBytes } from "#base/bytes.ts";
import { METHOD } from "./head.ts";

/** Methods by METHOD id, as they are written: they are case-sensitive (RFC 9110 §9.1). */
export const METHOD_NAMES: readonly string[] = [
  "",
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "CONNECT",
  "PATCH",
];

const SPELT: readonly Uint8Array[] = METHOD_NAMES.map(latin1);

/** The only known method of this length that begins with this byte. */
function candidate(length: number, first: number): number {
  switch (first) {
    case 71:
      return METHOD.GET;
    case 72:
      return METHOD.HEAD;
    case 80:
      return length === 3 ? METHOD.PUT : length === 4 ? METHOD.POST : METHOD.PATCH;
    case 68:
      return METHOD.DELETE;
    case 79:
      return METHOD.OPTIONS;
    case 84:
      return METHOD.TRACE;
    case 67:
      return METHOD.CONNECT;
    default:
      return METHOD.OTHER;
  }
}

/** METHOD.* of the token in bytes[from, to). */
export function methodId(bytes: Uint8Array, from: number, to: number): number {
  const id = candidate(to - from, bytes[from]!);
  return id !== METHOD.OTHER && sameBytes(bytes, from, to, SPELT[id]!) ? id : METHOD.OTHER;
}
