import { readdirSync } from "node:fs";
import { must } from "./errno-names.ts";
import { addressOf, native } from "./ffi.ts";

const RLIMIT_NOFILE = 7;

const getrlimit = native("getrlimit", "i32", "i32", "u64");
const setrlimit = native("setrlimit", "i32", "i32", "u64");

/** struct rlimit: soft limit, hard limit. */
const limits = new BigUint64Array(new ArrayBuffer(16));
const limitsAt = addressOf(limits);

/** Descriptors left to the rest of the process: logs, configuration, checks, the loop of Node. */
const SPARE = 64;

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
 * As many sockets as are wanted, or as the limit of descriptors has room for beside what is open
 * now and `reserved` more. Throws when that is none.
 */
export function allowedSockets(wanted: number, reserved: number): number {
  const limit = raiseDescriptorLimit();
  const room = limit - readdirSync("/proc/self/fd").length - reserved - SPARE;
  if (room < 1) throw new Error(`the limit of ${limit} open descriptors leaves none for sockets`);
  return Math.min(wanted, room);
}
