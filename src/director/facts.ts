import { AF_UNIX } from "#io/driver.ts";
import { peerIp } from "#io/peer-ip.ts";
import { ADDRESS_MAX_BYTES, readAddress } from "#plan/address-cell.ts";
import { type Board, HEALTH, SERVER, WEIGHT_SCALE } from "#plan/board.ts";
import type { OwnForwarding } from "#plan/forwarding.ts";
import type { BackendPlan, ServerPlan } from "#plan/plan.ts";
import { rowIdentity } from "#plan/row-identity.ts";

/** What is known of a server now, from the Plan and the Board. */
export interface ServerFacts extends OwnForwarding {
  readonly name: string;
  /** Hash of `backend/server`. */
  readonly identity: number;
  /** 16 bytes, IPv4 mapped; undefined while its name is not resolved. */
  readonly address: Uint8Array | undefined;
  /** 0: the port packets came for. */
  readonly port: number;
  /** 0: it takes nothing new. */
  readonly weight: number;
  /** It takes nothing, from nobody: it is down, or out for maintenance. */
  readonly isClosed: boolean;
  /** Its health says so. */
  readonly isDown: boolean;
  /** Connections at which it is overloaded, and below which no more; 0 = never. */
  readonly upper: number;
  readonly lower: number;
}

const memory = new Uint8Array(ADDRESS_MAX_BYTES);

/** The facts of a backend's servers, in the order of the configuration. */
export const readFacts = (board: Board, backend: BackendPlan): ServerFacts[] =>
  backend.servers.map((server) => readServer(board, backend.name, server));

/** It is not found where it was. */
export function isElsewhere(now: ServerFacts, before: ServerFacts | undefined): boolean {
  if (!before || now.port !== before.port) return true;
  if (!now.address || !before.address) return now.address !== before.address;
  for (let i = 0; i < now.address.length; i++) {
    if (now.address[i] !== before.address[i]) return true;
  }
  return false;
}

function readServer(board: Board, backend: string, server: ServerPlan): ServerFacts {
  const row = server.slot * SERVER.size;
  const cell = (column: number): number => Atomics.load(board.servers, row + column);
  const at = locate(board, server.slot);
  const upper = cell(SERVER.MAX_CONNECTIONS);
  return {
    name: server.name,
    identity: rowIdentity(`${backend}/${server.name}`),
    address: at?.address,
    port: at?.port ?? 0,
    // A server in slow start is not without weight.
    weight: at ? Math.ceil(cell(SERVER.EFFECTIVE) / WEIGHT_SCALE) : 0,
    isClosed: cell(SERVER.EFFECTIVE) === 0 && cell(SERVER.STICKY) === 0,
    isDown: cell(SERVER.HEALTH) === HEALTH.DOWN,
    upper,
    // What was configured goes with the limit that was configured; else it is three quarters.
    lower: upper === server.maxConnections ? server.minConnections : 0,
    method: server.method,
    tunnel: server.tunnel,
  };
}

function locate(board: Board, slot: number): { address: Uint8Array; port: number } | undefined {
  if (readAddress(board, slot, memory, 0) <= 0 || memory[0] === AF_UNIX) return undefined;
  const address = new Uint8Array(16);
  return { address, port: peerIp(memory, 0, address, 0) };
}
