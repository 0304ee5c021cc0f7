import { WEIGHT_MAX } from "#plan/board.ts";
import {
  address,
  bool,
  duration,
  group,
  type InferFields,
  int,
  named,
  oneOf,
  optional,
  text,
} from "#schema/index.ts";
import { tunnelFields } from "./tunnel.ts";

const checkPort = int({ help: "Another port to check", min: 1, max: 65_535 });

const serverCheckFields = {
  address: optional(
    address({
      help: "Another address to check",
      kinds: ["inet", "name", "unix"],
      defaultPort: 0,
    }),
  ),
  port: optional(checkPort),
};

export const serverFields = {
  address: address({
    help: "Where it listens: `10.0.0.1:80`, `[fd00::1]:80`, `name.example:80` or `unix@/path`; behind a service port 0 is the one that the client asked for",
    required: true,
    kinds: ["inet", "name", "unix"],
  }),
  weight: int({
    help: "Its share, relative to the others; 0 takes nothing but what persistence brings",
    max: WEIGHT_MAX,
    fallback: 1,
  }),
  maxConnections: int({
    help: "Requests at the same time, more wait in the queue; of services, connections, others get them. 0 = no limit",
    max: 1_000_000,
    fallback: 0,
  }),
  minConnections: optional(
    int({
      help: "Of services: a server that reached `maxConnections` takes new ones again below this many; absent: three quarters of it",
      min: 1,
      max: 1_000_000,
    }),
  ),
  backup: bool({ help: "Used only when no other server is usable", fallback: false }),
  slowStart: duration({
    help: "Time in which its weight grows to the full after it came up; 0s = at once",
    max: 86_400_000,
    fallback: 0,
  }),
  cookie: optional(
    text({
      help: "What the persistence cookie says for this server; absent: its name",
      pattern: /^[!#-+\--:<-[\]-~]+$/,
      expected: "a cookie's value: no blanks, quotes, commas, semicolons or backslashes",
      maxLength: 64,
    }),
  ),
  state: oneOf(["ready", "drain", "maint"], {
    help: "What it is when first seen: `drain` takes no new clients, `maint` is not even checked",
    fallback: "ready",
  }),
  check: optional(
    group(serverCheckFields, {
      help: "Where to check this one; a bare value is a port",
      short: "port",
    }),
  ),
  agent: optional(int({ help: "Port of this server's agent", min: 1, max: 65_535 })),
  method: optional(
    oneOf(["nat", "dr", "tun", "fullnat", "local"], {
      help: "Of services: how packets get to this server, where others go by the service's `method`",
    }),
  ),
  tunnel: optional(
    group(tunnelFields, {
      help: "Of services: how `tun` wraps packets to this server; a bare value is the type; absent: as the service says",
      short: "type",
    }),
  ),
};
export type Server = InferFields<typeof serverFields>;

export const servers = named(
  group(serverFields, { help: "A server; a bare value is its address", short: "address" }),
  { help: "The servers, by name", what: "servers by name", required: true },
);
