import { formatEndpoint, LAST_PORT } from "#base/address.ts";
import { IPVS_MOST_CONNECTIONS, IPVS_SCHEDULERS } from "#config/ipvsadm/ipvs.ts";
import type { DirectorView, ServiceServerView, ServiceView } from "#control/api.ts";
import type { ServiceBind } from "#plan/plan.ts";
import { maskText, schedulerFlags } from "./virtual.ts";

const PROTOCOL_OPTIONS = { tcp: "-t", udp: "-u", sctp: "--sctp-service" } as const;
const METHOD_OPTIONS: Readonly<Partial<Record<ServiceView["method"], string>>> = {
  nat: "-m",
  dr: "-g",
  tun: "-i",
};
/** Slots of mh's table in a kernel as its makers ship it. */
const MH_SLOTS = 4093;

/** One line of `-A`: what it is for, and the port that its servers have who name none. */
interface Rule {
  readonly what: string;
  readonly port: number;
  readonly family: 4 | 6;
}

/**
 * The services as lines that `ipvsadm -R` takes, as `ipvsadm -S -n` would have written them. What
 * IPVS does not have is said in lines that begin with `#`, which have to be taken out for it.
 */
export function saveRules({ services }: DirectorView): string {
  const lines = services.flatMap((service) => {
    const why = whyNot(service);
    return why === undefined ? serviceLines(service, services) : [remark(service, why)];
  });
  return lines.map((line) => `${line}\n`).join("");
}

const remark = ({ name }: ServiceView, text: string): string => `# ${name}: ${text}`;

/** Why IPVS can do nothing like it. */
function whyNot({ method, scheduler, servers }: ServiceView): string | undefined {
  const methods = servers.length > 0 ? servers.map((server) => server.method) : [method];
  if (methods.every((one) => METHOD_OPTIONS[one] === undefined)) {
    return `left out: IPVS has no method ${[...new Set(methods)].join(" or ")}`;
  }
  if (!IPVS_SCHEDULERS.includes(scheduler)) return `left out: IPVS has no scheduler ${scheduler}`;
  return undefined;
}

function serviceLines(service: ServiceView, all: readonly ServiceView[]): string[] {
  const { rules, remarks } = rulesOf(service, all);
  const lines = [...remarks, ...lost(service, rules.length)].map((text) => remark(service, text));
  for (const rule of rules) {
    lines.push(addService(service, rule));
    // IPVS puts the one that is added last in front of the others.
    const servers = service.servers.toReversed();
    lines.push(...servers.flatMap((server) => addServer(service, server, rule)));
  }
  return lines;
}

/** What does not go into rules, in words. */
function lost(service: ServiceView, rules: number): string[] {
  const { onNoServer, onServerRemoved, maxConnections, maxPerSource } = service;
  const { persistence, scheduler, synProxy } = service;
  const slots = service.schedulerOptions["tableSize"];
  const all: readonly [boolean, string][] = [
    [onNoServer !== "reject", `onNoServer ${onNoServer} is not in the rules`],
    [onServerRemoved !== "drop", `onServerRemoved ${onServerRemoved} is not in the rules`],
    [maxConnections > 0, "maxConnections is not in the rules"],
    [maxPerSource > 0, "maxPerSource is not in the rules"],
    [synProxy !== "off", `synProxy ${synProxy} is not in the rules`],
    [persistence !== undefined && rules > 1, "each of its addresses persists by itself here"],
    [
      persistence?.prefix6 === 0 && hasVersion6(service),
      "calls are of half of all addresses of IPv6 (-M 1), not of all",
    ],
    [
      scheduler === "mh" && slots !== MH_SLOTS,
      `the kernel's mh has ${MH_SLOTS} slots, not ${slots}`,
    ],
  ];
  return all.flatMap(([is, text]) => (is ? [text] : []));
}

const hasVersion6 = ({ binds, markFamily }: ServiceView): boolean =>
  markFamily === 6 || binds.some(({ host }) => host.includes(":"));

