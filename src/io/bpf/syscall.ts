import { utf8 } from "#base/bytes.ts";
import { ERRNO, systemError } from "../errno-names.ts";
import { addressOf, errno, native } from "../ffi.ts";

/*
 * bpf(2): a command and a structure of attributes, whose fields are named here by their offsets in
 * union bpf_attr. One structure a thread, filled anew for each call:
 *
 *     clearAttributes(); setU32(0, fd); setPointer(8, key); bpf(COMMAND.MAP_LOOKUP, 32);
 */

/** Number of the system call. */
const BPF = process.arch === "arm64" ? 280 : 321;
const ATTRIBUTES_BYTES = 256;
/** A command may find itself interrupted by a signal; the kernel says how often is enough. */
const TRIES = 5;
/** The kernel's names have 15 characters and a zero. */
const NAME_CHARACTERS = 15;

const syscall = native("syscall", "i32", "i64", "i32", "u64", "u32");

const memory = new ArrayBuffer(ATTRIBUTES_BYTES);
const bytes = new Uint8Array(memory);
const view = new DataView(memory);
const address = addressOf(bytes);
const number = BigInt(BPF);
/** What pointers of the structure point to must not be collected before the call. */
const held: ArrayBufferView[] = [];

/** Begins a new structure: all zeros. */
export function clearAttributes(): void {
  bytes.fill(0);
  held.length = 0;
}

export function setU32(offset: number, value: number): void {
  view.setUint32(offset, value, true);
}

export function setU64(offset: number, value: bigint): void {
  view.setBigUint64(offset, value, true);
}

/** Puts the address of `target` there; `target` is kept until the call is over. */
export function setPointer(offset: number, target: ArrayBufferView): void {
  held.push(target);
  view.setBigUint64(offset, addressOf(target), true);
}

/** Puts the address of a string that ends with a zero there. */
export function setText(offset: number, text: string): void {
  setPointer(offset, utf8(`${text}\0`));
}

/** Writes a name for the kernel's lists: cut to 15 characters, others than it takes made `_`. */
export function setName(offset: number, name: string): void {
  bytes.set(utf8(name.replaceAll(/[^A-Za-z0-9_.]/g, "_").slice(0, NAME_CHARACTERS)), offset);
}

/** A field of the structure after the call. */
export function getU32(offset: number): number {
  return view.getUint32(offset, true);
}

/**
 * Makes the call with the first `size` bytes of the structure. Returns what the kernel does: a
 * descriptor or 0, or a negative errno.
 */
export function bpf(command: number, size: number): number {
  for (let tries = 1; ; tries++) {
    const result = syscall(number, command, address, size);
    const problem = result < 0 ? errno() : 0;
    if (problem === ERRNO.EAGAIN && tries < TRIES) continue;
    held.length = 0;
    return problem === 0 ? result : -problem;
  }
}

/** As bpf(), but a failure throws the SystemError of what was attempted. */
export function mustBpf(attempt: string, command: number, size: number): number {
  const result = bpf(command, size);
  if (result < 0) throw systemError(attempt, result);
  return result;
}
