import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";

/** errno numbers of this system by name: `ERRNO.EAGAIN`. Positive. */
export const ERRNO = constants.errno;

/** `ECONNREFUSED` for 111 or -111; `errno 999` for a number nobody knows. For messages, never hot. */
export function errnoName(errno: number): string {
  return getSystemErrorMap().get(-Math.abs(errno))?.[0] ?? `errno ${Math.abs(errno)}`;
}

/** What a failed system call throws in control code. */
export interface SystemError extends Error {
  /** `EADDRINUSE` and the like. */
  readonly code: string;
  readonly errno: number;
}

/** `listen on 127.0.0.1:80: EACCES, permission denied`, from what was attempted and its errno. */
export function systemError(attempt: string, errno: number): SystemError {
  const text = getSystemErrorMap().get(-Math.abs(errno))?.[1];
  const code = errnoName(errno);
  const message = `${attempt}: ${code}${text === undefined ? "" : `, ${text}`}`;
  return Object.assign(new Error(message), { code, errno: Math.abs(errno) });
}
