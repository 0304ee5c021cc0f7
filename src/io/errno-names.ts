import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";
import { errno } from "./ffi.ts";

/** errno numbers of this system by name: `ERRNO.EAGAIN`. Positive. */
export const ERRNO = constants.errno;

/** A number of the kernel's own that bpf(2) lets out: a map cannot do what it is asked. */
export const ENOTSUPP = 524;

/** Numbers of bpf(2) and netlink that Node has no names for. */
const MORE_NAMES: ReadonlyMap<number, readonly [name: string, text: string]> = new Map([
  [77, ["EBADFD", "file descriptor in bad state"]],
  [ENOTSUPP, ["ENOTSUPP", "operation is not supported"]],
]);

const describe = (number: number): readonly [name: string, text: string] | undefined =>
  getSystemErrorMap().get(-Math.abs(number)) ?? MORE_NAMES.get(Math.abs(number));

/**
 * `ECONNREFUSED` for 111 or -111; `errno 999` for a number nobody knows. For messages, never hot.
 */
export function errnoName(number: number): string {
  return describe(number)?.[0] ?? `errno ${Math.abs(number)}`;
}

/** What a failed system call throws in control code. */
export interface SystemError extends Error {
  /** `EADDRINUSE` and the like. */
  readonly code: string;
  readonly errno: number;
}

/** `listen on 127.0.0.1:80: EACCES, permission denied`, from what was attempted and its errno. */
export function systemError(attempt: string, number: number): SystemError {
  const text = describe(number)?.[1];
  const code = errnoName(number);
  const message = `${attempt}: ${code}${text === undefined ? "" : `, ${text}`}`;
  return Object.assign(new Error(message), { code, errno: Math.abs(number) });
}

/** The result of a call of the C library made just now; throws its SystemError when that is -1. */
export function must(attempt: string, result: number): number {
  if (result < 0) throw systemError(attempt, errno());
  return result;
}
