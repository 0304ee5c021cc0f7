import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Netlink } from "../netlink.ts";
import { addClsact, deleteClsact, hasFilters } from "./clsact.ts";

/*
 * Disciplines `clsact` that interfaces have from us, and that are to go with our last filter. The
 * file system for BPF objects has no files, but symbolic links:
 *
 *   FOLDER/disciplines/DEVICE -> index of the interface
 */

interface Owned {
  readonly folder: string;
  readonly device: string;
}

/** No name of a BPF object has a dot, and no interface's has a colon. */
const markOf = ({ folder, device }: Owned): string =>
  join(folder, "disciplines", device.replaceAll(".", "::"));

/** Gives an interface the discipline, if it has none. Throws a SystemError. */
export function giveDiscipline(netlink: Netlink, ifindex: number, owned: Owned): void {
  if (!addClsact(netlink, ifindex)) return;
  const mark = markOf(owned);
  mkdirSync(dirname(mark), { recursive: true, mode: 0o700 });
  if (isMarked(mark)) unlinkSync(mark);
  symlinkSync(String(ifindex), mark);
}

/** Takes it away again, if it was ours and nobody has filters there. Throws a SystemError. */
export function takeDiscipline(netlink: Netlink, ifindex: number, owned: Owned): void {
  const mark = markOf(owned);
  if (!isMarked(mark) || readlinkSync(mark) !== String(ifindex)) return;
  if (hasFilters(netlink, ifindex)) return;
  deleteClsact(netlink, ifindex);
  unlinkSync(mark);
}

/** Disciplines that others use by now are theirs. */
export function forgetDisciplines(folder: string): void {
  const marks = join(folder, "disciplines");
  if (!existsSync(marks)) return;
  for (const name of readdirSync(marks)) unlinkSync(join(marks, name));
  rmdirSync(marks);
}

/** The link leads nowhere, so that it is not for existsSync. */
const isMarked = (mark: string): boolean =>
  lstatSync(mark, { throwIfNoEntry: false }) !== undefined;
