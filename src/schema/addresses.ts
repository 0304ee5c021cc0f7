import { type Address, formatAddress, parseAddress } from "#base/address.ts";
import { formatIp, type Network, parseIp, parseNetwork } from "#base/ip.ts";
import type { Common, Field } from "./field.ts";
import { formatText, scalar } from "./scalar.ts";

const EXAMPLES: Readonly<Record<Address["kind"], string>> = {
  inet: "10.0.0.1:80, [::1]:80",
  name: "name:80",
  unix: "unix@/path",
  fd: "fd@3",
};

/**
 * A listening or connecting address; see parseAddress for the forms. `kinds` leaves only those that
 * make sense where it stands.
 */
export function address(
  options: Common<Address> & { defaultPort?: number; kinds?: readonly Address["kind"][] },
): Field<Address, string> {
  const { kinds = ["inet", "name", "unix", "fd"], defaultPort } = options;
  const examples = kinds.map((kind) => EXAMPLES[kind]).join(", ");
  const expected = `an address such as ${examples.replace(/, ([^,]*)$/, " or $1")}`;
  return scalar(options, {
    type: "address",
    expected,
    schema: { type: "string" },
    parse: (_, written) => {
      const read = parseAddress(written, defaultPort);
      return typeof read !== "string" && kinds.includes(read.kind) ? read : undefined;
    },
    explain: (written) => {
      const read = parseAddress(written, defaultPort);
      return typeof read === "string" && !read.startsWith("an address such as") ? read : undefined;
    },
    format: (value) => formatText(formatAddress(value)),
  });
}

/** One IP address without a port; read to its shortest form. */
export function ip(options: Common<string>): Field<string, string> {
  return scalar(options, {
    type: "IP address",
    expected: "an IP address such as 10.0.0.1 or fd00::1",
    schema: { type: "string" },
    parse: (_, written) => {
      const bytes = parseIp(written);
      return bytes && formatIp(bytes);
    },
    format: formatText,
  });
}

/** An IP network or a single address. */
export function network(options: Common<Network>): Field<Network, string> {
  return scalar(options, {
    type: "network",
    expected: "a network such as 10.0.0.0/8 or fd00::/8",
    schema: { type: "string" },
    parse: (_, written) => {
      const read = parseNetwork(written);
      return typeof read === "string" ? undefined : read;
    },
    explain: (written) => {
      const read = parseNetwork(written);
      return typeof read === "string" ? read : undefined;
    },
    format: (value) => formatText(formatNetwork(value)),
  });
}

function formatNetwork(n: Network): string {
  const mapped = n.prefix >= 96 && formatIp(n.bytes).includes(".");
  const prefix = mapped ? n.prefix - 96 : n.prefix;
  return prefix === (mapped ? 32 : 128) ? formatIp(n.bytes) : `${formatIp(n.bytes)}/${prefix}`;
}
