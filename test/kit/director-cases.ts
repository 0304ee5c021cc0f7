import type { ProtocolName } from "#base/protocol.ts";
import { counting, type Payload, type Ports, sctp, tcp, udp } from "./packet.ts";

/*
 * Who talks in tests of the director: a client, a service's address, its servers, and a router
 * between.
 */

export const PEOPLE = {
  IPv4: {
    client: "192.0.2.7",
    neighbour: "192.0.2.99",
    stranger: "203.0.113.5",
    service: "198.51.100.1",
    second: "198.51.100.2",
    server: "10.0.0.2",
    other: "10.0.0.3",
    ours: "10.0.0.1",
    router: "172.16.0.1",
  },
  IPv6: {
    client: "2001:db8::7",
    neighbour: "2001:db8::99",
    stranger: "2001:db8:1::5",
    service: "2001:db8:5::1",
    second: "2001:db8:5::2",
    server: "fd00::2",
    other: "fd00::3",
    ours: "fd00::1",
    router: "2001:db8:9::1",
  },
} as const;

export type FamilyName = keyof typeof PEOPLE;
export const FAMILIES = Object.keys(PEOPLE) as FamilyName[];

/** A packet of each protocol that can begin a flow, with something in it. */
export const TRANSPORTS: Readonly<Record<ProtocolName, (ports: Ports) => Payload>> = {
  tcp: (ports) => tcp({ ...ports, options: counting(8), data: counting(31) }),
  udp: (ports) => udp({ ...ports, data: counting(13) }),
  sctp: (ports) => sctp({ ...ports, data: counting(20) }),
};

export const PROTOCOLS = Object.keys(TRANSPORTS) as ProtocolName[];
