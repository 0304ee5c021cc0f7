import type { ForwardingMethod } from "#plan/plan.ts";
import { type Family, type Lan, serverHost, startNamed, VIP } from "./lan.ts";
import type { Owner } from "./owner.ts";
import { startWeir, type Weir } from "./weir.ts";

/** Port that servers of a Lan listen on. */
export const SERVER_PORT = 8000;
/** Names of its servers, and what they answer. */
export const NAMES = ["a", "b", "c"];

export interface Way {
  readonly method: ForwardingMethod;
  /** Of the service. */
  readonly port: number;
}

export interface Wanted {
  /** Of the addresses servers are spoken to at; without, as the service's. */
  readonly outer?: Family | undefined;
  readonly balance?: string;
  /** A backend's `check`, as YAML; `FAMILY` in it is the one its servers are of. */
  readonly check?: string;
  /** More of the section `director`. */
  readonly director?: string;
  /** Of each service, as YAML; without, TCP and UDP. */
  readonly protocol?: string;
  /** More of each service. */
  readonly service?: string;
  /** That servers listen on. */
  readonly serverPort?: number;
  /** Names of the servers there are. */
  readonly servers?: readonly string[];
}

const bracket = (host: string): string => (host.includes(":") ? `[${host}]` : host);

/** Services `v4` and `v6` on the Lan's addresses, TCP and UDP, with their backends. */
export function configurationOf(lan: Lan, way: Way, wanted: Wanted = {}): string {
  const { balance = "rr", check = "off", director = "", service = "", servers = NAMES } = wanted;
  const { protocol = "[tcp, udp]", serverPort = SERVER_PORT } = wanted;
  const families: readonly Family[] = [4, 6];
  const serversOf = (family: Family): string =>
    servers
      .map((name) => {
        const host = serverHost(wanted.outer ?? family, NAMES.indexOf(name));
        return `${name}: "${bracket(host)}:${serverPort}"`;
      })
      .join(", ");
  const serviceOf = (family: Family): string =>
    `  v${family}: { bind: "${bracket(VIP[family])}:${way.port}", protocol: ${protocol}, ` +
    `method: ${way.method}, backend: v${family}${service} }`;
  const backendOf = (family: Family): string =>
    `  v${family}: { balance: ${balance}, check: ${check.replace("FAMILY", String(family))}, ` +
    `servers: { ${serversOf(family)} } }`;
  return `
director:
  interfaces: ${lan.device}
  pins: ${lan.pins}
  localAddresses: [${lan.locals.map((address) => `"${address}"`).join(", ")}]
${director}
services:
${families.map(serviceOf).join("\n")}
backends:
${families.map(backendOf).join("\n")}
`;
}

/** Starts every server of a Lan. */
export const startServers = (t: Owner, lan: Lan) =>
  Promise.all(lan.servers.map((netns, i) => startNamed(t, netns, NAMES[i]!, SERVER_PORT)));

/** A weir on the Lan's director. */
export const startDirector = (t: Owner, lan: Lan, text: string): Promise<Weir> =>
  startWeir(t, () => text, { netns: lan.director, ports: [] });
