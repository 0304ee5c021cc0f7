import { attachHook, detachHook, type Hook, type HookPlace, hookedDevices } from "#io/bpf/hook.ts";
import { interfaceIndex, type Netlink } from "#io/netlink.ts";
import { describeInterface } from "#io/routes.ts";

/** What makes the director's program run on interfaces, below its folder (io/bpf/hook.ts). */

/** Of a filter, where tcx is not to be had. */
const NAME = "weir_director";

const place = (folder: string, device: string): HookPlace => ({
  folder,
  device,
  direction: "ingress",
});

/** Where checks leave by the way of packets. */
const exit = (folder: string, device: string): HookPlace => ({
  folder,
  device,
  direction: "egress",
});

/**
 * Has packets of the interface go through the program, by the hook that is returned; a program that
 * is there already gives way without a packet between them. Throws a SystemError, or an Error for
 * an interface that is none for us.
 */
export function attach(
  folder: string,
  netlink: Netlink,
  program: number,
  device: string,
  wanted: Hook | "auto",
): Hook {
  mustBeEthernet(netlink, device);
  return attachHook(netlink, program, place(folder, device), NAME, wanted);
}

/** Leaves the packets of an interface alone again. */
export const detach = (folder: string, netlink: Netlink, device: string): boolean =>
  detachHook(netlink, place(folder, device));

/** What runs for checks that go the way of packets, where they leave and where they come back. */
interface ProbePrograms {
  readonly weir_exit: number;
  readonly weir_probe_answer: number;
}

/**
 * Has checks that leave by the interface go the way of packets. `answers`: the director takes no
 * packets there, so somebody is to look for their answers. Throws like attach.
 */
export function attachProbe(
  folder: string,
  netlink: Netlink,
  programs: ProbePrograms,
  device: string,
  answers: boolean,
): void {
  mustBeEthernet(netlink, device);
  if (answers) {
    const name = "weir_probe_answer";
    attachHook(netlink, programs[name], place(folder, device), name);
  }
  attachHook(netlink, programs.weir_exit, exit(folder, device), "weir_exit");
}

/** Takes what attachProbe put there away again. */
export function detachProbe(
  folder: string,
  netlink: Netlink,
  device: string,
  answers: boolean,
): void {
  detachHook(netlink, exit(folder, device));
  if (answers) detachHook(netlink, place(folder, device));
}

/** Interfaces that attachProbe was called for, by us or by the control before. */
export const probedDevices = (folder: string): string[] => hookedDevices(folder, "egress");

function mustBeEthernet(netlink: Netlink, device: string): void {
  if (describeInterface(netlink, interfaceIndex(device)).isEthernet) return;
  throw new Error(`${device} has no Ethernet frames: the director needs them`);
}
