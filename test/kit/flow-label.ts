import { flowHash } from "#balance/packet-hash.ts";
import { PACKET_SEED } from "#plan/packet-schedule.ts";
import { ip16, PROTO } from "./packet.ts";

/** As packets to a service have it. */
interface ClientFlow {
  readonly client: string;
  readonly service: string;
  readonly from: number;
  readonly to: number;
  readonly protocol: "tcp" | "udp" | "sctp" | "icmp6";
}

/** The flow label that a tunnel over IPv6 has for it (RFC 6438). */
export function flowLabel({ client, service, from, to, protocol }: ClientFlow): number {
  const flow = { source: ip16(client), destination: ip16(service), sport: from, dport: to };
  const hash = flowHash({ ...flow, protocol: PROTO[protocol], nowMs: 0 }, PACKET_SEED);
  return hash & 0xfffff || 1;
}
