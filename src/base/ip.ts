/** Strict dotted quad: four decimal numbers, no leading zeros. */
export function isIPv4(text: string): boolean {
  return parseIPv4(text) !== undefined;
}

function parseIPv4(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const out: number[] = [];
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    out.push(Number(part));
  }
  return out;
}

export function isIPv6(text: string): boolean {
  return parseIPv6(text) !== undefined;
}

/** RFC 4291 §2.2, without a zone. */
function parseIPv6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2 || text.includes(":::")) return undefined;
  const groups = (half: string, last: boolean): number[] | undefined => {
    if (half === "") return [];
    const out: number[] = [];
    const parts = half.split(":");
    for (const [i, part] of parts.entries()) {
      if (last && i === parts.length - 1 && part.includes(".")) {
        const quad = parseIPv4(part);
        if (!quad) return undefined;
        out.push(...quad);
      } else {
        if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
        const value = Number.parseInt(part, 16);
        out.push(value >> 8, value & 255);
      }
    }
    return out;
  };
  const head = groups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1]!, true) : [];
  if (!head || !tail) return undefined;
  if (halves.length === 1) return head.length === 16 ? head : undefined;
  if (head.length + tail.length > 14) return undefined;
  return [...head, ...new Array(16 - head.length - tail.length).fill(0), ...tail];
}

/** 16 bytes of an address, IPv4 as ::ffff:a.b.c.d; undefined when `text` is neither. */
export function parseIp(text: string): Uint8Array | undefined {
  const v4 = parseIPv4(text);
  if (v4) return Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...v4]);
  const v6 = parseIPv6(text);
  return v6 && Uint8Array.from(v6);
}

/** True when the 16 address bytes at `at` stand for an IPv4 address. */
export function isMapped(bytes: Uint8Array, at = 0): boolean {
  for (let i = 0; i < 10; i++) if (bytes[at + i] !== 0) return false;
  return bytes[at + 10] === 255 && bytes[at + 11] === 255;
}

/** 127.0.0.0/8 or ::1, for packets that never leave a machine (RFC 1122, RFC 4291). */
export function isLoopback(address: Uint8Array): boolean {
  if (isMapped(address)) return address[12] === 127;
  return address.every((byte, i) => byte === (i === 15 ? 1 : 0));
}

/** Text of 16 address bytes: dotted quad for IPv4-mapped, else RFC 5952. */
export function formatIp(bytes: Uint8Array, at = 0): string {
  if (isMapped(bytes, at)) return Array.from(bytes.subarray(at + 12, at + 16)).join(".");
  const groups = Array.from(
    { length: 8 },
    (_, i) => (bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]!,
  );
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && groups[i + n] === 0) n++;
    if (n > bestLength) [best, bestLength] = [i, n];
  }
  const hex = groups.map((g) => g.toString(16));
  if (best < 0) return hex.join(":");
  return `${hex.slice(0, best).join(":")}::${hex.slice(best + bestLength).join(":")}`;
}

/** A network: 16 bytes (IPv4 mapped) and a prefix length counted over all 128 bits. */
export interface Network {
  readonly bytes: Uint8Array;
  readonly prefix: number;
}

/**
 * Reads `10.0.0.0/8`, `10.1.2.3`, `fd00::/8`. Host bits must be zero. A sentence when it cannot.
 */
export function parseNetwork(text: string): Network | string {
  const [ip, bits, more] = text.split("/");
  const bytes = parseIp(ip!);
  if (!bytes || more !== undefined) return "a network such as 10.0.0.0/8 or fd00::/8";
  const width = ip!.includes(":") ? 128 : 32;
  if (bits !== undefined && !/^\d{1,3}$/.test(bits)) return "a prefix length after the slash";
  const length = bits === undefined ? width : Number(bits);
  if (length > width) return `a prefix length from 0 to ${width}`;
  const prefix = length + 128 - width;
  for (let i = prefix; i < 128; i++) {
    if (bytes[i >> 3]! & (0x80 >> (i & 7))) return "a network whose host bits are zero";
  }
  return { bytes, prefix };
}

/** True when the 16 address bytes at `at` lie in the network. */
export function inNetwork(network: Network, bytes: Uint8Array, at: number): boolean {
  const whole = network.prefix >> 3;
  for (let i = 0; i < whole; i++) if (bytes[at + i] !== network.bytes[i]) return false;
  const rest = network.prefix & 7;
  if (rest === 0) return true;
  const mask = (0xff00 >> rest) & 0xff;
  return (bytes[at + whole]! & mask) === (network.bytes[whole]! & mask);
}
