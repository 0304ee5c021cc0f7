import { WeirError } from "#base/errors.ts";
import { parseIp, parseNetwork } from "#base/ip.ts";
import { addHostAddress } from "#io/addresses.ts";
import { cgroupMount, isCgroup } from "#io/bpf/cgroup.ts";
import { bpfRefusal } from "#io/bpf/features.ts";
import { interfaceIndex, Netlink } from "#io/netlink.ts";
import { attachClientPrograms } from "./client-programs.ts";
import { anyClient, lookAround, type Overview, routeTo } from "./overview.ts";
import { type ClientRequest, planClient } from "./plan-client.ts";
import { type JoinRequest, planJoin } from "./plan-join.ts";
import { attachPrograms } from "./programs.ts";
import { emptyState, type NodeState, readState, writeState } from "./state.ts";
import { readSysctl, sysctlName, toldFailure, writeSysctl } from "./sysctl.ts";

/** What was done, in sentences, and how the machine is now. */
export interface Joined {
  readonly changes: readonly string[];
  readonly state: NodeState;
}

/**
 * Prepares this machine to answer for services' addresses; what was joined before stays. Settings
 * change first and addresses come last: nobody hears of an address that is to be kept quiet. What
 * fails half-way is in the state, and is undone by leave(). Throws a WeirError.
 */
export function join(request: JoinRequest | ClientRequest, path: string, pins: string): Joined {
  const before = readState(path);
  if (before && before.pins !== pins) {
    throw new WeirError("USAGE", `this machine joined with --pins ${before.pins}`);
  }
  const refusal = request.method === "dr" ? undefined : bpfRefusal();
  if (refusal !== undefined) throw new WeirError("NOT_PERMITTED", refusal);
  const netlink = new Netlink();
  try {
    const state = plan(netlink, before ?? emptyState(pins), request);
    writeState(path, state);
    return { changes: apply(netlink, state), state };
  } catch (error) {
    throw toldFailure(error, "what was done until then, weir node leave undoes");
  } finally {
    netlink.close();
  }
}

function plan(
  netlink: Netlink,
  before: NodeState,
  request: JoinRequest | ClientRequest,
): NodeState {
  const overview = lookAround(netlink);
  if (request.method === "fullnat") {
    const devicesTo = (networks: readonly string[]): string[] => {
      const known = networks
        .map((text) => parseNetwork(text))
        .filter((one) => typeof one !== "string");
      return devicesThatLead(
        netlink,
        overview,
        known.map(({ bytes }) => bytes),
      );
    };
    const facts = { ...overview, devicesTo, cgroups: cgroupMount(), isCgroup };
    return { ...before, client: planClient(before.client, request, facts) };
  }
  const outDevices = devicesToClients(netlink, overview);
  return planJoin(before, request, { ...overview, sysctl: readSysctl, outDevices });
}

/** Interfaces that the default routes leave by. */
export const devicesToClients = (netlink: Netlink, overview: Overview): string[] =>
  devicesThatLead(
    netlink,
    overview,
    [false, true].map((v6) => parseIp(anyClient(v6))!),
  );

function devicesThatLead(
  netlink: Netlink,
  { interfaces }: Overview,
  addresses: readonly Uint8Array[],
): string[] {
  const found = addresses.map((address) => routeTo(netlink, address)?.interface);
  const named = interfaces.filter(({ index, isLoopback }) => found.includes(index) && !isLoopback);
  return named.map(({ name }) => name);
}

function apply(netlink: Netlink, state: NodeState): string[] {
  const changes: string[] = [];
  for (const { name, now } of state.sysctls) {
    if (readSysctl(name) === now || !writeSysctl(name, now)) continue;
    changes.push(`${sysctlName(name)} = ${now}`);
  }
  const { tunnel, client, pins } = state;
  if (tunnel) {
    const vips = state.vips.filter((vip) => vip.tunnel).map(({ address }) => address);
    attachPrograms(netlink, pins, tunnel, vips);
    changes.push(`tunnels (${tunnel.forms.join(", ")}) end at ${tunnel.devices.join(", ")}`);
  }
  if (client) {
    attachClientPrograms(netlink, pins, client);
    changes.push(
      `clients are named by ${client.from.join(", ")} at ${client.devices.join(", ")}, and told to ${client.cgroup}`,
    );
  }
  for (const { address, device, added } of state.vips) {
    if (added && addHostAddress(netlink, parseIp(address)!, interfaceIndex(device))) {
      changes.push(`${address} is an address of ${device}`);
    }
  }
  return changes;
}
