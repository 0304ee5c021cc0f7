import { readFileSync } from "node:fs";
import { isMapped, parseIp } from "#base/ip.ts";

/*
 * Sockets that wait for clients, from the kernel's tables (proc_net_tcp(5)): a line has the local
 * address as words in the machine's order, in hexadecimal, and the state.
 */

const TCP_LISTEN = "0A";
/** Of UDP: no peer. */
const UDP_UNCONNECTED = "07";

interface Listener {
  /** 16 bytes, IPv4 mapped. */
  readonly address: Uint8Array;
  readonly port: number;
}

/** Reads one of the tables. */
export function readListeners(table: string, state: string): Listener[] {
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((cells) => cells[3] === state)
    .map((cells) => {
      const [address, port] = cells[1]!.split(":");
      return { address: bytesOf(address!), port: Number.parseInt(port!, 16) };
    });
}

function bytesOf(hex: string): Uint8Array {
  const words = hex.match(/.{8}/g)!.map((word) => Number.parseInt(word, 16));
  const bytes = new Uint8Array(Uint32Array.from(words).buffer);
  if (bytes.length === 16) return bytes;
  return Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...bytes]);
}

/** Whether a socket takes what comes for that address: its own, or one for all. */
export function takes(listener: Listener, address: Uint8Array, port: number): boolean {
  if (listener.port !== port) return false;
  const isAny = listener.address.every((byte, i) => i === 10 || i === 11 || byte === 0);
  if (!isAny) return listener.address.every((byte, i) => byte === address[i]);
  // One for all of IPv6 takes IPv4 too, unless told otherwise, which the table does not show.
  return isMapped(address) || !isMapped(listener.address);
}

/** Whether something listens there, TCP or UDP. */
export function listensOn(address: string, port: number): boolean {
  const bytes = parseIp(address)!;
  return ["tcp", "tcp6", "udp", "udp6"].some((table) =>
    readListeners(tableText(table), table.startsWith("tcp") ? TCP_LISTEN : UDP_UNCONNECTED).some(
      (listener) => takes(listener, bytes, port),
    ),
  );
}

function tableText(table: string): string {
  try {
    return readFileSync(`/proc/thread-self/net/${table}`, "utf8");
  } catch {
    // Without IPv6.
    return "";
  }
}
