// @hot
/**
 * SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) of one 32-bit word,
 * of which the low 32 bits are kept, as an int32: what Linux calls hsiphash on 64-bit machines.
 * `key0` and `key1` are halves of the key, below 2³².
 *
 * JavaScript has no fast 64-bit integers, so each word of the state is two int32, high and low. A
 * sum carries when its low half is less than what was added to.
 */
export function hsiphash(word: number, key0: number, key1: number): number {
  let ah = 0x736f6d65;
  let al = 0x70736575 ^ key0;
  let bh = 0x646f7261;
  let bl = 0x6e646f6d ^ key1;
  let ch = 0x6c796765;
  let cl = 0x6e657261 ^ key0;
  // The one block there is: its length, 4, in the highest byte, and the word.
  let dh = 0x74656462 ^ (4 << 24);
  let dl = 0x79746573 ^ key1 ^ word;
  let half = 0;
  for (let round = 0; round < 4; round++) {
    // a += b; b = (b <<< 13) ^ a; a <<<= 32
    half = (al + bl) | 0;
    ah = (ah + bh + (half >>> 0 < al >>> 0 ? 1 : 0)) | 0;
    al = half;
    half = ((bh << 13) | (bl >>> 19)) ^ ah;
    bl = ((bl << 13) | (bh >>> 19)) ^ al;
    bh = half;
    half = ah;
    ah = al;
    al = half;
    // c += d; d = (d <<< 16) ^ c
    half = (cl + dl) | 0;
    ch = (ch + dh + (half >>> 0 < cl >>> 0 ? 1 : 0)) | 0;
    cl = half;
    half = ((dh << 16) | (dl >>> 16)) ^ ch;
    dl = ((dl << 16) | (dh >>> 16)) ^ cl;
    dh = half;
    // a += d; d = (d <<< 21) ^ a
    half = (al + dl) | 0;
    ah = (ah + dh + (half >>> 0 < al >>> 0 ? 1 : 0)) | 0;
    al = half;
    half = ((dh << 21) | (dl >>> 11)) ^ ah;
    dl = ((dl << 21) | (dh >>> 11)) ^ al;
    dh = half;
    // c += b; b = (b <<< 17) ^ c; c <<<= 32
    half = (cl + bl) | 0;
    ch = (ch + bh + (half >>> 0 < cl >>> 0 ? 1 : 0)) | 0;
    cl = half;
    half = ((bh << 17) | (bl >>> 15)) ^ ch;
    bl = ((bl << 17) | (bh >>> 15)) ^ cl;
    bh = half;
    half = ch;
    ch = cl;
    cl = half;
    if (round > 0) continue;
    // After the block's one round come three to finish.
    ah ^= 4 << 24;
    al ^= word;
    cl ^= 0xff;
  }
  return al ^ bl ^ cl ^ dl;
}
