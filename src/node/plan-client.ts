import { WeirError } from "#base/errors.ts";
import type { Overview } from "./overview.ts";
import { mustBeEthernet } from "./plan-join.ts";
import type { ClientState } from "./state.ts";

/** What an operator asks for where directors say who clients are. */
export interface ClientRequest {
  readonly method: "fullnat";
  /** Networks of the directors' addresses; at least one. */
  readonly from: readonly string[];
  /** Empty: every port. */
  readonly ports: readonly number[];
  /** Where packets come in; empty: where the ways to the directors lead. */
  readonly devices: readonly string[];
  /** Folder of a cgroup; undefined: of all there are. */
  readonly cgroup: string | undefined;
}

/** What is known of the machine. */
export interface ClientFacts extends Overview {
  /** Interfaces that lead to these networks. */
  readonly devicesTo: (networks: readonly string[]) => readonly string[];
  /** Where cgroups of version 2 are mounted. */
  readonly cgroups: string | undefined;
  readonly isCgroup: (path: string) => boolean;
}

/**
 * The state as it will be: interfaces are added, all else is what was asked last. Throws a
 * WeirError.
 */
export function planClient(
  before: ClientState | undefined,
  { from, ports, devices: given, cgroup }: ClientRequest,
  facts: ClientFacts,
): ClientState {
  const asked = given.length > 0 ? given : facts.devicesTo(from);
  const devices = [...new Set([...(before?.devices ?? []), ...asked])];
  if (devices.length === 0) {
    const text = `no interface leads to ${from.join(", ")}: --device has to say where packets come in`;
    throw new WeirError("USAGE", text);
  }
  for (const device of devices) mustBeEthernet(facts, device, "packets are not looked at there");
  return { from, ports, devices, cgroup: planCgroup(cgroup ?? before?.cgroup, facts) };
}

function planCgroup(given: string | undefined, { cgroups, isCgroup }: ClientFacts): string {
  const path = given ?? cgroups;
  if (path === undefined) {
    throw new WeirError(
      "START_FAILED",
      "no cgroups of version 2 are mounted, at which processes are told who a client is: " +
        "mount -t cgroup2 none DIRECTORY",
    );
  }
  if (isCgroup(path)) return path;
  throw new WeirError("USAGE", `${path} is no cgroup of version 2`);
}
