import type { Address } from "#base/address.ts";
import { decodeSockaddr, encodeSockaddr } from "#io/sockaddr.ts";
import { ADDRESS_MAX_BYTES, readAddress, writeAddress } from "#plan/address-cell.ts";
import type { Board } from "#plan/board.ts";

/** Both are used within one call only. */
const wanted = new Uint8Array(ADDRESS_MAX_BYTES);
const present = new Uint8Array(ADDRESS_MAX_BYTES);

/** Puts a server's address on the Board, or takes it away; false when it says so already. */
export function publishAddress(board: Board, slot: number, address: Address | undefined): boolean {
  const bytes = address ? encodeSockaddr(address, wanted, 0) : 0;
  const before = readAddress(board, slot, present, 0);
  if (before === bytes && wanted.subarray(0, bytes).every((byte, i) => byte === present[i])) {
    return false;
  }
  writeAddress(board, slot, wanted, 0, bytes);
  return true;
}

/** The IP address that the Board has for a server, or undefined. */
export function publishedHost(board: Board, slot: number): string | undefined {
  if (readAddress(board, slot, present, 0) <= 0) return undefined;
  const { host, port } = decodeSockaddr(present, 0);
  return port > 0 ? host : undefined;
}
