// @hot
import { AF_INET, AF_INET6 } from "./driver.ts";

/**
 * Copies the IP address of a struct sockaddr to out[outAt … outAt+16), IPv4 as ::ffff:a.b.c.d, and
 * returns the port. Any other family gives sixteen zeros and port 0.
 */
export function peerIp(bytes: Uint8Array, at: number, out: Uint8Array, outAt: number): number {
  const family = bytes[at]!;
  if (family === AF_INET6) {
    for (let i = 0; i < 16; i++) out[outAt + i] = bytes[at + 8 + i]!;
  } else {
    const v4 = family === AF_INET;
    for (let i = 0; i < 10; i++) out[outAt + i] = 0;
    out[outAt + 10] = v4 ? 255 : 0;
    out[outAt + 11] = v4 ? 255 : 0;
    for (let i = 0; i < 4; i++) out[outAt + 12 + i] = v4 ? bytes[at + 4 + i]! : 0;
    if (!v4) return 0;
  }
  return (bytes[at + 2]! << 8) | bytes[at + 3]!;
}
