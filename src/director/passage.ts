import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/*
 * Another account's way to its folder: the file system's own folder, which is root's, is passed
 * through, not listed. That it was closed before is said by the folder FOLDER/passage.
 */

const PASS = 0o001;
const MODE = 0o7777;

const markIn = (folder: string): string => join(folder, "passage");

/** To be called by root. */
export function openPassage(root: string, folder: string): void {
  const { mode } = statSync(root);
  if ((mode & PASS) !== 0) return;
  mkdirSync(markIn(folder), { recursive: true, mode: 0o755 });
  chmodSync(root, (mode & MODE) | PASS);
}

/** As it was, unless a folder there is another account's still. Only root can do that. */
export function closePassage(root: string, folder: string): void {
  if (!existsSync(markIn(folder)) || process.getuid!() !== 0) return;
  const others = readdirSync(root).map((name) => join(root, name));
  if (others.some((path) => path !== folder && statSync(path).uid !== 0)) return;
  chmodSync(root, statSync(root).mode & MODE & ~PASS);
}
