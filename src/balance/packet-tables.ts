import {
  PACKET_FLAG,
  PACKET_HASH,
  PACKET_TURNS_MOST,
  type PacketHash,
} from "#plan/packet-schedule.ts";
import { Eligible } from "./eligible.ts";
import type { KeySpec } from "./key.ts";
import type { KeyTable } from "./key-table.ts";
import { PacketPool } from "./packet-pool.ts";
import type { PacketSchedule, PacketServer } from "./packet-schedule.ts";
import { boundedWeights } from "./whole-weights.ts";

/** Indices of weights (whole, none of them 0, without common divisor) in the order of turns. */
export type LayOut = (weights: readonly number[]) => Iterable<number>;

/** The positions of the servers with a weight, laid out. */
export function turnTable(servers: readonly PacketServer[], layOut: LayOut): Uint16Array {
  const open = [...servers.keys()].filter((position) => servers[position]!.weight > 0);
  const weights = open.map((position) => servers[position]!.weight);
  const order = layOut(boundedWeights(weights, PACKET_TURNS_MOST));
  return Uint16Array.from(order, (index) => open[index]!);
}

/** Turns of the servers with a weight, as a function lays them out. */
export function packetTurns(layOut: LayOut): PacketSchedule {
  return { kind: "turns", table: (servers) => turnTable(servers, layOut) };
}

/** Entries of a ring as packets look it up: arcs of equal length. */
const ARCS = 65_536;

/** The servers with a weight in a table of ours, made for keys of requests. */
export function keyTable(servers: readonly PacketServer[], table: KeyTable): Uint16Array {
  table.build(new Eligible(new PacketPool(servers)));
  return table.owner.slice(0, table.size);
}

/** As keyTable of a ring: who owns the beginning of each of ARCS equal arcs of it. */
export function arcTable(servers: readonly PacketServer[], ring: KeyTable): Uint16Array {
  ring.build(new Eligible(new PacketPool(servers)));
  if (ring.size === 0) return new Uint16Array(0);
  const arc = 2 ** 31 / ARCS;
  return Uint16Array.from({ length: ARCS }, (_, n) => ring.owner[ring.slotOf(n * arc)]!);
}

/** A table looked up by the source address; whoever takes nothing new is always passed over. */
export function packetSource(
  table: (servers: readonly PacketServer[]) => Uint16Array,
): PacketSchedule {
  return packetHash(PACKET_HASH.SOURCE, true, table);
}

export function packetHash(
  hash: PacketHash,
  fallback: boolean,
  table: (servers: readonly PacketServer[]) => Uint16Array,
): PacketSchedule {
  return { kind: "hash", hash, flags: fallback ? PACKET_FLAG.FALLBACK : 0, table };
}

/** Why a scheduler that hashes requests cannot do it with packets; undefined when it can. */
export function unfitForPackets(key: KeySpec, balanceFactor: number): string | undefined {
  if (key.kind !== "source") {
    return `it hashes the ${key.kind} of a request, which packets do not have: set key: source`;
  }
  if (balanceFactor === 0) return undefined;
  return "packets cannot be held to a fair share of the load: set balanceFactor: 0";
}

/** As unfitForPackets, for a scheduler that hashes what is asked for. */
export function unfitForDestination(key: KeySpec): string | undefined {
  if (key.kind === "uri") return undefined;
  return `packets are led by the address they go to, not by the ${key.kind}: leave key out`;
}
