import { existsSync, mkdirSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { interfaceIndex, type Netlink } from "../netlink.ts";
import { deleteFilter, type FilterPlace, setFilter } from "./clsact.ts";
import { forgetDisciplines, giveDiscipline, takeDiscipline } from "./discipline.ts";
import { supportsTcx } from "./features.ts";
import { attachTcx, type Direction } from "./link.ts";
import { pinObject } from "./pin.ts";
import { dropLink, keepLink, linkIndex } from "./pinned-link.ts";

/*
 * A program at one side of an interface, under a name, so that it runs on without a process: a tcx
 * link, or on kernels before 6.6 a filter of clsact. Of a filter the name is that of its program,
 * and says that there is one.
 *
 *   FOLDER/tcx/DEVICE:ingress     FOLDER/clsact/DEVICE:egress
 */

export type Hook = "tcx" | "clsact";
export const HOOKS: readonly Hook[] = ["tcx", "clsact"];

export interface HookPlace {
  /** In the file system for BPF objects. */
  readonly folder: string;
  readonly device: string;
  readonly direction: Direction;
  /** Before all programs that are there, for it only looks: those may keep packets. */
  readonly first?: boolean;
}

/** Behind what others may have put there, and out of the way of small numbers. */
const FILTER_PRIORITY = 49_153;

const filterPlace = (ifindex: number, { direction, first }: HookPlace): FilterPlace => ({
  ifindex,
  direction,
  priority: first ? FILTER_PRIORITY - 1 : FILTER_PRIORITY,
  handle: 1,
});

/** No name of an interface has a colon; names of BPF objects must have no dot. */
const pathOf = (hook: Hook, { folder, device, direction }: HookPlace): string =>
  join(folder, hook, `${device.replaceAll(".", "::")}:${direction}`);

/**
 * Has packets go through the program, by the hook that is returned; a program of ours that is there
 * already, by whatever hook, gives way without a packet between them. While both are there, for a
 * moment, what the one at tcx leaves to the kernel is seen by the filter too. Throws a SystemError.
 */
export function attachHook(
  netlink: Netlink,
  program: number,
  place: HookPlace,
  name: string,
  wanted: Hook | "auto" = "auto",
): Hook {
  const ifindex = interfaceIndex(place.device);
  const hook = wanted !== "auto" ? wanted : supportsTcx(ifindex) ? "tcx" : "clsact";
  mkdirSync(dirname(pathOf(hook, place)), { recursive: true, mode: 0o700 });
  if (hook === "tcx") {
    const attach = (): number => attachTcx(program, ifindex, place.direction, place.first);
    keepLink(pathOf("tcx", place), program, ifindex, attach);
    dropFilter(netlink, place);
  } else {
    setClsact(netlink, program, place, ifindex, name);
    dropLink(pathOf("tcx", place));
  }
  return hook;
}

function setClsact(
  netlink: Netlink,
  program: number,
  place: HookPlace,
  ifindex: number,
  name: string,
): void {
  giveDiscipline(netlink, ifindex, place);
  setFilter(netlink, filterPlace(ifindex, place), program, name);
  const path = pathOf("clsact", place);
  if (existsSync(path)) unlinkSync(path);
  pinObject(program, path);
}

/** Leaves the packets alone again; false when there was nothing. Throws a SystemError. */
export function detachHook(netlink: Netlink, place: HookPlace): boolean {
  return [dropLink(pathOf("tcx", place)), dropFilter(netlink, place)].includes(true);
}

/**
 * Takes all programs out that were put at interfaces below a folder, and the folders of their
 * names; the places where there were any. `first` as they were put there. Throws a SystemError.
 */
export function detachHooks(netlink: Netlink, folder: string, first = false): HookPlace[] {
  const folders = HOOKS.map((hook) => join(folder, hook)).filter(existsSync);
  const places = folders.flatMap((names) => {
    const there = readdirSync(names).map((name) => ({ ...placeOf(folder, name), first }));
    return there.filter((place) => detachHook(netlink, place));
  });
  for (const names of folders) rmdirSync(names);
  forgetDisciplines(folder);
  return places;
}

/** The discipline goes, too, where it came with our first filter and this was the last. */
function dropFilter(netlink: Netlink, place: HookPlace): boolean {
  const path = pathOf("clsact", place);
  if (!existsSync(path)) return false;
  try {
    const ifindex = interfaceIndex(place.device);
    deleteFilter(netlink, filterPlace(ifindex, place));
    takeDiscipline(netlink, ifindex, place);
  } catch {
    // The interface is gone.
  }
  unlinkSync(path);
  return true;
}

/** Which hook holds a program of ours at that place; undefined when none does. */
export function findHook(place: HookPlace): Hook | undefined {
  let ifindex: number;
  try {
    ifindex = interfaceIndex(place.device);
  } catch {
    return undefined;
  }
  if (existsSync(pathOf("tcx", place)) && linkIndex(pathOf("tcx", place)) === ifindex) return "tcx";
  return existsSync(pathOf("clsact", place)) ? "clsact" : undefined;
}

/** Where a program of ours at that place runs: the interface's index, 0 when that is gone. */
export function hookedAt(place: HookPlace): number | "filter" | undefined {
  if (existsSync(pathOf("tcx", place))) return linkIndex(pathOf("tcx", place));
  return existsSync(pathOf("clsact", place)) ? "filter" : undefined;
}

/** Interfaces below a folder that programs of ours were put at, on that side. */
export function hookedDevices(folder: string, direction: Direction): string[] {
  const folders = HOOKS.map((hook) => join(folder, hook)).filter(existsSync);
  const places = folders.flatMap((path) => readdirSync(path)).map((name) => placeOf(folder, name));
  const there = places.filter((place) => place.direction === direction);
  return [...new Set(there.map(({ device }) => device))];
}

/** The place that a name in one of the folders stands for. */
export function placeOf(folder: string, name: string): HookPlace {
  const at = name.lastIndexOf(":");
  const direction = name.slice(at + 1) === "egress" ? "egress" : "ingress";
  return { folder, device: name.slice(0, at).replaceAll("::", "."), direction };
}
