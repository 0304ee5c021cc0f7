import { isIPv4, isIPv6 } from "./ip.ts";

export const LAST_PORT = 65_535;

/** Where a socket listens or connects. `fd` names an inherited descriptor. */
export type Address =
  | { readonly kind: "inet"; readonly host: string; readonly port: number }
  | { readonly kind: "name"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "fd"; readonly fd: number };

/**
 * Reads `127.0.0.1:80`, `[::1]:80`, `:80` and `*:80` (every IPv4 address; `[::]:80` is both
 * families), `name.example:80`, `unix@/path`, a bare absolute `/path`, `fd@3`. A missing port is
 * `defaultPort`, or a fault where there is none. Returns a sentence that says what was expected
 * when it cannot.
 */
export function parseAddress(text: string, defaultPort?: number): Address | string {
  if (text.startsWith("unix@") || text.startsWith("/")) {
    const path = text.startsWith("unix@") ? text.slice(5) : text;
    if (path.length === 0 || path.length > 107) return "a socket path of 1 to 107 bytes";
    return { kind: "unix", path };
  }
  if (text.startsWith("fd@")) {
    const fd = Number(text.slice(3));
    return Number.isInteger(fd) && fd >= 0 && text.length > 3
      ? { kind: "fd", fd }
      : "fd@N, N being a descriptor's number";
  }
  const m = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text);
  if (!m) return "an address such as 10.0.0.1:80, [::1]:80, name:80, unix@/path or fd@3";
  const port = m[3] === undefined ? defaultPort : Number(m[3]);
  if (port === undefined) return "a port, as in 10.0.0.1:80";
  if (port < 0 || port > LAST_PORT) return `a port from 0 to ${LAST_PORT}`;
  if (m[1] !== undefined) {
    return isIPv6(m[1])
      ? { kind: "inet", host: m[1], port }
      : "an IPv6 address inside the brackets";
  }
  const host = m[2] === "" || m[2] === "*" ? "0.0.0.0" : m[2]!;
  if (isIPv4(host)) return { kind: "inet", host, port };
  if (/^[0-9.]+$/.test(host)) return "an IPv4 address of four numbers from 0 to 255";
  if (
    /^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/.test(
      host,
    )
  ) {
    return { kind: "name", host, port };
  }
  return "a host name or an IP address";
}

/** `10.0.0.1`, `[fd00::1]`: a host as it stands before a colon. */
export const bracketed = (host: string): string => (host.includes(":") ? `[${host}]` : host);

/** `10.0.0.1:80`, `[fd00::1]:80`. */
export const formatEndpoint = (host: string, port: number): string => `${bracketed(host)}:${port}`;

/** The text that parseAddress reads back to the same address. */
export function formatAddress(address: Address): string {
  switch (address.kind) {
    case "unix":
      return `unix@${address.path}`;
    case "fd":
      return `fd@${address.fd}`;
    default:
      return formatEndpoint(address.host, address.port);
  }
}
