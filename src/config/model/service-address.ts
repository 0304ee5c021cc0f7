import { bracketed, LAST_PORT } from "#base/address.ts";
import { formatIp, inNetwork, parseIp, parseNetwork } from "#base/ip.ts";
import type { ServiceBind } from "#plan/plan.ts";
import { type Common, type Field, scalar } from "#schema/index.ts";

/** Longest timeout of the director: 31 days, which is below 2³² ms. */
export const LONGEST_MS = 31 * 86_400_000;

const notUnicast = ["0.0.0.0/8", "224.0.0.0/4", "255.255.255.255", "::", "ff00::/8"]
  .map(parseNetwork)
  .filter((network) => typeof network !== "string");

/** What would be right instead of an address that no single machine can have. */
export function whyNoUnicast(host: string): string | undefined {
  const bytes = parseIp(host)!;
  return notUnicast.some((network) => inNetwork(network, bytes, 0))
    ? "one machine's address: no wildcard, no multicast"
    : undefined;
}

const EXPECTED = "an address such as 10.0.0.1:80, 10.0.0.1:5000-5999, 10.0.0.1:* or [fd00::1]:80";

/** What a service takes packets for: an address with one port, a range, or `*` for all of them. */
export function serviceAddress(options: Common<ServiceBind>): Field<ServiceBind, string> {
  return scalar(options, {
    type: "address with ports",
    expected: EXPECTED,
    schema: { type: "string" },
    parse: (_, written) => {
      const read = parseServiceAddress(written);
      return typeof read === "string" ? undefined : read;
    },
    explain: (written) => {
      const read = parseServiceAddress(written);
      return typeof read === "string" ? read : undefined;
    },
    format: (bind) => {
      const text = formatServiceAddress(bind);
      return /^\d/.test(text) && !text.endsWith("*") ? text : JSON.stringify(text);
    },
  });
}

function parseServiceAddress(written: string): ServiceBind | string {
  const m = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(written);
  if (!m) return EXPECTED;
  const inBrackets = m[1] !== undefined;
  const ip = m[1] ?? m[2]!;
  const bytes = parseIp(ip);
  if (!bytes || inBrackets !== ip.includes(":")) return EXPECTED;
  const host = formatIp(bytes);
  const wrong = whyNoUnicast(host);
  if (wrong !== undefined) return wrong;
  if (m[3] === undefined) return "a port, as in 10.0.0.1:80, or :* for all of them";
  const ports = parsePorts(m[3]);
  return typeof ports === "string" ? ports : { host, ...ports };
}

function parsePorts(written: string): Omit<ServiceBind, "host"> | string {
  if (written === "*") return { firstPort: 1, lastPort: LAST_PORT };
  const m = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(written);
  if (!m) return "a port, a range such as 5000-5999, or * for all of them";
  const firstPort = Number(m[1]);
  const lastPort = Number(m[2] ?? m[1]);
  if (firstPort < 1 || lastPort > LAST_PORT) {
    return `a port from 1 to ${LAST_PORT}, or * for all of them`;
  }
  return firstPort <= lastPort
    ? { firstPort, lastPort }
    : "a range whose first port is not above its last";
}

/** The text that reads back to the same address and ports. */
export function formatServiceAddress({ host, firstPort, lastPort }: ServiceBind): string {
  const at = bracketed(host);
  if (firstPort === lastPort) return `${at}:${firstPort}`;
  return firstPort === 1 && lastPort === LAST_PORT ? `${at}:*` : `${at}:${firstPort}-${lastPort}`;
}
