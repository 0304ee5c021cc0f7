import type { ConnectionView } from "#control/api.ts";
import { endpoint } from "./virtual.ts";

const PROTOCOLS: Readonly<Record<number, string>> = { 0: "IP", 6: "TCP", 17: "UDP", 132: "SCTP" };

const two = (value: number): string => String(value).padStart(2, "0");

/** Connections in the columns of `ipvsadm -L -c -n`. */
export function connectionsView(connections: readonly ConnectionView[]): string {
  const lines = connections.map((one) => {
    const seconds = Math.floor(one.expiresMs / 1000);
    return [
      (PROTOCOLS[one.protocol] ?? String(one.protocol)).padEnd(3),
      `${two(Math.floor(seconds / 60))}:${two(seconds % 60)} `,
      one.state.padEnd(11),
      endpoint(one.client, one.clientPort).padEnd(18),
      endpoint(one.service, one.servicePort).padEnd(18),
      one.server === "" ? "-" : endpoint(one.server, one.serverPort),
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
