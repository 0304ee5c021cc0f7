import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { interfaceIndex } from "../netlink.ts";
import { attachXdp } from "./link.ts";
import { dropLink, keepLink, linkIndex } from "./pinned-link.ts";

/*
 * A program in the driver of an interface, under a name as those of hook.ts:
 *
 *     FOLDER/xdp/DEVICE
 */

const folderOf = (folder: string): string => join(folder, "xdp");

/** Names of BPF objects have no dot. */
const pathOf = (folder: string, device: string): string =>
  join(folderOf(folder), device.replaceAll(".", "::"));

/**
 * Has frames of the interface go through the program before the kernel makes packets of them; a
 * program of ours that is there gives way. Throws a SystemError: ENOTSUP for a driver that runs
 * none, EBUSY where there is somebody else's.
 */
export function attachXdpHook(program: number, folder: string, device: string): void {
  const ifindex = interfaceIndex(device);
  mkdirSync(folderOf(folder), { recursive: true, mode: 0o700 });
  keepLink(pathOf(folder, device), program, ifindex, () => attachXdp(program, ifindex, "native"));
}

/** Leaves the frames of the interface alone again; false when there was nothing. */
export const detachXdpHook = (folder: string, device: string): boolean =>
  dropLink(pathOf(folder, device));

/** Index of the interface where a program of ours runs under that name; 0 when that is gone. */
export const xdpHookedAt = (folder: string, device: string): number | undefined => {
  const path = pathOf(folder, device);
  return existsSync(path) ? linkIndex(path) : undefined;
};

/** Interfaces below a folder that programs of ours were put at. */
export function xdpDevices(folder: string): string[] {
  if (!existsSync(folderOf(folder))) return [];
  return readdirSync(folderOf(folder)).map((name) => name.replaceAll("::", "."));
}
