import { WeirError } from "#base/errors.ts";
import { isSilent, RP_LOOSE, RP_STRICT, WANTED_ANNOUNCE, WANTED_IGNORE } from "./arp.ts";
import { type Form, segmentBytes, tunnelBytes } from "./forms.ts";
import { answerers, holdersOf, type Overview, ownAddresses } from "./overview.ts";
import type { NodeState, SysctlState, TunnelState, VipState } from "./state.ts";

/** What an operator asks for. */
export interface JoinRequest {
  readonly method: "dr" | "tun";
  /** Text in its shortest form. */
  readonly vips: readonly string[];
  /** That holds the addresses. */
  readonly vipDevice: string;
  readonly forms: readonly Form[];
  readonly port: number;
  /** Where tunnels come in; empty: where the default route leads. */
  readonly devices: readonly string[];
  /** Networks that tunnels may come from; empty: from anywhere. */
  readonly from: readonly string[];
  /** Most bytes of a TCP segment, instead of what fits the interfaces. */
  readonly mss: number | undefined;
}

/** What is known of the machine. */
export interface JoinFacts extends Overview {
  readonly sysctl: (name: string) => number | undefined;
  /** Interfaces that lead to clients. */
  readonly outDevices: readonly string[];
}

/** The state as it will be. Throws a WeirError for what cannot be. */
export function planJoin(before: NodeState, request: JoinRequest, facts: JoinFacts): NodeState {
  const vips = planVips(before, request, facts);
  const tunnel =
    request.method === "tun" ? planTunnel(before.tunnel, request, facts, vips) : before.tunnel;
  return { ...before, vips, sysctls: planSysctls(before, request, facts, tunnel), tunnel };
}

function planVips(before: NodeState, request: JoinRequest, facts: JoinFacts): VipState[] {
  mustExist(facts, request.vipDevice);
  const vips = new Map(before.vips.map((vip) => [vip.address, vip]));
  for (const address of request.vips) {
    const known = vips.get(address);
    const tunnel = request.method === "tun" || known?.tunnel === true;
    if (known) {
      vips.set(address, { ...known, tunnel });
      continue;
    }
    const holders = holdersOf(facts, address);
    const loud = holders.filter(
      (name) => answerers(facts).includes(name) && name !== request.vipDevice,
    );
    if (loud.length > 0) {
      throw new WeirError(
        "SAFETY_REFUSED",
        `${address} is an address of ${loud[0]}, which tells everybody that it has it: take it off ` +
          `there first (ip addr del ${address} dev ${loud[0]}, with its prefix)`,
      );
    }
    const device = holders[0] ?? request.vipDevice;
    vips.set(address, { address, device, added: holders.length === 0, tunnel });
  }
  return [...vips.values()];
}

function mustExist({ interfaces }: Overview, device: string): void {
  if (interfaces.some(({ name }) => name === device)) return;
  const names = interfaces.map(({ name }) => name).join(", ");
  throw new WeirError("USAGE", `there is no interface ${device}; there are ${names}`);
}

/** Keeps what was there before the first change, and asks only for what is not right already. */
class Changes {
  readonly #rows: Map<string, SysctlState>;
  readonly #read: JoinFacts["sysctl"];

  constructor(before: readonly SysctlState[], read: JoinFacts["sysctl"]) {
    this.#rows = new Map(before.map((row) => [row.name, row]));
    this.#read = read;
  }

  ask(name: string, isRight: (value: number) => boolean, wanted: number): void {
    const value = this.#read(name);
    if (value === undefined || isRight(value)) return;
    const was = this.#rows.get(name)?.was ?? value;
    this.#rows.set(name, { name, was, now: wanted });
  }

  get rows(): SysctlState[] {
    return [...this.#rows.values()];
  }
}

function planSysctls(
  before: NodeState,
  request: JoinRequest,
  facts: JoinFacts,
  tunnel: TunnelState | undefined,
): SysctlState[] {
  const changes = new Changes(before.sysctls, facts.sysctl);
  const conf = (device: string, name: string): string => `ipv4/conf/${device}/${name}`;
  if (request.vips.some((vip) => !vip.includes(":"))) {
    for (const device of new Set(["all", request.vipDevice, ...answerers(facts)])) {
      changes.ask(conf(device, "arp_ignore"), isSilent, WANTED_IGNORE);
      changes.ask(conf(device, "arp_announce"), (now) => now === WANTED_ANNOUNCE, WANTED_ANNOUNCE);
    }
  }
  // Where packets come in but no answer goes out, a strict filter would drop them.
  const all = facts.sysctl(conf("all", "rp_filter")) ?? 0;
  for (const device of (request.method === "tun" && tunnel?.devices) || []) {
    if (facts.outDevices.includes(device)) continue;
    const isStrict = (own: number): boolean => Math.max(all, own) === RP_STRICT;
    changes.ask(conf(device, "rp_filter"), (own) => !isStrict(own), RP_LOOSE);
  }
  return changes.rows;
}

function planTunnel(
  before: TunnelState | undefined,
  request: JoinRequest,
  facts: JoinFacts,
  vips: readonly VipState[],
): TunnelState {
  const given = request.devices.length > 0 ? request.devices : facts.outDevices;
  const devices = [...new Set([...(before?.devices ?? []), ...given])];
  if (devices.length === 0) {
    throw new WeirError(
      "USAGE",
      "there is no default route, so --device has to say where tunnels come in",
    );
  }
  const outDevices = [...new Set([...(before?.outDevices ?? []), ...facts.outDevices, ...devices])];
  for (const device of devices) mustBeEthernet(facts, device, "tunnels cannot be taken there");
  const own = ownAddresses(
    facts,
    vips.map(({ address }) => address),
  );
  const v6 = own.some((address) => address.includes(":"));
  const mtu = Math.min(
    ...facts.interfaces.filter(({ name }) => devices.includes(name)).map(({ mtu }) => mtu),
  );
  const room = mtu - tunnelBytes(request.forms, v6);
  const mss = (v4: boolean): number => request.mss ?? segmentBytes(room, v4);
  const { forms, port, from } = request;
  return { forms, port, from, devices, outDevices, own, mss4: mss(true), mss6: mss(false) };
}

/** Programs read frames; `so` says what cannot be done else. Throws a WeirError. */
export function mustBeEthernet(facts: Overview, device: string, so: string): void {
  mustExist(facts, device);
  if (facts.interfaces.find(({ name }) => name === device)!.isEthernet) return;
  throw new WeirError("USAGE", `${device} has no Ethernet frames: ${so}`);
}
