import { existsSync, unlinkSync } from "node:fs";
import { closeFd } from "../sockets.ts";
import { detachLink, updateLink } from "./link.ts";
import { objectInfo, openPinned, pinObject } from "./pin.ts";

/*
 * A link to a hook of an interface (tcx, XDP) or to a cgroup that has a name, so that it stays
 * without a process.
 */

/** Of struct bpf_link_info, where a link has its interface or cgroup. */
const PLACE_AT = 16;
const LINK_INFO_BYTES = 32;

/** What a link is at. */
export type LinkKind = "interface" | "cgroup";

/**
 * Has the link of that name run the program: the one that is there, if it is at that place (an
 * interface's index, a cgroup's number), or else what `attach` makes. Nothing passes between two
 * programs. Throws a SystemError.
 */
export function keepLink(
  path: string,
  program: number,
  place: number | bigint,
  attach: () => number,
  kind: LinkKind = "interface",
): void {
  if (existsSync(path)) {
    const known = openPinned(path);
    try {
      if (placeOf(known, kind) === BigInt(place)) {
        updateLink(known, program);
        return;
      }
    } finally {
      closeFd(known);
    }
    // What it was at is gone, or another has the name now.
    unlinkSync(path);
  }
  const link = attach();
  try {
    pinObject(link, path);
  } finally {
    closeFd(link);
  }
}

/** Takes the link of that name away, with what it holds; false when there was none. */
export function dropLink(path: string, kind: LinkKind = "interface"): boolean {
  if (!existsSync(path)) return false;
  const link = openPinned(path);
  try {
    if (placeOf(link, kind) !== 0n) detachLink(link);
  } finally {
    closeFd(link);
  }
  unlinkSync(path);
  return true;
}

/** Index of the interface that the link of that name is at; 0 when that is gone. */
export const linkIndex = (path: string): number => Number(linkPlace(path, "interface"));

/** The same of any. */
export function linkPlace(path: string, kind: LinkKind): bigint {
  const link = openPinned(path);
  try {
    return placeOf(link, kind);
  } finally {
    closeFd(link);
  }
}

function placeOf(link: number, kind: LinkKind): bigint {
  const info = objectInfo(link, LINK_INFO_BYTES);
  return kind === "cgroup"
    ? info.getBigUint64(PLACE_AT, true)
    : BigInt(info.getUint32(PLACE_AT, true));
}
