import { must } from "./errno-names.ts";
import { addressOf, native } from "./ffi.ts";

const EFD_CLOEXEC = 0o2000000;

const eventfd = native("eventfd", "i32", "u32", "i32");
const write = native("write", "i32", "i32", "u64", "u32");

const one = new BigUint64Array(new ArrayBuffer(8));
const oneAddress = addressOf(one);

/**
 * A counter the kernel keeps: a turn that waits on it returns when somebody signals. Blocking, for
 * a ring completes a read on a non-blocking descriptor at once with EAGAIN. Throws with errno.
 */
export function createEventfd(): number {
  return must("eventfd", eventfd(0, EFD_CLOEXEC));
}

/**
 * Wakes whoever waits on an eventfd, from any thread. Signals not yet seen add up to one. Throws
 * with errno.
 */
export function signal(fd: number): void {
  // Set here so that this function keeps the array alive: its address alone would not.
  one[0] = 1n;
  must(`signal to eventfd ${fd}`, write(fd, oneAddress, 8));
}
