import { WeirError } from "#base/errors.ts";
import { prepareFolder } from "#director/folder.ts";
import { flushKernel } from "#director/kernel.ts";
import { pinnedTables } from "#director/tables.ts";
import { findAccount } from "./account.ts";
import type { DirectorTable } from "./api.ts";

/*
 * What can be done with a director in the kernel without a weir that runs. All of it throws
 * NOT_PERMITTED without the right to.
 */

/**
 * Takes everything of a director out of the kernel: its program and its tables, with the
 * connections in them. False when there was nothing.
 */
export const flushDirector = (pins: string): boolean =>
  permitted("take it out of the kernel", () => flushKernel(pins));

/** A director's tables; none when it is not there. */
export const readPinnedTables = (pins: string): readonly DirectorTable[] =>
  permitted("look at its tables", () => pinnedTables(pins));

/** Gives an account a folder for its director. Throws a WeirError when there is no such account. */
export function prepareDirector(pins: string, user: string): void {
  const { uid, gid } = findAccount(user);
  permitted("make its folder", () => prepareFolder(pins, uid, gid));
}

function permitted<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "EPERM" && code !== "EACCES") throw error;
    throw new WeirError("NOT_PERMITTED", `may not ${what}: ${message}`, { cause: error });
  }
}
