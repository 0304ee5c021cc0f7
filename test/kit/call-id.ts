import { CALL_LIMIT, SCHEDULE_LIMIT } from "#plan/director-numbers.ts";
import { concat } from "./packet.ts";

/*
 * What src/director/bpf/call-id.h does, with whole lines and big numbers.
 */

const isBlank = (line: string): boolean => /^[ \t]*$/.test(line);

/** The Call-ID of a datagram of SIP, its bytes as Latin-1; undefined: the director finds none. */
export function callIdOf(datagram: Uint8Array): string | undefined {
  const text = Buffer.from(datagram.subarray(0, CALL_LIMIT.REACH)).toString("latin1");
  // Behind the last end is a line that may go on; the first line is no header field.
  const lines = text.split(/\r\n|\r|\n/).slice(0, -1);
  for (let i = 1; i < lines.length && lines[i] !== ""; i++) {
    const found = /^(?:call-id|i)[ \t]*:(.*)$/is.exec(lines[i]!);
    if (!found) continue;
    let value = found[1]!;
    while (isBlank(value) && /^[ \t]/.test(lines[i + 1] ?? "")) value = lines[++i]!;
    if (isBlank(value)) continue;
    const id = /^[ \t]*([^ \t]+)[ \t]*$/s.exec(value)?.[1];
    return id !== undefined && id.length <= CALL_LIMIT.LONGEST ? id : undefined;
  }
  return undefined;
}

const WORD = 2n ** 64n - 1n;
const rotate = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (64n - by))) & WORD;

/** SipHash-2-4 with 128 bits (Aumasson, Bernstein), of a key of two words. */
export function sipHash128(key: readonly [bigint, bigint], bytes: Uint8Array): Uint8Array {
  let v0 = key[0] ^ 0x736f6d6570736575n;
  let v1 = key[1] ^ 0x646f72616e646f6dn ^ 0xeen;
  let v2 = key[0] ^ 0x6c7967656e657261n;
  let v3 = key[1] ^ 0x7465646279746573n;
  const rounds = (count: number): void => {
    for (let i = 0; i < count; i++) {
      v0 = (v0 + v1) & WORD;
      v2 = (v2 + v3) & WORD;
      v1 = rotate(v1, 13n) ^ v0;
      v3 = rotate(v3, 16n) ^ v2;
      v0 = rotate(v0, 32n);
      v2 = (v2 + v1) & WORD;
      v0 = (v0 + v3) & WORD;
      v1 = rotate(v1, 17n) ^ v2;
      v3 = rotate(v3, 21n) ^ v0;
      v2 = rotate(v2, 32n);
    }
  };
  const padded = new Uint8Array(Math.floor(bytes.length / 8) * 8 + 8);
  padded.set(bytes);
  padded[padded.length - 1] = bytes.length & 255;
  const words = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 8) {
    const word = words.getBigUint64(at, true);
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
  const hash = new DataView(new ArrayBuffer(16));
  v2 ^= 0xeen;
  rounds(4);
  hash.setBigUint64(0, v0 ^ v1 ^ v2 ^ v3, true);
  v1 ^= 0xddn;
  rounds(4);
  hash.setBigUint64(8, v0 ^ v1 ^ v2 ^ v3, true);
  return new Uint8Array(hash.buffer);
}

/** What stands for a call in a template's key; `client`: 16 bytes, masked. */
export const callKey = (client: Uint8Array, id: string): Uint8Array => {
  const seed = BigInt(SCHEDULE_LIMIT.SEED);
  return sipHash128([seed, seed], concat(client, Buffer.from(id, "latin1")));
};
