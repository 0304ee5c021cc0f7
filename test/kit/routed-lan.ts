import {
  addAddress,
  createSwitch,
  holdSilently,
  joinSwitch,
  type Lan,
  ownPins,
  VIP,
} from "./lan.ts";
import type { Way } from "./lan-services.ts";
import { connectNetns, createNetns, inNetns, runProgram } from "./netns.ts";
import type { Owner } from "./owner.ts";

/*
 * A Lan with routers, beyond which less fits into a packet than at both ends:
 *
 *   client 10.1.0.2 ── .1 router .2 ──┐                          1400 bytes, both ways
 *                                     │ 10.3.0.0/24
 *                     director .1 ────┤ switch
 *                                     │
 *   server 10.2.0.11 ─ .254 router .3 ┘                          1350 bytes, both ways
 *
 * and the same in fd01::, fd02::, fd03::. Nobody but the routers knows: they have to say so. For dr
 * the server is beside the director, and there is no second router. What goes back to the client
 * goes to the director, or for dr and tun to the first router.
 */

export const CLIENT_MTU = 1400;
export const SERVER_MTU = 1350;

export interface RoutedLan extends Lan {
  readonly clientRouter: string;
}

const DEVICE = "eth0";
const SETTINGS = [
  "net.ipv6.conf.all.accept_dad=0",
  "net.ipv6.conf.default.accept_dad=0",
  "net.ipv4.tcp_mtu_probing=0",
  "net.ipv4.conf.all.rp_filter=0",
  "net.ipv4.conf.default.rp_filter=0",
];
const FORWARDING = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"];

function set(netns: string, settings: readonly string[]): void {
  const [program, ...words] = [...inNetns(netns), "sysctl", "-qw", ...settings];
  runProgram(program!, ...words);
}

const route = (netns: string, to: string, ...words: readonly string[]): void =>
  void runProgram(
    "ip",
    "-n",
    netns,
    to.includes(":") ? "-6" : "-4",
    "route",
    "replace",
    to,
    ...words,
  );

/** Routes of both families: `10.1.0.0/24` stands for `fd01::/64` as well. */
function routeBoth(netns: string, to: string, via: string, mtu?: number): void {
  const size = mtu === undefined ? [] : ["mtu", String(mtu)];
  route(netns, to, "via", via, "dev", DEVICE, "onlink", ...size);
  route(netns, six(to), "via", six(via), "dev", DEVICE, "onlink", ...size);
}

/** The IPv6 address, or network, that goes with an IPv4 one here. */
function six(address: string): string {
  if (address === "0.0.0.0/0") return "::/0";
  const [host, prefix] = address.split("/");
  const [, network, , last] = host!.split(".");
  const bits = prefix === undefined ? "" : prefix === "32" ? "/128" : "/64";
  return `fd0${network}::${last === "0" ? "" : last}${bits}`;
}

export function createRoutedLan(owner: Owner, method: Way["method"]): RoutedLan {
  const isBeyond = method !== "dr";
  const answersTo = method === "tun" ? "10.3.0.2" : "10.3.0.1";
  const pins = ownPins(owner);
  const wire = createSwitch(owner);
  const join = (port: string, ...addresses: readonly string[]): string => {
    const name = joinSwitch(owner, wire, port, []);
    set(name, SETTINGS);
    for (const address of addresses.flatMap((a) => [a, six(a)])) addAddress(name, address, DEVICE);
    return name;
  };
  const own = isBeyond ? ["10.3.0.1/24"] : ["10.3.0.1/24", "10.2.0.1/24"];
  const director = join("director", ...own, `${VIP[4]}/32`);
  const clientRouter = join("router", "10.3.0.2/24");
  const client = beyond(owner, clientRouter, "10.1.0.1/24", "10.1.0.2/24");
  routeBoth(director, "10.1.0.0/24", "10.3.0.2");
  routeBoth(clientRouter, `${VIP[4]}/32`, "10.3.0.1", CLIENT_MTU);
  // Of what goes to the client, which is on a link of its own.
  for (const to of ["10.1.0.2/32", "fd01::2/128"]) {
    route(clientRouter, to, "dev", "eth1", "mtu", String(CLIENT_MTU));
  }
  const name = isBeyond ? behindRouter() : besideDirector();
  const locals = isBeyond ? ["10.3.0.1", "fd03::1"] : ["10.2.0.1", "fd02::1"];
  return { client, clientRouter, director, servers: [name], device: DEVICE, wire, locals, pins };

  function besideDirector(): string {
    const there = join("server", "10.2.0.11/24");
    holdSilently(there);
    routeBoth(there, "0.0.0.0/0", "10.3.0.2");
    return there;
  }

  function behindRouter(): string {
    const router = join("router2", "10.3.0.3/24");
    const there = beyond(owner, router, "10.2.0.254/24", "10.2.0.11/24");
    routeBoth(director, "10.2.0.0/24", "10.3.0.3");
    routeBoth(router, "10.1.0.0/24", answersTo, SERVER_MTU);
    for (const to of ["10.2.0.11/32", "fd02::11/128"]) {
      route(router, to, "dev", "eth1", "mtu", String(SERVER_MTU));
    }
    return there;
  }
}

/** A machine on a link of its own behind a router, which is its way to everywhere. */
function beyond(owner: Owner, router: string, address: string, own: string): string {
  const name = createNetns(owner);
  for (const netns of [name, router])
    set(netns, [...SETTINGS, ...(netns === router ? FORWARDING : [])]);
  connectNetns(
    { netns: router, device: "eth1", address },
    { netns: name, device: DEVICE, address: own },
  );
  addAddress(router, six(address), "eth1");
  addAddress(name, six(own), DEVICE);
  routeBoth(name, "0.0.0.0/0", address.split("/")[0]!);
  // The client's network has the service's address in it, which is elsewhere.
  routeBoth(name, `${VIP[4]}/32`, address.split("/")[0]!);
  return name;
}
