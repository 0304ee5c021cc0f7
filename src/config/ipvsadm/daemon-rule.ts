import { parseIp } from "#base/ip.ts";
import { whyNoGroup } from "../model/sync.ts";
import { parseNumber } from "./address.ts";
import type { Faults } from "./faults.ts";
import type { Call } from "./options.ts";

/** A sync daemon of `--start-daemon`; what is undefined is as IPVS has it. */
export interface DaemonRule {
  readonly role: "master" | "backup";
  readonly interface: string;
  readonly id: number;
  readonly group: string | undefined;
  readonly port: number | undefined;
  readonly ttl: number | undefined;
  readonly maxBytes: number | undefined;
}

/** Numbers that a daemon takes, the smallest and the largest. */
const NUMBERS = {
  syncid: [0, 255],
  "sync-maxlen": [256, 65_507],
  "mcast-port": [1, 65_535],
  "mcast-ttl": [1, 255],
} as const;

export function readDaemon(options: Call["options"], faults: Faults): DaemonRule | undefined {
  const role = options.get("start-daemon");
  if (role !== "master" && role !== "backup") {
    faults.error("a daemon is master or backup");
    return undefined;
  }
  const device = options.get("mcast-interface");
  if (device === undefined) {
    faults.error("--start-daemon needs --mcast-interface, the way to the other director");
    return undefined;
  }
  const group = options.get("mcast-group");
  if (group !== undefined && (!parseIp(group) || whyNoGroup(group))) {
    faults.error("--mcast-group takes a multicast address");
    return undefined;
  }
  const numbers = new Map<string, number | undefined>();
  for (const [name, [least, most]] of Object.entries(NUMBERS)) {
    const text = options.get(name as keyof typeof NUMBERS);
    const value = text === undefined ? undefined : parseNumber(text, most);
    if (text !== undefined && (value === undefined || value < least)) {
      faults.error(`--${name} takes a number from ${least} to ${most}`);
      return undefined;
    }
    numbers.set(name, value);
  }
  return {
    ...{ role, interface: device, id: numbers.get("syncid") ?? 0, group },
    port: numbers.get("mcast-port"),
    ttl: numbers.get("mcast-ttl"),
    maxBytes: numbers.get("sync-maxlen"),
  };
}

/** The keywords of `director` for daemons, of which there may be one of each role. */
export function composeSync(daemons: readonly DaemonRule[]): { readonly sync?: object } {
  const [first] = daemons;
  if (!first) return {};
  const { role, ...rest } = first;
  const written = Object.entries(rest).filter(([, value]) => value !== undefined);
  return { sync: { ...Object.fromEntries(written), role: daemons.length > 1 ? "both" : role } };
}
