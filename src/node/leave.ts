import { parseIp } from "#base/ip.ts";
import { deleteHostAddress } from "#io/addresses.ts";
import { interfaceIndex, Netlink } from "#io/netlink.ts";
import { detachClientPrograms } from "./client-programs.ts";
import { detachPrograms } from "./programs.ts";
import { readState, removeState, type SysctlState, type VipState } from "./state.ts";
import { readSysctl, sysctlName, toldFailure, writeSysctl } from "./sysctl.ts";

export interface Left {
  readonly changes: string[];
  /** What was there before, or somebody else has changed since, and stays. */
  readonly kept: string[];
}

/**
 * Undoes what join() did, and nothing else. Addresses go first: none is there when this machine
 * answers for all of its own again. Nothing to undo is fine. Throws a WeirError.
 */
export function leave(path: string, pins: string): Left {
  const state = readState(path);
  const netlink = new Netlink();
  const left: Left = { changes: [], kept: [] };
  try {
    for (const vip of state?.vips ?? []) removeVip(netlink, vip, left);
    const folder = state?.pins ?? pins;
    for (const { device, direction } of [
      ...detachClientPrograms(netlink, folder),
      ...detachPrograms(netlink, folder),
    ]) {
      left.changes.push(`no program of ours at ${direction} of ${device}`);
    }
    for (const row of state?.sysctls ?? []) restore(row, left);
    removeState(path);
    return left;
  } catch (error) {
    throw toldFailure(error, "the rest is undone by calling weir node leave again");
  } finally {
    netlink.close();
  }
}

function removeVip(netlink: Netlink, { address, device, added }: VipState, left: Left): void {
  if (!added) {
    left.kept.push(`${address} was on ${device} before, and stays`);
    return;
  }
  let ifindex: number;
  try {
    ifindex = interfaceIndex(device);
  } catch {
    return;
  }
  if (deleteHostAddress(netlink, parseIp(address)!, ifindex)) {
    left.changes.push(`${address} is no address of ${device} any more`);
  }
}

function restore({ name, was, now }: SysctlState, left: Left): void {
  const value = readSysctl(name);
  if (value === undefined || value === was) return;
  if (value !== now) {
    left.kept.push(`${sysctlName(name)} = ${value}: somebody has changed it since`);
    return;
  }
  writeSysctl(name, was);
  left.changes.push(`${sysctlName(name)} = ${was}, as before`);
}
