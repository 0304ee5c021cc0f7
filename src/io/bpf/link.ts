import { ATTACH_FLAG, ATTACH_TYPE, COMMAND } from "./abi.ts";
import { clearAttributes, mustBpf, setU32 } from "./syscall.ts";

/*
 * A link is a descriptor that holds a program at a hook: the program runs until the link is
 * detached, or the descriptor is closed and the link has no name (pin.ts). The interface is one of
 * the network namespace the calling thread is in.
 */

/** Where a tcx program sees packets: as they come in, or as they go out. */
export type Direction = "ingress" | "egress";

/** Who runs an XDP program: the network stack, the card's driver, or whichever can. */
export type XdpMode = "generic" | "native" | "auto";

const XDP_FLAGS: Readonly<Record<XdpMode, number>> = { generic: 2, native: 4, auto: 0 };

/** Attaches a tc program by a tcx link (Linux 6.6), behind those that are there, or before them. */
export function attachTcx(
  program: number,
  ifindex: number,
  direction: Direction,
  first = false,
): number {
  const type = direction === "ingress" ? ATTACH_TYPE.TCX_INGRESS : ATTACH_TYPE.TCX_EGRESS;
  const flags = first ? ATTACH_FLAG.BEFORE : 0;
  const what = `attach to ${direction} of interface ${ifindex}`;
  return createLink(what, program, ifindex, type, flags);
}

/** Attaches a program to a cgroup of version 2, whose folder is open (Linux 5.7). */
export function attachCgroup(program: number, folder: number, type: number): number {
  return createLink(`attach to cgroup ${folder}`, program, folder, type, 0);
}

/** Attaches an XDP program (Linux 5.9). An interface has one. */
export function attachXdp(program: number, ifindex: number, mode: XdpMode): number {
  const what = `attach to XDP (${mode}) of interface ${ifindex}`;
  return createLink(what, program, ifindex, ATTACH_TYPE.XDP, XDP_FLAGS[mode]);
}

function createLink(
  what: string,
  program: number,
  target: number,
  type: number,
  flags: number,
): number {
  clearAttributes();
  setU32(0, program);
  setU32(4, target);
  setU32(8, type);
  setU32(12, flags);
  return mustBpf(what, COMMAND.LINK_CREATE, 32);
}

/** Another program takes the place of a link's; no packet passes between them. */
export function updateLink(link: number, program: number): void {
  clearAttributes();
  setU32(0, link);
  setU32(4, program);
  mustBpf(`update link ${link}`, COMMAND.LINK_UPDATE, 16);
}

/** Takes a link's program from its hook, pinned or not. The descriptor is still to be closed. */
export function detachLink(link: number): void {
  clearAttributes();
  setU32(0, link);
  mustBpf(`detach link ${link}`, COMMAND.LINK_DETACH, 4);
}
