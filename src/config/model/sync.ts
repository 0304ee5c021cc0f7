import { formatIp, inNetwork, parseIp, parseNetwork } from "#base/ip.ts";
import {
  bool,
  duration,
  type Field,
  group,
  type InferFields,
  int,
  ip,
  list,
  oneOf,
  optional,
  refine,
} from "#schema/index.ts";
import { LONGEST_MS, whyNoUnicast } from "./service-address.ts";

const multicast = ["224.0.0.0/4", "ff00::/8"]
  .map(parseNetwork)
  .filter((network) => typeof network !== "string");

/** What would be right instead of an address that is no group's. */
export function whyNoGroup(host: string): string | undefined {
  const bytes = parseIp(host)!;
  if (multicast.some((network) => inNetwork(network, bytes, 0))) return undefined;
  return "a multicast address, such as 224.0.0.81 or ff02::51";
}

/** Addresses that are written differently may be the same. */
function sameOnce(hosts: readonly string[]): string | undefined {
  const shortest = new Set(hosts.map((host) => formatIp(parseIp(host)!)));
  return shortest.size < hosts.length ? "each of them once" : undefined;
}

const syncFields = (network: Field<string, string>) => ({
  interface: network,
  id: int({
    help: "Which directors belong together: others' messages are passed over; 0 hears all (`ipvsadm --syncid`)",
    max: 255,
    fallback: 0,
  }),
  role: oneOf(["both", "master", "backup"], {
    help: "`master` tells of its connections, `backup` takes others' in, `both` does both, whoever has the address",
    fallback: "both",
  }),
  group: refine(
    ip({
      help: "Multicast address that messages go to (`ipvsadm --mcast-group`)",
      fallback: "224.0.0.81",
    }),
    whyNoGroup,
  ),
  port: int({
    help: "UDP port of messages (`ipvsadm --mcast-port`)",
    min: 1,
    max: 65_535,
    fallback: 8848,
  }),
  ttl: int({
    help: "Routers that multicast may pass, and one more (`ipvsadm --mcast-ttl`)",
    min: 1,
    max: 255,
    fallback: 1,
  }),
  peers: refine(
    list(refine(ip({ help: "The other director's address" }), whyNoUnicast), {
      help: "Other directors, where there is no multicast: messages go to these alone, and are taken from these alone",
      single: true,
      max: 16,
      fallback: [],
    }),
    sameOnce,
  ),
  refresh: optional(
    duration({
      help: "A connection that goes on is told of again after this time; absent, and at most: half its timeout (`sync_refresh_period`)",
      min: 1000,
      max: LONGEST_MS,
    }),
  ),
  templatesOnly: bool({
    help: "Of services with persistence only who stays where is told, not their connections (`sync_persist_mode`)",
    fallback: false,
  }),
  pace: int({
    help: "Connections that are told of in a second at most; the rest waits for the next one",
    min: 100,
    max: 1_000_000,
    fallback: 20_000,
  }),
  maxBytes: optional(
    int({
      help: "Bytes of a message at most; absent: what fits into a packet of the interface (`ipvsadm --sync-maxlen`)",
      min: 256,
      max: 65_507,
    }),
  ),
});

/** How directors tell each other of connections; `network` is the Field of an interface's name. */
export const sync = (network: Field<string, string>) =>
  optional(
    group(syncFields(network), {
      help: "Connections are told to another director, so that they go on when it takes over their address: in the format of IPVS's sync daemon (`ipvsadm --start-daemon`)",
    }),
  );
export type Sync = InferFields<ReturnType<typeof syncFields>>;
