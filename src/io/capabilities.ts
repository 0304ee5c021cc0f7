import { readFileSync } from "node:fs";
import { must } from "./errno-names.ts";
import { addressOf, native } from "./ffi.ts";

/*
 * What root may do, piece by piece (capabilities(7)). Each thread has its own; what is done here is
 * done to the calling one.
 */

/** Those that loading and attaching programs for the network needs. */
export const CAPABILITY = { NET_ADMIN: 12, PERFMON: 38, BPF: 39 } as const;

/** Of root's rights those that a thread without any of the director's tasks is left. */
export const ROOT_SERVES_WITH: readonly number[] = [
  // CAP_DAC_OVERRIDE: sockets of servers that belong to others.
  1,
  // CAP_SYS_RESOURCE: pipes of any size, which bodies are moved through.
  24,
];

/** Stands for CAP_BPF and CAP_PERFMON, as it did before there were these (Linux 5.8). */
const CAP_SYS_ADMIN = 21;

const PR_SET_KEEPCAPS = 8;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4n;
const VERSION_3 = 0x20080522;

const prctl = native("prctl", "i32", "i32", "u64", "u64", "u64", "u64");
const capset = native("capset", "i32", "u64", "u64");

/** The thread's capabilities outlive the change to another account, though none is in effect. */
export function keepCapabilities(): void {
  must("keep capabilities", prctl(PR_SET_KEEPCAPS, 1n, 0n, 0n, 0n));
}

/** Programs that the thread starts get none of its capabilities, unless it is root's. */
export function keepFromChildren(): void {
  must("clear ambient capabilities", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0n, 0n, 0n));
}

/** The thread has these from now on, in effect, and no others. Throws a SystemError. */
export function limitCapabilities(capabilities: readonly number[]): void {
  const header = Uint32Array.of(VERSION_3, 0);
  // Effective, permitted, inheritable; the lower 32, then the upper.
  const sets = new Uint32Array(6);
  for (const capability of capabilities) {
    const at = 3 * (capability >> 5);
    const bit = 2 ** (capability & 31);
    sets[at]! += bit;
    sets[at + 1]! += bit;
  }
  must("limit capabilities", capset(addressOf(header), addressOf(sets)));
}

/** Of some capabilities those that are in effect in the calling thread. */
export function effectiveOf(capabilities: readonly number[]): number[] {
  const set = effectiveCapabilities();
  return capabilities.filter((number) => isIn(set, number));
}

/** Capabilities in effect in the calling thread, as bits. */
export function effectiveCapabilities(): bigint {
  const match = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/thread-self/status", "utf8"));
  return BigInt(`0x${match?.[1] ?? "0"}`);
}

/** Names of those of CAPABILITY that are not in a set of bits. */
export function missingCapabilities(set: bigint): string[] {
  return Object.entries(CAPABILITY)
    .filter(
      ([name, number]) => !isIn(set, number) && (name === "NET_ADMIN" || !isIn(set, CAP_SYS_ADMIN)),
    )
    .map(([name]) => `CAP_${name}`);
}

const isIn = (set: bigint, number: number): boolean => (set & (1n << BigInt(number))) !== 0n;
