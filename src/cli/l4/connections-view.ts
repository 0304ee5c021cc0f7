import { formatEndpoint } from "#base/address.ts";
import { protocolTitle } from "#base/protocol.ts";
import type { ConnectionView } from "#control/api.ts";

const two = (value: number): string => String(value).padStart(2, "0");

/** Templates may be of every protocol, which is number 0. */
const protocolText = (number: number): string =>
  number === 0 ? "IP" : (protocolTitle(number) ?? String(number));

/** Connections in the columns of `ipvsadm -L -c -n`. */
export function connectionsView(connections: readonly ConnectionView[]): string {
  const lines = connections.map((one) => {
    const seconds = Math.floor(one.expiresMs / 1000);
    return [
      protocolText(one.protocol).padEnd(3),
      `${two(Math.floor(seconds / 60))}:${two(seconds % 60)} `,
      one.state.padEnd(11),
      formatEndpoint(one.client, one.clientPort).padEnd(18),
      formatEndpoint(one.service, one.servicePort).padEnd(18),
      one.server === "" ? "-" : formatEndpoint(one.server, one.serverPort),
    ].join(" ");
  });
  return [
    "IPVS connection entries",
    "pro expire state       source             virtual            destination",
    ...lines,
  ]
    .map((line) => `${line}\n`)
    .join("");
}
