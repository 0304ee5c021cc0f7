import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  statfsSync,
  statSync,
} from "node:fs";
import { attachCgroup } from "./link.ts";
import { dropLink, keepLink, linkPlace } from "./pinned-link.ts";

/*
 * Programs at a cgroup of version 2: what its processes ask the kernel goes by them. A link holds
 * one there under a name, so that it runs on without a process of ours; when the cgroup goes, the
 * link is at nothing.
 */

const CGROUP2_MAGIC = 0x63677270;

/** Where cgroups of version 2 are mounted; undefined where they are not. */
export function cgroupMount(
  mounts = readFileSync("/proc/self/mounts", "utf8"),
): string | undefined {
  const rows = mounts.split("\n").map((line) => line.split(" "));
  return rows.find(([, , type]) => type === "cgroup2")?.[1];
}

/** Whether a folder is a cgroup of version 2. */
export function isCgroup(path: string): boolean {
  try {
    return statfsSync(path).type === CGROUP2_MAGIC;
  } catch {
    return false;
  }
}

const numberOf = (path: string): bigint => statSync(path, { bigint: true }).ino;

/**
 * Has the program run at a cgroup, under the name `pin`; one that is there already gives way
 * without a question between them. `type` is an ATTACH_TYPE. Throws a SystemError.
 */
export function setCgroupLink(program: number, path: string, type: number, pin: string): void {
  const attach = (): number => {
    const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      return attachCgroup(program, folder, type);
    } finally {
      closeSync(folder);
    }
  };
  keepLink(pin, program, numberOf(path), attach, "cgroup");
}

/** Takes it away; false when there is none of that name. Throws a SystemError. */
export const dropCgroupLink = (pin: string): boolean => dropLink(pin, "cgroup");

/** Whether the link of that name holds its program at that cgroup. */
export const isAtCgroup = (pin: string, path: string): boolean =>
  existsSync(pin) && isCgroup(path) && linkPlace(pin, "cgroup") === numberOf(path);
