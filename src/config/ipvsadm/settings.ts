import type { Section } from "../importer.ts";
import { directorFields } from "../model/director.ts";
import type { Faults } from "./faults.ts";

/** A setting of the kernel's IPVS: `net.ipv4.vs.NAME=VALUE`. */
export interface Setting {
  readonly name: string;
  readonly value: string;
}

const SYSCTL = /^(?:sudo )?(?:\S*\bsysctl (?:-\w+ )*)?-?net[./]ipv4[./]vs[./](\w+) ?=(.*)$/;
const ECHO = /^(?:sudo )?echo (\S+) ?> ?\/proc\/sys\/net\/ipv4\/vs\/(\w+)$/;

/** The setting that a line makes: of sysctl.conf, or a call of sysctl or echo. */
export function settingOf(words: readonly string[]): Setting | undefined {
  const line = words.join(" ");
  const sysctl = SYSCTL.exec(line);
  if (sysctl) return { name: sysctl[1]!, value: sysctl[2]!.trim() };
  const echo = ECHO.exec(line);
  return echo ? { name: echo[2]!, value: echo[1]! } : undefined;
}

type Keyword = keyof typeof directorFields;

const flag = (value: number): boolean => value !== 0;
/** 1 and 2 are what the kernel goes to and fro between by itself. */
const defence = (value: number): string | undefined => ["off", "auto", "auto", "always"][value];
const upTo = (most: number) => (value: number) => (value <= most ? value : undefined);

/** Those that have a keyword, and its value; undefined where there is none like it. */
const KEYWORDS: Readonly<Record<string, readonly [Keyword, (value: number) => unknown]>> = {
  sloppy_tcp: ["sloppyTcp", flag],
  sloppy_sctp: ["sloppySctp", flag],
  expire_nodest_conn: ["expireNodest", flag],
  expire_quiescent_template: ["expireQuiescentTemplate", flag],
  conn_reuse_mode: ["connReuse", upTo(3)],
  secure_tcp: ["secureTcp", defence],
  drop_entry: ["dropEntry", defence],
  drop_packet: ["dropPacket", defence],
  am_droprate: ["amDropRate", (value) => (value > 0 ? upTo(1_000_000)(value) : undefined)],
};

/** Others: the value that says what is so here in any case, and what there is to say else. */
const OTHERS: Readonly<Record<string, readonly [number, string]>> = {
  cache_bypass: [0, "services have onNoServer: bypass"],
  amemthresh: [1024, "a tenth of director.connections is to be free"],
  nat_icmp_send: [0, "what a server sends without a connection is the kernel's business"],
  pmtu_disc: [1, "senders are told of packets that are too large"],
  ignore_tunneled: [0, "other protocols are the kernel's business"],
  snat_reroute: [1, "replies leave where the client's packets come in"],
  conntrack: [0, "netfilter sees no packet that is directed"],
  schedule_icmp: [0, "ICMP that is of no connection is the kernel's business"],
  lblc_expiration: [86_400, "it is a day"],
  lblcr_expiration: [86_400, "it is a day"],
};

/** How rates are estimated, and how those of `--start-daemon` speak, which is remarked itself. */
const NO_MATTER = /^(est_|run_estimation$|sync_|backup_only$)/;

/** Puts a setting into the section `director`; what cannot be is said. */
export function applySetting(director: Record<string, unknown>, setting: Setting, faults: Faults) {
  const { name, value: text } = setting;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  const keyword = KEYWORDS[name];
  if (keyword) {
    const [key, translate] = keyword;
    const translated = Number.isNaN(value) ? undefined : translate(value);
    if (translated === undefined) faults.warning(`left out: ${name} is not to be ${text} here`);
    else director[key] = translated;
    return;
  }
  if (NO_MATTER.test(name)) return;
  const other = OTHERS[name];
  if (!other) faults.warning(`left out: there is nothing like ${name} here`);
  else if (value !== other[0]) faults.warning(`left out: ${name} is not there: ${other[1]}`);
}

/** Settings that are as they are without a word are not written. */
export const withoutDefaults = (director: Section): Section =>
  Object.fromEntries(
    Object.entries(director).filter(
      ([key, value]) => directorFields[key as Keyword]?.fallback !== value,
    ),
  );
