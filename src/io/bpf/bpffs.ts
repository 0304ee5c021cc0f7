import { mkdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { utf8 } from "#base/bytes.ts";
import { must } from "../errno-names.ts";
import { addressOf, native } from "../ffi.ts";

/** Where names of BPF objects are. */
export const BPFFS = "/sys/fs/bpf";

const BPF_FS_MAGIC = 0xcafe4a11;

const mount = native("mount", "i32", "u64", "u64", "u64", "u64", "u64");

/** The folder of what is pinned under a name. */
export const pinsFolder = (pins: string): string => join(BPFFS, pins);

/** Whether names for BPF objects can be made there. */
export function isBpffs(path: string): boolean {
  try {
    return statfsSync(path).type === BPF_FS_MAGIC;
  } catch {
    return false;
  }
}

/**
 * Makes `path` a file system for names of BPF objects, if it is none. Returns whether it was
 * mounted now: it stays until somebody unmounts it. Throws a SystemError.
 */
export function mountBpffs(path: string): boolean {
  if (isBpffs(path)) return false;
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const kind = utf8("bpf\0");
  const target = utf8(`${path}\0`);
  const options = utf8("mode=0700\0");
  const kindAt = addressOf(kind);
  const result = mount(kindAt, addressOf(target), kindAt, 0n, addressOf(options));
  must(`mount a BPF file system at ${path}`, result);
  return true;
}