function rulesOf(service: ServiceView, all: readonly ServiceView[]) {
  const { mark, markFamily, protocols, binds } = service;
  const rules: Rule[] = [];
  const remarks: string[] = [];
  if (mark > 0) {
    const family = markFamily === 6 ? 6 : 4;
    const isSame = (one: ServiceView): boolean =>
      one.mark === mark && one.markFamily === markFamily;
    const first = all.find((one) => isSame(one) && whyNot(one) === undefined)!;
    if (first !== service) {
      remarks.push(`left out: IPVS has one service for a mark, which is ${first.name}`);
      return { rules, remarks };
    }
    const isUdp = service.onePacket;
    if (protocols.length < 3 && !isUdp)
      remarks.push(`IPVS takes more than ${protocols.join(" and ")}`);
    rules.push({ what: `-f ${mark}${family === 6 ? " -6" : ""}`, port: 0, family });
    return { rules, remarks };
  }
  for (const protocol of protocols) {
    for (const bind of portZero(binds, protocol, service, all)) {
      const { host, firstPort, lastPort } = bind;
      const isAll = firstPort !== lastPort;
      const ports = `${protocol} ${host} ports ${firstPort} to ${lastPort}`;
      if (isAll && lastPort - firstPort < LAST_PORT - 1) {
        remarks.push(`left out: ${ports}: IPVS has no ranges, but firewall marks (-f)`);
      } else if (isAll && !service.persistence) {
        remarks.push(`left out: ${ports}: IPVS takes all ports with persistence only (-p)`);
      } else {
        const port = isAll ? 0 : firstPort;
        const what = `${PROTOCOL_OPTIONS[protocol]} ${formatEndpoint(host, port)}`;
        rules.push({ what, port, family: host.includes(":") ? 6 : 4 });
      }
    }
  }
  return { rules, remarks };
}

/**
 * Binds as IPVS would have them: a service that has every port of an address that no other service
 * has is its service of port 0, which steps back behind the others.
 */
function portZero(
  binds: readonly ServiceBind[],
  protocol: ServiceView["protocols"][number],
  service: ServiceView,
  all: readonly ServiceView[],
): ServiceBind[] {
  if (!binds.some(isRange)) return [...binds];
  const others = all.filter((one) => one !== service && one.protocols.includes(protocol));
  return [...Map.groupBy(binds, ({ host }) => host)].flatMap(([host, own]) => {
    const there = others.flatMap((one) => one.binds.filter((bind) => bind.host === host));
    const ports = [...own, ...there].map(({ firstPort, lastPort }) => lastPort - firstPort + 1);
    const isWhole = ports.reduce((sum, n) => sum + n, 0) === LAST_PORT;
    const isMine = own.some(isRange) && !there.some(isRange);
    return isWhole && isMine ? [{ host, firstPort: 1, lastPort: LAST_PORT }] : own;
  });
}

const isRange = ({ firstPort, lastPort }: ServiceBind): boolean => firstPort < lastPort;

function addService(service: ServiceView, { what, family }: Rule): string {
  const { persistence, onePacket, scheduler } = service;
  const words = [`-A ${what} -s ${scheduler}`];
  if (persistence) {
    words.push(`-p ${Math.round(persistence.timeoutMs / 1000)}`);
    const mask = maskText(persistence, family);
    // IPVS has no prefix of 0 in IPv6.
    if (mask !== undefined) words.push(`-M ${mask === "0" ? 1 : mask}`);
    if (persistence.by === "call-id") words.push("--pe sip");
  }
  if (onePacket) words.push("-o");
  const flags = schedulerFlags(service);
  if (flags.length > 0) words.push(`-b ${flags.join(",")}`);
  return words.join(" ");
}

function addServer(service: ServiceView, server: ServiceServerView, rule: Rule): string[] {
  const { name, host, port, method, tunnel, weight, upper, lower } = server;
  const option = METHOD_OPTIONS[method];
  if (option === undefined) {
    return [remark(service, `server ${name} is left out: IPVS has no method ${method}`)];
  }
  if (host === "") return [remark(service, `server ${name} is left out: it has no address now`)];
  // Only nat writes a port in.
  const to = formatEndpoint(host, method === "nat" && port > 0 ? port : rule.port);
  const words = [`-a ${rule.what} -r ${to} ${option}`, `-w ${weight}`];
  if (upper > 0) {
    words.push(`-x ${Math.min(upper, IPVS_MOST_CONNECTIONS)}`);
    // Three quarters is what IPVS does by itself.
    if (lower !== Math.ceil((upper * 3) / 4))
      words.push(`-y ${Math.min(lower, IPVS_MOST_CONNECTIONS)}`);
  }
  if (tunnel && tunnel.type !== "ipip") {
    words.push(`--tun-type ${tunnel.type}`);
    if (tunnel.type === "gue") words.push(`--tun-port ${tunnel.port}`);
    words.push("--tun-nocsum");
  }
  return [words.join(" ")];
}
