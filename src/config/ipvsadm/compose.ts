import { bracketed, formatEndpoint, LAST_PORT } from "#base/address.ts";
import { WEIGHT_MAX } from "#plan/board.ts";
import type { ImportOptions, Section } from "../importer.ts";
import { limitFields } from "../model/engine.ts";
import { composeSync } from "./daemon-rule.ts";
import type { Faults } from "./faults.ts";
import { composeForwarding, type Forwarding, usualForwarding } from "./forwarding.ts";
import type { RuleSet } from "./rule-set.ts";
import type { PersistenceRule, ServerRule, ServiceRule } from "./service-rule.ts";
import { withoutDefaults } from "./settings.ts";

/** An interface that many machines have, for people to put their own in its place. */
const PLACEHOLDER = "eth0";
const LONGEST_NAME = 64;
/** Addresses of one service. */
const MOST_BINDS = 256;

/** A configuration that does what the rules do. */
export function composeDocument(
  rules: RuleSet,
  { interfaces }: ImportOptions,
  faults: Faults,
): Section {
  const services = [...rules.services.values()];
  if (services.length === 0) faults.error("there is no service in it");
  else if (interfaces.length === 0) {
    faults.warning(
      `director.interfaces is ${PLACEHOLDER}: name those that packets come in by (--interface)`,
      services[0]!.line,
    );
  }
  const marked = services.find(({ what }) => what.kind === "mark");
  if (marked) {
    const late = "rules of iptables and nftables set them too late";
    faults.warning(`filters of tc have to set the marks that -f names: ${late}`, marked.line);
  }
  const named = services.map((rule) => [nameOf(rule), rule] as const);
  return {
    ...composeLimits(services),
    director: {
      interfaces: interfaces.length > 0 ? interfaces : [PLACEHOLDER],
      ...composeTimeouts(rules.timeouts),
      ...composeSync([...rules.daemons.values()]),
      ...withoutDefaults(rules.settings),
    },
    services: Object.fromEntries(
      named.map(([name, rule]) => [name, composeService(name, rule, services, faults)]),
    ),
    backends: Object.fromEntries(named.map(([name, rule]) => [name, composeBackend(rule, faults)])),
  };
}

/** Tables that would be too small. */
function composeLimits(services: readonly ServiceRule[]): Section {
  const servers = services.reduce((sum, rule) => sum + rule.servers.size, 0);
  const wanted = { services: services.length, backends: services.length, servers };
  const limits = Object.entries(wanted).filter(
    ([name, count]) => count > limitFields[name as keyof typeof wanted].fallback!,
  );
  return limits.length > 0 ? { engine: { limits: Object.fromEntries(limits) } } : {};
}

function composeTimeouts(seconds: readonly number[]): Section {
  const names = ["tcp", "tcpFin", "udp"];
  const set = names.flatMap((name, i) => (seconds[i] ? [[name, `${seconds[i]}s`]] : []));
  return set.length > 0 ? { timeouts: Object.fromEntries(set) } : {};
}

/** `tcp-10.0.0.1-80`, `mark-7`. */
function nameOf({ what, family }: ServiceRule): string {
  if (what.kind === "mark") return family === 6 ? `mark-${what.mark}-ipv6` : `mark-${what.mark}`;
  return `${what.kind}-${what.host}-${what.port === 0 ? "all" : what.port}`;
}

function composeService(
  name: string,
  rule: ServiceRule,
  all: readonly ServiceRule[],
  faults: Faults,
): Section {
  const { persistence, onePacket, family, servers } = rule;
  if (servers.size === 0) faults.warning("it has no server: clients are refused", rule.line);
  const byNat = [...servers.values()].some(({ method }) => method === "nat");
  if (onePacket && byNat && !knowsAnswers(rule)) {
    faults.error("-o keeps no connections, by which -m finds answers here", rule.line);
  }
  return {
    ...composeWhat(rule, all, faults),
    ...composeForwarding(usualForwarding(rule), undefined),
    backend: name,
    ...(persistence ? { persistence: composePersistence(persistence, family) } : {}),
    ...(onePacket ? { onePacket } : {}),
  };
}

/** Calls say whose answers servers send, where a service has one address and port. */
const knowsAnswers = ({ what, persistence }: ServiceRule): boolean =>
  persistence?.isByCall === true && what.kind !== "mark" && what.port > 0;

