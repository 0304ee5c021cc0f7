import { readFileSync } from "node:fs";

/** `tfd:       12 events: …` in the fdinfo of an epoll set, one line a registered descriptor. */
const REGISTERED = /^tfd:\s*(\d+)/gm;

/**
 * Descriptors that a dead worker thread left open in this process: those it said it holds, and the
 * sockets it had in its epoll sets (proc(5), /proc/pid/fdinfo), but for `shared` ones, which others
 * own.
 */
export function leftovers(
  held: readonly number[],
  shared: ReadonlySet<number>,
  readInfo: (fd: number) => string = (fd) => readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"),
): number[] {
  const found = new Set<number>();
  for (const fd of held) {
    let info: string;
    try {
      info = readInfo(fd);
    } catch {
      continue;
    }
    for (const [, registered] of info.matchAll(REGISTERED)) found.add(Number(registered));
  }
  for (const fd of held) found.add(fd);
  return [...found].filter((fd) => !shared.has(fd));
}
