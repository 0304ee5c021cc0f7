import type { Address } from "#base/address.ts";
import { utf8 } from "#base/bytes.ts";
import { formatIp, isIPv4, parseIp } from "#base/ip.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "./driver.ts";

/*
 * struct sockaddr on Linux (the family is in host order, little-endian on all we run on):
 *
 *          0        2       4               8               16      24        28
 * inet    | family | port  | address       | zero          |
 * inet6   | family | port  | flow          | address (16 bytes)    | scope   |
 * unix    | family | path, up to 108 bytes, ended by NUL …
 */

/** struct sockaddr_un, the longest there is. */
export const SOCKADDR_MAX_BYTES = 110;

const PORT = 2;
const V4_ADDRESS = 4;
const V6_ADDRESS = 8;
const PATH = 2;

/**
 * Writes an address as a struct sockaddr at bytes[at…] and returns its length. Throws for an
 * address that is not of a socket (a name must be resolved first) and where `bytes` has no room.
 */
export function encodeSockaddr(address: Address, bytes: Uint8Array, at: number): number {
  if (address.kind === "unix") return encodeUnix(address.path, bytes, at);
  const ip = address.kind === "inet" ? parseIp(address.host) : undefined;
  if (address.kind !== "inet" || !ip) {
    throw new Error(`not the address of a socket: ${JSON.stringify(address)}`);
  }
  const v4 = isIPv4(address.host);
  const length = v4 ? 16 : 28;
  clear(bytes, at, length);
  bytes[at] = v4 ? AF_INET : AF_INET6;
  bytes[at + PORT] = address.port >> 8;
  bytes[at + PORT + 1] = address.port & 255;
  if (v4) bytes.set(ip.subarray(12), at + V4_ADDRESS);
  else bytes.set(ip, at + V6_ADDRESS);
  return length;
}

function encodeUnix(path: string, bytes: Uint8Array, at: number): number {
  const name = utf8(path);
  const length = PATH + name.length + 1;
  if (length > SOCKADDR_MAX_BYTES) throw new Error(`a socket's path is too long: ${path}`);
  clear(bytes, at, length);
  bytes[at] = AF_UNIX;
  bytes.set(name, at + PATH);
  return length;
}

function clear(bytes: Uint8Array, at: number, length: number): void {
  if (at + length > bytes.length) throw new Error(`no room for a sockaddr of ${length} bytes`);
  bytes.fill(0, at, at + length);
}

export interface SocketAddress {
  /** AF_INET, AF_INET6 or AF_UNIX. */
  readonly family: number;
  /** IP address as text; the path of a Unix socket, empty when it has none. */
  readonly host: string;
  /** 0 for a Unix socket. */
  readonly port: number;
}

/** Reads a struct sockaddr. Throws for a family that is none of ours. Allocates. */
export function decodeSockaddr(bytes: Uint8Array, at: number): SocketAddress {
  const family = bytes[at]! | (bytes[at + 1]! << 8);
  const port = (bytes[at + PORT]! << 8) | bytes[at + PORT + 1]!;
  if (family === AF_INET) {
    return { family, host: Array.from(bytes.subarray(at + V4_ADDRESS, at + 8)).join("."), port };
  }
  if (family === AF_INET6) return { family, host: formatIp(bytes, at + V6_ADDRESS), port };
  if (family !== AF_UNIX) throw new Error(`a sockaddr of family ${family}`);
  let end = at + PATH;
  while (end < at + SOCKADDR_MAX_BYTES && end < bytes.length && bytes[end] !== 0) end++;
  return { family, host: new TextDecoder().decode(bytes.slice(at + PATH, end)), port: 0 };
}
