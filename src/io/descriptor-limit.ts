import { must } from "./errno-names.ts";
import { addressOf, native } from "./ffi.ts";

const RLIMIT_NOFILE = 7;

const getrlimit = native("getrlimit", "i32", "i32", "u64");
const setrlimit = native("setrlimit", "i32", "i32", "u64");

/** struct rlimit: soft limit, hard limit. */
const limits = new BigUint64Array(new ArrayBuffer(16));
const limitsAt = addressOf(limits);

/**
 * Descriptors left to the rest of the process, a quarter of few: logs, configuration, checks, the
 * page, the loop of Node. Sockets that took them all would have checks fail, and servers with them.
 */
const MOST_SPARE = 1024;

/**
 * Raises the soft limit of open descriptors to the hard one, which it returns. Throws a
 * SystemError.
 */
export function raiseDescriptorLimit(): number {
  must("getrlimit", getrlimit(RLIMIT_NOFILE, limitsAt));
  if (limits[0] !== limits[1]) {
    limits[0] = limits[1]!;
    must("setrlimit", setrlimit(RLIMIT_NOFILE, limitsAt));
  }
  return Math.min(Number(limits[1]), 0x7fff_ffff);
}

/**
 * As many sockets as are wanted, or as one of `sharers` drivers in this process may have of the
 * limit of descriptors, `reserved` for itself apart. Throws when that is none.
 */
export function allowedSockets(wanted: number, reserved: number, sharers = 1): number {
  const limit = raiseDescriptorLimit();
  const spare = Math.min(MOST_SPARE, limit >> 2);
  const room = Math.floor((limit - spare) / sharers) - reserved;
  if (room < 1) throw new Error(`the limit of ${limit} open descriptors leaves none for sockets`);
  return Math.min(wanted, room);
}
