import { readdirSync } from "node:fs";
import { must } from "#io/errno-names.ts";
import { addressOf, native } from "#io/ffi.ts";

const RLIMIT_NOFILE = 7;

const getrlimit = native("getrlimit", "i32", "i32", "u64");
const setrlimit = native("setrlimit", "i32", "i32", "u64");

/** Descriptors this process has open now. */
export const openFds = (): number => readdirSync("/proc/self/fd").length;

/**
 * Runs with at most `count` open descriptors in this process; the limit of before returns
 * afterwards.
 */
export function withDescriptorLimit(count: number, run: () => void): void {
  const limits = new BigUint64Array(new ArrayBuffer(16));
  const at = addressOf(limits);
  must("getrlimit", getrlimit(RLIMIT_NOFILE, at));
  const before = limits[0]!;
  limits[0] = BigInt(count);
  must("setrlimit", setrlimit(RLIMIT_NOFILE, at));
  try {
    run();
  } finally {
    limits[0] = before;
    must("setrlimit", setrlimit(RLIMIT_NOFILE, at));
  }
}
