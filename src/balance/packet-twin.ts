import {
  PACKET_FLAG,
  PACKET_NOBODY,
  PACKET_PROBES,
  PACKET_PROGRAM,
  PACKET_SEED,
} from "#plan/packet-schedule.ts";
import type { Locality } from "./locality.ts";
import {
  flowValue,
  foldAddress,
  type PacketFlow,
  probeSlot,
  probesOf,
  slotOf,
} from "./packet-hash.ts";
import { PacketPool, type PacketState } from "./packet-pool.ts";
import type { PacketSchedule, PacketServer } from "./packet-schedule.ts";
import type { Pool } from "./scheduler.ts";
import { walkFo } from "./schedulers/fo.ts";
import { createLblc } from "./schedulers/lblc.ts";
import { createLblcr } from "./schedulers/lblcr.ts";
import { walkLc } from "./schedulers/lc.ts";
import { createLeastConn } from "./schedulers/leastconn.ts";
import { walkNq } from "./schedulers/nq.ts";
import { walkOvf } from "./schedulers/ovf.ts";
import { walkSed } from "./schedulers/sed.ts";
import { createRoom, walkTwos } from "./schedulers/twos.ts";
import { walkWlc } from "./schedulers/wlc.ts";
import { isOpen, type Walk } from "./walk.ts";

const UDP = 17;

/** What the kernel counts, and its random numbers in [0, 2³²), of which `twos` takes two. */
export interface TwinState extends PacketState {
  readonly random?: () => number;
}

/** A schedule of packets in user space: what the kernel's program has to choose. */
export interface PacketTwin {
  /** A position, or -1 = nobody. */
  pick(flow: PacketFlow, state: TwinState): number;
}

type Pick = (flow: PacketFlow, random: () => number) => number;

/** The twin of a schedule over servers, at its beginning: counters 0, nothing remembered. */
export function createPacketTwin(
  schedule: PacketSchedule,
  servers: readonly PacketServer[],
): PacketTwin {
  const pool = new PacketPool(servers);
  const pick = createPick(schedule, servers, pool);
  return {
    pick(flow, state) {
      pool.state = state;
      return Math.max(-1, pick(flow, state.random ?? (() => 0)));
    },
  };
}

function createPick(
  schedule: PacketSchedule,
  servers: readonly PacketServer[],
  pool: PacketPool,
): Pick {
  if (schedule.kind === "walk") return createWalkPick(schedule.program, pool);
  const table = schedule.table(servers);
  const open = (position: number): boolean => position !== PACKET_NOBODY && isOpen(pool, position);
  return schedule.kind === "turns"
    ? createTurnPick(table, pool, open)
    : createHashPick(schedule, table, pool, open);
}

/**
 * The counter's entry, or one of the PACKET_PROBES - 1 after it; after that the first open server
 * from position counter modulo servers on. The counter goes on by one whatever was found.
 */
function createTurnPick(table: Uint16Array, pool: Pool, open: (p: number) => boolean): Pick {
  let counter = 0;
  return () => {
    const turn = counter++;
    for (let step = 0; step < Math.min(PACKET_PROBES, table.length); step++) {
      const position = table[(turn + step) % table.length]!;
      if (open(position)) return position;
    }
    return anybody(pool, turn, open);
  };
}

function createHashPick(
  { hash, flags }: Extract<PacketSchedule, { kind: "hash" }>,
  table: Uint16Array,
  pool: Pool,
  open: (position: number) => boolean,
): Pick {
  const size = table.length;
  return (flow) => {
    if (size === 0) return -1;
    const value = flowValue(hash, flow, PACKET_SEED);
    const first = slotOf(hash, value, size);
    if (open(table[first]!)) return table[first]!;
    if ((flags & PACKET_FLAG.FALLBACK) === 0) return -1;
    for (let step = 0; step < probesOf(hash, size); step++) {
      const position = table[probeSlot(hash, value, first, step, size)]!;
      if (open(position)) return position;
    }
    return anybody(pool, first, open);
  };
}

/** Heavy servers that take nothing may fill all the places that were looked at. */
function anybody(pool: Pool, from: number, open: (position: number) => boolean): number {
  for (let step = 0; step < pool.count; step++) {
    const position = (from + step) % pool.count;
    if (open(position)) return position;
  }
  return -1;
}

const WALKS: ReadonlyMap<number, Walk> = new Map([
  [PACKET_PROGRAM.LC, walkLc],
  [PACKET_PROGRAM.WLC, walkWlc],
  [PACKET_PROGRAM.SED, walkSed],
  [PACKET_PROGRAM.NQ, walkNq],
  [PACKET_PROGRAM.FO, walkFo],
  [PACKET_PROGRAM.OVF, walkOvf],
]);

function createWalkPick(program: number, pool: PacketPool): Pick {
  const walk = WALKS.get(program);
  if (walk) return () => walk(pool);
  switch (program) {
    case PACKET_PROGRAM.TWOS: {
      const room = createRoom(pool);
      return (_flow, random) => walkTwos(pool, random(), random(), room);
    }
    case PACKET_PROGRAM.LBLC:
      return createMemoryPick(createLblc(pool));
    case PACKET_PROGRAM.LBLCR:
      return createMemoryPick(createLblcr(pool));
    default: {
      const scheduler = createLeastConn(pool, 0, pool.count);
      return ({ nowMs, protocol }) => {
        // Flows of UDP are all inactive, and all that a server has of it.
        pool.countsAll = protocol === UDP;
        return scheduler.pick(-1, nowMs | 0);
      };
    }
  }
}

/** Remembered by the whole destination address, in the bucket of the folded one. */
function createMemoryPick(locality: Locality): Pick {
  const keys = new Map<string, number>();
  return ({ destination, nowMs }) => {
    const address = destination.join();
    const key = keys.get(address) ?? keys.size;
    keys.set(address, key);
    return locality.choose(foldAddress(destination), key, nowMs | 0);
  };
}
