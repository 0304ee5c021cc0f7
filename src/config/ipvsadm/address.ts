import { LAST_PORT } from "#base/address.ts";
import { formatIp, parseIp } from "#base/ip.ts";

/** Where an address of ipvsadm points. */
export interface Endpoint {
  /** An IP address in its shortest form, or a name. */
  readonly host: string;
  /** 4 or 6, or 0 for a name. */
  readonly family: 0 | 4 | 6;
  /** undefined when none was written. */
  readonly port: number | undefined;
}

/** Ports that rules name most; the rest of /etc/services differs from machine to machine. */
const PORTS: Readonly<Record<string, number>> = {
  ftp: 21,
  ssh: 22,
  telnet: 23,
  smtp: 25,
  domain: 53,
  tftp: 69,
  http: 80,
  www: 80,
  kerberos: 88,
  pop3: 110,
  ntp: 123,
  imap: 143,
  imap2: 143,
  snmp: 161,
  ldap: 389,
  https: 443,
  submission: 587,
  ldaps: 636,
  syslog: 514,
  rtsp: 554,
  imaps: 993,
  pop3s: 995,
  radius: 1812,
  mysql: 3306,
  sip: 5060,
  postgresql: 5432,
  "http-alt": 8080,
};

/** Reads `10.0.0.1:80`, `[fd00::1]:http`, `fd00::1`, `name:80`; a sentence when it is none. */
export function parseEndpoint(text: string): Endpoint | string {
  const bare = parseIp(text);
  if (bare) return ipEndpoint(bare, undefined);
  const m = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::([^:]+))?$/.exec(text);
  if (!m) return `${JSON.stringify(text)} is no address such as 10.0.0.1:80 or [fd00::1]:80`;
  const host = m[1] ?? m[2]!;
  const port = m[3] === undefined ? undefined : parsePort(m[3]);
  if (typeof port === "string") return port;
  const bytes = parseIp(host);
  if (bytes) return ipEndpoint(bytes, port);
  if (m[1] !== undefined || !/^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(host) || /^[\d.]+$/.test(host)) {
    return `${JSON.stringify(host)} is neither an IP address nor a name`;
  }
  return { host, family: 0, port };
}

function ipEndpoint(bytes: Uint8Array, port: number | undefined): Endpoint {
  const host = formatIp(bytes);
  return { host, family: host.includes(":") ? 6 : 4, port };
}

function parsePort(text: string): number | string {
  const port = /^\d{1,5}$/.test(text)
    ? Number(text)
    : Object.hasOwn(PORTS, text)
      ? PORTS[text]!
      : -1;
  if (port >= 0 && port <= LAST_PORT) return port;
  return /^\d/.test(text)
    ? `a port is from 0 to ${LAST_PORT}, not ${text}`
    : `the port's name ${JSON.stringify(text)} is not known here: \`ipvsadm -S -n\` writes numbers`;
}

/** A whole number from 0 to `most`; undefined when it is none. */
export function parseNumber(text: string, most: number): number | undefined {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : -1;
  return value >= 0 && value <= most ? value : undefined;
}

/**
 * Bits of `255.255.255.0`, at least so many, or of a prefix of IPv6, at least 1; undefined when it
 * is no such mask.
 */
export function parseMask(text: string, family: 4 | 6, least: 0 | 1): number | undefined {
  if (family === 6) {
    const bits = parseNumber(text, 128);
    return bits === 0 ? undefined : bits;
  }
  const m = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const octets = m?.slice(1).map(Number);
  if (!octets || octets.some((octet) => octet > 255)) return undefined;
  const bits = octets.map((octet) => octet.toString(2).padStart(8, "0")).join("");
  const count = bits.lastIndexOf("1") + 1;
  return /^1*0*$/.test(bits) && count >= least ? count : undefined;
}
