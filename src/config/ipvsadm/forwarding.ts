import type { Section } from "../importer.ts";
import type { ServerRule, ServiceRule, TunnelRule } from "./service-rule.ts";

/** How packets get to a server, as its rule says. */
export type Forwarding = Pick<ServerRule, "method" | "tunnel">;

const PLAIN: TunnelRule = { type: "ipip", port: undefined };

/** What a service is to say: what most of its servers have, so that few say something else. */
export function usualForwarding({ servers }: ServiceRule): Forwarding {
  const all = [...servers.values()];
  const groups = Map.groupBy(all, ({ method, tunnel }) =>
    method === "tun" ? `${method} ${tunnel.type} ${tunnel.port}` : method,
  );
  const [most] = [...groups.values()].toSorted((a, b) => b.length - a.length);
  return most?.[0] ?? { method: "dr", tunnel: PLAIN };
}

/** What is to be written of it where `usual` is what holds else; undefined: nothing does. */
export function composeForwarding(
  { method, tunnel }: Forwarding,
  usual: Forwarding | undefined,
): Section {
  const inherited = usual?.method === "tun" ? usual.tunnel : PLAIN;
  const hasOwn = method === "tun" && !isSameTunnel(tunnel, inherited);
  return {
    ...(method === usual?.method ? {} : { method }),
    ...(hasOwn ? { tunnel: composeTunnel(tunnel) } : {}),
  };
}

const isSameTunnel = (a: TunnelRule, b: TunnelRule): boolean =>
  a.type === b.type && a.port === b.port;

const composeTunnel = ({ type, port }: TunnelRule): Section | string =>
  port === undefined ? type : { type, port };
