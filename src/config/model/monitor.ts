import { type Address, parseAddress } from "#base/address.ts";
import { inNetwork, parseIp, parseNetwork } from "#base/ip.ts";
import { address, orOff, refine, section } from "#schema/index.ts";

const loopback = ["127.0.0.0/8", "::1"].map(parseNetwork).filter((n) => typeof n !== "string");

/** True when nobody but programs of this machine can reach the address. */
export function isLocal(at: Address): boolean {
  if (at.kind === "unix" || at.kind === "fd") return true;
  const ip = parseIp(at.host);
  return ip !== undefined && loopback.some((network) => inNetwork(network, ip, 0));
}

export const monitorFields = {
  bind: orOff(
    refine(
      address({
        help: "Where the status page, metrics and the API listen; loopback only, as they ask nobody for a name",
        kinds: ["inet", "unix", "fd"],
        fallback: parseAddress("127.0.0.1:8404") as Address,
      }),
      (at) =>
        isLocal(at)
          ? undefined
          : "a loopback address such as 127.0.0.1:8404: the monitor has no users, so nobody else may reach it",
    ),
  ),
};

export const monitor = section(monitorFields, {
  help: "Status page and metrics",
});
