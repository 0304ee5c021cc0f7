import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { WeirError } from "#base/errors.ts";
import { ERRNO, type SystemError } from "#io/errno-names.ts";

/*
 * Settings of the kernel's network: numbers in files of /proc/sys/net, those of the namespace this
 * thread is in. A setting is named by its path there: `ipv4/conf/all/arp_ignore`.
 */

const ROOT = "/proc/sys/net";

/** Undefined where there is no such setting. */
export function readSysctl(name: string): number | undefined {
  try {
    return Number(readFileSync(`${ROOT}/${name}`, "utf8"));
  } catch (error) {
    if ((error as SystemError).code === "ENOENT") return undefined;
    throw error;
  }
}

/** False where there is no such setting: its interface is gone. Throws what the kernel says. */
export function writeSysctl(name: string, value: number): boolean {
  if (!existsSync(`${ROOT}/${name}`)) return false;
  writeFileSync(`${ROOT}/${name}`, String(value));
  return true;
}

/** The way sysctl(8) writes it, for copying: dots in an interface's name are slashes there. */
export const sysctlName = (name: string): string =>
  `net.${name
    .split("/")
    .map((part) => part.replaceAll(".", "/"))
    .join(".")}`;

/** A failure of the kernel's as commands tell it; other errors as they are. */
export function toldFailure(error: unknown, hint: string): unknown {
  const { errno, message } = error as SystemError;
  if (errno === undefined) return error;
  const isRefusal = [ERRNO.EACCES, ERRNO.EPERM, ERRNO.EROFS].includes(Math.abs(errno));
  const code = isRefusal ? "NOT_PERMITTED" : "START_FAILED";
  return new WeirError(code, `${message}; ${hint}`, { cause: error });
}
