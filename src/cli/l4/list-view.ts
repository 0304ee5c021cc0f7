import { formatEndpoint } from "#base/address.ts";
import { VERSION } from "#base/version.ts";
import type { DirectorView, ServiceServerView, ServiceView } from "#control/api.ts";
import { flagsOf, forwardWord, virtualsOf } from "./virtual.ts";

/** What the columns behind the address show. */
export type ListKind = "plain" | "stats" | "rate" | "thresholds";

interface Look {
  readonly kind: ListKind;
  /** Numbers in full. */
  readonly exact: boolean;
}

type Counts = ServiceView["counts"];

const NAME = 33;
const COUNTS = ["connections", "inPackets", "outPackets", "inBytes", "outBytes"] as const;
const TITLES: Readonly<Record<ListKind, readonly string[]>> = {
  plain: [],
  stats: ["Conns", "InPkts", "OutPkts", "InBytes", "OutBytes"],
  rate: ["CPS", "InPPS", "OutPPS", "InBPS", "OutBPS"],
  thresholds: ["Uthreshold", "Lthreshold", "ActiveConn", "InActConn"],
};

/** From this on a number is given in this many, as `ipvsadm` abbreviates. */
const SCALES = [
  [1e14, 1e12, "T"],
  [1e11, 1e9, "G"],
  [1e9, 1e6, "M"],
  [1e8, 1e3, "K"],
] as const;

/** A count in nine columns, the first of them blank; longer when it must be exact. */
export function largeNumber(value: number, exact: boolean): string {
  const whole = Math.trunc(value);
  const scale = exact ? undefined : SCALES.find(([from]) => whole >= from);
  const text = scale ? `${Math.trunc(whole / scale[1])}${scale[2]}` : String(whole);
  return text.length < 9 ? text.padStart(9) : ` ${text}`;
}

/** Services and their servers in the columns of `ipvsadm -L`. */
export function listView(
  { connections }: DirectorView,
  services: readonly ServiceView[],
  look: Look,
): string {
  const head = `IP Virtual Server (weir ${VERSION}, size=${connections.size})`;
  return [head, ...titles(look.kind), ...services.flatMap((one) => serviceLines(one, look))]
    .map((line) => `${line}\n`)
    .join("");
}

function titles(kind: ListKind): string[] {
  if (kind === "plain") {
    return [
      "Prot LocalAddress:Port Scheduler Flags",
      "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
    ];
  }
  const cell = (title: string): string =>
    kind === "thresholds" ? ` ${title.padEnd(10)}` : ` ${title.padStart(8)}`;
  const first = "Prot LocalAddress:Port".padEnd(NAME) + TITLES[kind].map(cell).join("");
  return [first, "  -> RemoteAddress:Port"];
}

/** A service that takes several addresses has a line for each; its counts are in the first. */
function serviceLines(service: ServiceView, look: Look): string[] {
  const own = virtualsOf(service).map(({ protocol, address, family }, i) => {
    const name = `${protocol.padEnd(4)} ${address}`;
    if (look.kind === "plain") {
      return [name, service.scheduler, ...flagsOf(service, family)].join(" ");
    }
    return i > 0 || look.kind === "thresholds" ? name : name.padEnd(NAME) + numbers(service, look);
  });
  return [...own, ...service.servers.map((server) => serverLine(server, look))];
}

function serverLine(server: ServiceServerView, look: Look): string {
  const { weight, active, inactive, upper, lower } = server;
  const name = `  -> ${server.host === "" ? server.name : formatEndpoint(server.host, server.port)}`;
  const cells = (...all: readonly number[]): string =>
    all.map((value) => ` ${String(value).padEnd(10)}`).join("");
  const named = name.padEnd(NAME);
  if (look.kind === "plain") {
    const forward = forwardWord(server.method).padEnd(7);
    return `${named} ${forward} ${String(weight).padEnd(6)}${cells(active, inactive)}`;
  }
  if (look.kind === "thresholds") return named + cells(upper, lower, active, inactive);
  return named + numbers(server, look);
}

function numbers(of: { readonly counts: Counts; readonly rates: Counts }, look: Look): string {
  const counts = look.kind === "rate" ? of.rates : of.counts;
  return COUNTS.map((name) => largeNumber(counts[name], look.exact)).join("");
}
