import { type Address, formatAddress } from "#base/address.ts";
import type { Path, Review } from "../review.ts";

interface Listener {
  readonly address: Address;
  /** Takes IPv4 as well as IPv6 connections. */
  readonly dual: boolean;
  readonly path: Path;
}

/** No two listeners want the same address. */
export function checkBinds(review: Review): void {
  const taken: Listener[] = [];
  const { bind } = review.model.monitor;
  if (bind !== null) taken.push({ address: bind, dual: false, path: ["monitor", "bind"] });
  for (const [name, frontend] of review.model.frontends) {
    frontend.bind.forEach(({ address, v6Only, mode }, i) => {
      const whole: Path = ["frontends", name, "bind"];
      const path = review.at(whole).kind === "list" ? [...whole, i] : whole;
      const host = address.kind === "inet" ? address.host : "";
      const listener = { address, dual: host === "::" && !v6Only, path };
      const clash = taken.find((other) => overlap(other, listener));
      if (clash) {
        const whom = clash.path[0] === "monitor" ? "the monitor" : `frontend ${clash.path[1]}`;
        const what = `${formatAddress(address)} is taken by ${whom}`;
        const at = formatAddress(clash.address);
        review.error(
          path,
          at === formatAddress(address) ? what : `${what}, which listens on ${at}`,
        );
      }
      if (mode !== undefined && address.kind !== "unix") {
        review.error([...path, "mode"], "only a Unix socket has a mode");
      }
      taken.push(listener);
    });
  }
}

/** True when the kernel would refuse the second of them. Port 0 is a new port each time. */
function overlap(a: Listener, b: Listener): boolean {
  if (a.address.kind !== "inet" || b.address.kind !== "inet") {
    return formatAddress(a.address) === formatAddress(b.address);
  }
  if (a.address.port !== b.address.port || a.address.port === 0) return false;
  return (
    a.address.host === b.address.host || covers(a, b.address.host) || covers(b, a.address.host)
  );
}

/** The listener's wildcard takes what is meant for `host`. */
function covers({ address, dual }: Listener, host: string): boolean {
  if (address.kind !== "inet") return false;
  const isV6 = host.includes(":");
  return address.host === "0.0.0.0" ? !isV6 : address.host === "::" && (isV6 || dual);
}
