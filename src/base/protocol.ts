/** Protocols that services of layer 4 are of, by their numbers in an IP header. */
export const PROTOCOL = { tcp: 6, udp: 17, sctp: 132 } as const;
export type ProtocolName = keyof typeof PROTOCOL;

export const PROTOCOL_NAMES = Object.keys(PROTOCOL) as readonly ProtocolName[];

const TITLES = new Map(
  PROTOCOL_NAMES.map((name) => [PROTOCOL[name] as number, name.toUpperCase()]),
);

/** `TCP` for 6; undefined for those that services are not of. */
export const protocolTitle = (number: number): string | undefined => TITLES.get(number);
