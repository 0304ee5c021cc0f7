import { readFileSync } from "node:fs";
import { WeirError } from "#base/errors.ts";

/** The fields of an account's line in a passwd(5) text; none when it has no line. */
const fieldsOf = (passwd: string, user: string): string[] =>
  (passwd.split("\n").find((entry) => entry.startsWith(`${user}:`)) ?? "").split(":");

/** A number of an account; undefined when it is none. */
function numberIn(field: string | undefined): number | undefined {
  const number = Number(field || Number.NaN);
  return Number.isInteger(number) ? number : undefined;
}

/** Primary group of an account in a passwd(5) text. */
export const primaryGroup = (passwd: string, user: string): number | undefined =>
  numberIn(fieldsOf(passwd, user)[3]);

/** Who an account is. Throws a WeirError when there is none. */
export function findAccount(user: string): { readonly uid: number; readonly gid: number } {
  const passwd = readFileSync("/etc/passwd", "utf8");
  const uid = numberIn(fieldsOf(passwd, user)[2]);
  const gid = primaryGroup(passwd, user);
  if (uid === undefined || gid === undefined) {
    throw new WeirError("START_FAILED", `there is no account ${user}`);
  }
  return { uid, gid };
}
