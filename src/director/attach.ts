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

/** Looks for answers to checks where the director takes no packets. Throws like attach. */
export function attachProbeAnswer(
  folder: string,
  netlink: Netlink,
  program: number,
  device: string,
): void {
  mustBeEthernet(netlink, device);
  attachHook(netlink, program, place(folder, device), "weir_probe_answer");
}

/** Has packets go through the program where they leave. Throws like attach. */
export function attachExit(
  folder: string,
  netlink: Netlink,
  program: number,
  device: string,
): void {
  mustBeEthernet(netlink, device);
  attachHook(netlink, program, exit(folder, device), "weir_exit");
}

export const detachExit = (folder: string, netlink: Netlink, device: string): boolean =>
  detachHook(netlink, exit(folder, device));

/** Interfaces that attachExit was called for, by us or by the control before. */
export const exitDevices = (folder: string): string[] => hookedDevices(folder, "egress");

function mustBeEthernet(netlink: Netlink, device: string): void {
  if (describeInterface(netlink, interfaceIndex(device)).isEthernet) return;
  throw new Error(`${device} has no Ethernet frames: the director needs them`);
}
