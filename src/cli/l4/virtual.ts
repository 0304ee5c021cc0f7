import { formatEndpoint, LAST_PORT } from "#base/address.ts";
import { formatServiceAddress } from "#config/model/service-address.ts";
import type { ServiceView } from "#control/api.ts";

type Method = ServiceView["method"];

/** What `ipvsadm -L` shows as one service: a protocol and an address, or a mark. */
export interface Virtual {
  readonly protocol: "TCP" | "UDP" | "SCTP" | "FWM";
  readonly address: string;
  readonly family: 4 | 6;
}

const FORWARD: Readonly<Record<Method, string>> = {
  nat: "Masq",
  dr: "Route",
  tun: "Tunnel",
  fullnat: "FullNat",
  local: "Local",
  bypass: "Bypass",
};

/** The word for a method in the column Forward. */
export const forwardWord = (method: Method): string => FORWARD[method];

/** Every one of a service, by protocol; all ports of an address are port 0, as IPVS says it. */
export function virtualsOf({ protocols, binds, mark, markFamily }: ServiceView): Virtual[] {
  if (mark > 0) {
    const family = markFamily === 6 ? 6 : 4;
    return [{ protocol: "FWM", address: family === 6 ? `${mark} IPv6` : String(mark), family }];
  }
  return protocols.flatMap((protocol) =>
    binds.map((bind): Virtual => {
      const isAll = bind.firstPort === 1 && bind.lastPort === LAST_PORT;
      return {
        protocol: protocol.toUpperCase() as "TCP",
        address: isAll ? formatEndpoint(bind.host, 0) : formatServiceAddress(bind),
        family: bind.host.includes(":") ? 6 : 4,
      };
    }),
  );
}

/** `persistent 300`, `ops` and the rest of the column Flags. */
export function flagsOf(service: ServiceView, family: 4 | 6): string[] {
  const { persistence, onePacket } = service;
  const flags = schedulerFlags(service);
  const words = flags.length > 0 ? [`(${flags.join(",")})`] : [];
  if (persistence) {
    words.push(`persistent ${Math.round(persistence.timeoutMs / 1000)}`);
    const mask = maskText(persistence, family);
    if (mask !== undefined) words.push(`mask ${mask}`);
    if (persistence.by === "call-id") words.push("pe sip");
  }
  return onePacket ? [...words, "ops"] : words;
}

/** The granularity of persistence as `-M` takes it; undefined when it is one address. */
export function maskText(
  { prefix4, prefix6 }: NonNullable<ServiceView["persistence"]>,
  family: 4 | 6,
): string | undefined {
  if (family === 6) return prefix6 === 128 ? undefined : String(prefix6);
  if (prefix4 === 32) return undefined;
  const bits = prefix4 === 0 ? 0 : (0xffff_ffff << (32 - prefix4)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join(".");
}

/** Flags of `-b`: `sh-port`, `mh-fallback` … */
export function schedulerFlags({ scheduler, schedulerOptions }: ServiceView): string[] {
  if (scheduler !== "sh" && scheduler !== "mh") return [];
  return ["fallback", "port"]
    .filter((option) => schedulerOptions[option] === true)
    .map((option) => `${scheduler}-${option}`);
}
