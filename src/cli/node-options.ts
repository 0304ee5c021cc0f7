import { WeirError } from "#base/errors.ts";
import { formatIp, parseIp, parseNetwork } from "#base/ip.ts";
import { text } from "#schema/index.ts";
import type { Context } from "./command.ts";
import { defaulted, option } from "./option.ts";

/** Options of every command about this machine as a real server. */
export const placeOptions = {
  state: option(
    text({
      help: "where what was changed is kept; else node.json in WEIR_RUN_DIR or /run/weir-node",
    }),
    "FILE",
  ),
  pins: defaulted(
    text({
      help: "folder in /sys/fs/bpf that keeps the programs",
      pattern: /^[A-Za-z0-9_-]{1,64}$/,
      expected: "a folder's name: letters, digits, _ and -",
      fallback: "weir-node",
    }),
    "NAME",
  ),
} as const;

export const statePath = (given: string | undefined, { env }: Context): string =>
  given ?? `${env["WEIR_RUN_DIR"] ?? "/run/weir-node"}/node.json`;

/** An address of either family in its shortest form. Throws a WeirError. */
export function readAddress(given: string): string {
  const bytes = parseIp(given);
  if (bytes) return formatIp(bytes);
  throw new WeirError("USAGE", `"${given}" is no address such as 10.0.0.1 or fd00::1`);
}

/** A network of either family, or one address. Throws a WeirError. */
export function readNetwork(given: string): string {
  const network = parseNetwork(given);
  if (typeof network !== "string") return given;
  throw new WeirError("USAGE", `"${given}" is not ${network}`);
}

/** Only root sees and changes what the kernel keeps. Throws a WeirError. */
export function mustBeRoot(command: string): void {
  if (process.geteuid!() === 0) return;
  throw new WeirError("NOT_PERMITTED", `weir ${command} needs root`);
}
