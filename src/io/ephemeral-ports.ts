import { readFileSync } from "node:fs";

/** Ports that the kernel gives to sockets which ask for none. Both ends are in it. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

const PATH = "/proc/sys/net/ipv4/ip_local_port_range";

/** Those of this process's network, of IPv6 as well; undefined where the kernel does not say. */
export function ephemeralPorts(): PortRange | undefined {
  let text: string;
  try {
    text = readFileSync(PATH, "latin1");
  } catch {
    return undefined;
  }
  const [first = 0, last = 0] = text.trim().split(/\s+/).map(Number);
  return first > 0 && last >= first ? { first, last } : undefined;
}
