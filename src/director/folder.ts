import { chownSync, lchownSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { basename, join } from "node:path";
import { BPFFS, isBpffs, mountBpffs, pinsFolder } from "#io/bpf/bpffs.ts";
import type { SystemError } from "#io/errno-names.ts";
import { closePassage, openPassage } from "./passage.ts";

/** Has a file system for names where it belongs. Throws an Error that says what to do. */
export function mountNames(pins: string): void {
  if (process.getuid!() !== 0 && !isBpffs(BPFFS)) {
    throw new Error(`no BPF file system is mounted at ${BPFFS}: ${advice(pins)}`);
  }
  mountBpffs(BPFFS);
}

/** Makes a folder with that of its tables, if need be. Throws an Error that says what to do. */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(join(folder, "maps"), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw explainFolder(cause as Error, folder);
  }
}

/** False when it stays, empty: root made it for this account. */
export function removeFolder(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    const isRoots = ["EACCES", "EPERM", "EBUSY", "EROFS"].includes((error as SystemError).code);
    if (isRoots && process.getuid!() !== 0) return false;
    throw error;
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  EACCES: "may not be used by this account",
  EPERM: "may not be used by this account",
  EROFS: "is read-only for this process",
};

/** What a user can do about a folder that is not for this account; other errors as they are. */
export function explainFolder(cause: Error, folder: string): Error {
  const refusal = REFUSALS[(cause as SystemError).code];
  const uid = process.getuid!();
  if (refusal === undefined || uid === 0) return cause;
  const text = `${folder} ${refusal} (user ${uid}): ${advice(basename(folder))}`;
  return new Error(text, { cause });
}

const advice = (pins: string): string =>
  "root has to make it first, for that user to own: " +
  `weir director prepare --user NAME${pins === "weir" ? "" : ` --pins ${pins}`}`;

/**
 * Makes the folder of a director, for a control that will be another account's: it owns it, and may
 * come to it. To be called by root.
 */
export function prepareFolder(pins: string, uid: number, gid: number): void {
  mountBpffs(BPFFS);
  const folder = pinsFolder(pins);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const path of [folder, ...readdirSync(folder).map((part) => join(folder, part))]) {
    chownSync(path, uid, gid);
    if (path === folder) continue;
    for (const name of readdirSync(path)) lchownSync(join(path, name), uid, gid);
  }
  openPassage(BPFFS, folder);
}

/** Takes back what `prepareFolder` did for others' way to a folder that is about to go. */
export const closeWay = (folder: string): void => closePassage(BPFFS, folder);
