import { readFileSync } from "node:fs";
import { WeirError } from "#base/errors.ts";

/** Primary group of an account in a passwd(5) text. */
export function primaryGroup(passwd: string, user: string): number | undefined {
  const line = passwd.split("\n").find((entry) => entry.startsWith(`${user}:`));
  const group = Number(line?.split(":")[3] || Number.NaN);
  return Number.isInteger(group) ? group : undefined;
}

/**
 * Becomes another account for good, with its groups. Does nothing unless this process is root's.
 */
export function dropPrivileges(user: string | undefined): void {
  if (user === undefined || process.getuid!() !== 0) return;
  const group = primaryGroup(readFileSync("/etc/passwd", "utf8"), user);
  if (group === undefined) throw new WeirError("START_FAILED", `there is no account ${user}`);
  // @types/node does not know it.
  (process as unknown as { initgroups(user: string, group: number): void }).initgroups(user, group);
  process.setgid!(group);
  process.setuid!(user);
}
