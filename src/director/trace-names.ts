import { formatEndpoint } from "#base/address.ts";
import { formatIp } from "#base/ip.ts";
import type { Director } from "./director.ts";

interface Endpoints {
  /** By slot. */
  readonly services: ReadonlyMap<number, string>;
  /** By row of `destinations`. */
  readonly servers: ReadonlyMap<number, { readonly name: string; readonly address: string }>;
}

/** What rows of a director stand for now. */
export function endpointsOf(director: Director): Endpoints {
  const services = director.plan?.services ?? [];
  const rows = services.flatMap((service) => director.rowsOf(service));
  return {
    services: new Map(services.map(({ slot, name }) => [slot, name])),
    servers: new Map(
      rows.map(({ row, facts: { name, address, port } }) => {
        const host = address ? formatIp(address) : "";
        return [row, { name, address: port === 0 ? host : formatEndpoint(host, port) }];
      }),
    ),
  };
}