/** Where no mask says otherwise, a call is one whoever speaks; for IPVS it is of an address. */
function composePersistence(
  { seconds, bits, isByCall }: PersistenceRule,
  family: 4 | 6,
): Section | string {
  const timeout = `${seconds}s`;
  const whole = family === 6 ? 128 : 32;
  const mask = bits === (isByCall ? 0 : whole) ? {} : { [family === 6 ? "mask6" : "mask"]: bits };
  if (isByCall) return { by: "call-id", timeout, ...mask };
  return bits === whole ? timeout : { timeout, ...mask };
}

function composeWhat(rule: ServiceRule, all: readonly ServiceRule[], faults: Faults): Section {
  const { what, family, onePacket, persistence, line } = rule;
  if (what.kind === "mark") {
    const isUdp = onePacket || persistence?.isByCall === true;
    if (isUdp) {
      const option = onePacket ? "-o" : "--pe sip";
      faults.warning(`${option} is of UDP: other protocols with the mark are not taken`, line);
    }
    return {
      mark: what.mark,
      ...(family === 6 ? { family: "ipv6" } : {}),
      ...(isUdp ? { protocol: "udp" } : {}),
    };
  }
  const { host, kind } = what;
  const protocol = kind === "tcp" ? {} : { protocol: kind };
  const at = bracketed(host);
  if (what.port > 0) return { bind: `${at}:${what.port}`, ...protocol };
  const taken = all.flatMap((other) =>
    other.what.kind === kind && other.what.host === host && other.what.port > 0
      ? [other.what.port]
      : [],
  );
  const bind = gaps(taken).map(([first, last]) => {
    if (first === 1 && last === LAST_PORT) return `${at}:*`;
    return first === last ? `${at}:${first}` : `${at}:${first}-${last}`;
  });
  if (bind.length > MOST_BINDS) {
    faults.error(`its address has ${taken.length} services besides: too many gaps`, line);
  } else if (taken.length > 0) {
    faults.warning("it takes the ports that other services of its address do not take", line);
  }
  return { bind: bind.length === 1 ? bind[0] : bind, ...protocol };
}

/** Ranges of ports between those that are taken. */
function gaps(taken: readonly number[]): (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [];
  let next = 1;
  for (const port of taken.toSorted((a, b) => a - b)) {
    if (port > next) found.push([next, port - 1]);
    next = port + 1;
  }
  if (next <= LAST_PORT) found.push([next, LAST_PORT]);
  return found;
}

function composeBackend(rule: ServiceRule, faults: Faults): Section {
  const { scheduler, flags, servers, line } = rule;
  const all = [...servers.values()];
  const heaviest = Math.max(0, ...all.map(({ weight }) => weight));
  const scale = heaviest > WEIGHT_MAX ? WEIGHT_MAX / heaviest : 1;
  if (scale < 1) {
    faults.warning(`weights go up to ${WEIGHT_MAX} here: its servers' are scaled`, line);
  }
  const options = Object.fromEntries(flags.map((flag) => [flag, true]));
  return {
    balance: flags.length > 0 ? { type: scheduler, ...options } : scheduler,
    servers: composeServers(all, scale, usualForwarding(rule)),
  };
}

/** The one that was added last is the first in IPVS's list, by which its schedulers go. */
function composeServers(all: readonly ServerRule[], scale: number, usual: Forwarding): Section {
  const named = new Map<string, unknown>();
  for (const [i, server] of all.entries()) {
    const { host, port } = server;
    const name = port === 0 ? host : `${host}-${port}`;
    const isGood = name.length <= LONGEST_NAME && !named.has(name);
    named.set(isGood ? name : `server-${i + 1}`, composeServer(server, scale, usual));
  }
  return Object.fromEntries([...named].reverse());
}

function composeServer(server: ServerRule, scale: number, usual: Forwarding): unknown {
  const { host, port, upper, lower } = server;
  const address = formatEndpoint(host, port);
  // None of those that take something may end with nothing.
  const weight = Math.ceil(server.weight * scale);
  const more = {
    ...(weight === 1 ? {} : { weight }),
    ...(upper > 0 ? { maxConnections: upper } : {}),
    ...(upper > 0 && lower > 0 ? { minConnections: lower } : {}),
    ...composeForwarding(server, usual),
  };
  return Object.keys(more).length > 0 ? { address, ...more } : address;
}
