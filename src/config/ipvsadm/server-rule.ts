import { LAST_PORT } from "#base/address.ts";
import { whyNoUnicast } from "../model/service-address.ts";
import { type Endpoint, parseEndpoint, parseNumber } from "./address.ts";
import type { Faults } from "./faults.ts";
import { IPVS_MOST_CONNECTIONS } from "./ipvs.ts";
import type { Call } from "./options.ts";
import type { ServerRule, ServiceRule, TunnelRule } from "./service-rule.ts";

type Given = Call["options"];

const METHODS = { gatewaying: "dr", ipip: "tun", masquerading: "nat" } as const;
const TUNNELS = ["ipip", "gue", "gre"] as const;
const MOST_WEIGHT = 2_147_483_647;

/** Reads what a call says of a server; undefined when it cannot be taken, which was told. */
export function readServer(
  options: Given,
  service: ServiceRule,
  faults: Faults,
): ServerRule | undefined {
  const written = options.get("real-server");
  if (written === undefined) {
    faults.error("-r says which server is meant, and it is missing");
    return undefined;
  }
  const endpoint = parseEndpoint(written);
  if (typeof endpoint === "string") {
    faults.error(endpoint);
    return undefined;
  }
  const method = methodOf(options, faults);
  const port = portOf(endpoint, service, method, faults);
  const tunnel = tunnelOf(options, method, faults);
  const limits = limitsOf(options, faults);
  const weight = numberOf(options, "weight", MOST_WEIGHT, 1, faults);
  const fits = checkHost(endpoint, service, method, faults);
  if (port === undefined || !tunnel || !limits || weight === undefined || !fits) return undefined;
  const { host } = endpoint;
  const { line } = faults;
  return { key: `${host} ${port}`, line, host, port, method, tunnel, weight, ...limits };
}

function methodOf(options: Given, faults: Faults): ServerRule["method"] {
  const given = Object.entries(METHODS).filter(([name]) => options.has(name as "ipip"));
  if (given.length > 1) faults.error("one of -g, -i and -m, not several");
  return given[0]?.[1] ?? "dr";
}

/** Only nat maps ports; elsewhere the server's is the service's. */
function portOf(
  { port }: Endpoint,
  { what }: ServiceRule,
  method: ServerRule["method"],
  faults: Faults,
): number | undefined {
  const own = what.kind === "mark" ? 0 : what.port;
  if (port === undefined || port === own) return own;
  if (method === "nat") return port;
  // As IPVS does.
  faults.warning(`the server's port is the service's, for only -m maps ports: ${own}, not ${port}`);
  return own;
}

function checkHost(
  { host, family }: Endpoint,
  service: ServiceRule,
  method: ServerRule["method"],
  faults: Faults,
): boolean {
  if (family === 0) {
    faults.warning(`the name ${host} will be looked up again and again, not once`);
    return true;
  }
  const wrong = whyNoUnicast(host);
  if (wrong !== undefined) faults.error(`${host} is no server's address: ${wrong}`);
  const fits = method === "tun" || family === service.family;
  if (!fits) faults.error(`IPv${service.family} goes to a server of IPv${family} with -i alone`);
  return fits && wrong === undefined;
}

function tunnelOf(
  options: Given,
  method: ServerRule["method"],
  faults: Faults,
): TunnelRule | undefined {
  const type = TUNNELS.find((one) => one === (options.get("tun-type") ?? "ipip"));
  if (!type) {
    faults.error(`--tun-type is one of ${TUNNELS.join(", ")}, not ${options.get("tun-type")}`);
    return undefined;
  }
  const port = numberOf(options, "tun-port", LAST_PORT, 0, faults);
  if (port === undefined) return undefined;
  if (type === "gue" && options.has("tun-port") && port === 0) {
    faults.error("--tun-port is a port from 1 to 65535");
    return undefined;
  }
  if (type !== "gue" && options.has("tun-port")) faults.warning("only gue has a --tun-port");
  for (const option of ["tun-csum", "tun-remcsum"] as const) {
    if (!options.has(option)) continue;
    faults.warning(`--${option} is not there: the tunnel goes without a checksum of its own`);
  }
  if (method !== "tun" && options.has("tun-type")) faults.warning("only -i has a tunnel");
  return { type, port: type === "gue" && port > 0 ? port : undefined };
}

function limitsOf(
  options: Given,
  faults: Faults,
): { readonly upper: number; readonly lower: number } | undefined {
  const upper = numberOf(options, "u-threshold", IPVS_MOST_CONNECTIONS, 0, faults);
  const lower = numberOf(options, "l-threshold", IPVS_MOST_CONNECTIONS, 0, faults);
  if (upper === undefined || lower === undefined) return undefined;
  if (lower > 0 && upper === 0) faults.warning("-y is for servers with -x");
  if (lower <= upper) return { upper, lower };
  if (upper > 0) faults.warning(`-y is above -x: ${upper} is taken for both`);
  return { upper, lower: upper };
}

function numberOf(
  options: Given,
  name: "weight" | "u-threshold" | "l-threshold" | "tun-port",
  most: number,
  otherwise: number,
  faults: Faults,
): number | undefined {
  const written = options.get(name);
  if (written === undefined) return otherwise;
  const value = parseNumber(written, most);
  if (value === undefined) {
    faults.error(`--${name} takes a number from 0 to ${most}, not ${JSON.stringify(written)}`);
  }
  return value;
}
