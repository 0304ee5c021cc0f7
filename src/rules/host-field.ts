import { domainToASCII } from "node:url";
import { parseIp } from "#base/ip.ts";
import { refine, text } from "#schema/index.ts";

const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const PATTERN = new RegExp(`^(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*$`);

/** As a host is compared: small letters, international names in their ASCII form, no final dot. */
export function plainHost(name: string): string {
  const star = name.startsWith("*.") ? "*." : "";
  const rest = name.slice(star.length).replace(/\.$/, "");
  const ascii = /^[\x21-\x7e]*$/.test(rest) ? rest : domainToASCII(rest);
  return star + ascii.toLowerCase();
}

const expected = "a host name without port, such as example.com or *.example.com";

/** One host a request may be for. */
export const hostPattern = refine(
  text({ help: "a host", maxLength: 253 }),
  (value) => {
    const plain = plainHost(value);
    const literal = /^\[(.*)\]$/.exec(plain);
    const good = literal ? parseIp(literal[1]!) !== undefined : PATTERN.test(plain);
    return good ? undefined : expected;
  },
  expected,
);
