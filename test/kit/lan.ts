import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { flushKernel } from "#director/kernel.ts";
import { guard } from "./guard.ts";
import { createNetns, inNetns, runProgram, withNetns } from "./netns.ts";
import type { Owner } from "./owner.ts";
import { PATIENCE } from "./patience.ts";
import { within } from "./within.ts";

/**
 * A network of a test's own: a client, a director and its servers, each in a namespace, on one
 * switch. Clients and servers are in networks of their own; the director has an address in both.
 *
 *   client .2 ──┐  10.1.0.0/24, fd01::/64     ┌── server .11
 *               ├───────── switch ────────────┼── server .12
 *   director .1 ┘  10.2.0.0/24, fd02::/64     └── server .13
 *
 * The service's address is 10.1.0.100, fd01::100, the director's.
 */
export interface Lan {
  readonly client: string;
  readonly director: string;
  readonly servers: readonly string[];
  /** Interface of everybody. */
  readonly device: string;
  /** The switch's namespace. */
  readonly wire: string;
  /** The director's own addresses that fullnat may speak from. */
  readonly locals: readonly string[];
  /** For `director.pins`. */
  readonly pins: string;
}

export const VIP = { 4: "10.1.0.100", 6: "fd01::100" } as const;
export type Family = 4 | 6;

export const serverHost = (family: Family, i: number): string =>
  family === 4 ? `10.2.0.${11 + i}` : `fd02::${11 + i}`;

/** How servers answer: through the director, or past it with the service's address on lo. */
export type ReturnPath = "director" | "direct";

const DEVICE = "eth0";
/** An answer over a kept connection that takes longer does not come. */
const ANSWER_MS = 10_000;
let made = 0;

/** Builds it; everything is gone when the owner ends. */
export function createLan(owner: Owner, path: ReturnPath, servers = 3): Lan {
  const pins = ownPins(owner);
  const wire = createSwitch(owner);
  const join = (port: string, addresses: readonly string[]): string =>
    joinSwitch(owner, wire, port, addresses);
  const client = join("client", ["10.1.0.2/24", "fd01::2/64"]);
  const director = join("director", [
    ...["10.1.0.1/24", "fd01::1/64", "10.2.0.1/24", "fd02::1/64"],
    ...[`${VIP[4]}/32`, `${VIP[6]}/128`],
  ]);
  const names = Array.from({ length: servers }, (_, i) =>
    join(`server${i}`, [`${serverHost(4, i)}/24`, `${serverHost(6, i)}/64`]),
  );
  for (const name of [client, ...names]) {
    const via = name === client ? ["10.1.0.1", "fd01::1"] : ["10.2.0.1", "fd02::1"];
    runProgram("ip", "-n", name, "route", "add", "default", "via", via[0]!);
    runProgram("ip", "-n", name, "-6", "route", "add", "default", "via", via[1]!);
  }
  if (path === "direct") for (const name of names) answerDirectly(name);
  const locals = ["10.2.0.1", "fd02::1"];
  return { client, director, servers: names, device: DEVICE, wire, locals, pins };
}

/** The kernel's module br_netfilter, where it is there, has them in every namespace. */
const BRIDGE_HOOKS = ["iptables", "ip6tables", "arptables"].map(
  (name) => `/proc/sys/net/bridge/bridge-nf-call-${name}`,
);

/** A name for `director.pins`; what is pinned there is gone when the owner ends. */
export function ownPins(owner: Owner): string {
  const pins = `weir-test-${process.pid}-${++made}`;
  const release = guard(`rm -rf /sys/fs/bpf/${pins}`);
  owner.after(() => {
    flushKernel(pins);
    release();
  });
  return pins;
}

/** A namespace that is a switch, and no more: frames do not pass the hooks of a firewall. */
export function createSwitch(owner: Owner): string {
  const wire = createNetns(owner);
  withNetns(wire, () => {
    for (const name of BRIDGE_HOOKS.filter((name) => existsSync(name))) writeFileSync(name, "0");
  });
  runProgram("ip", "-n", wire, "link", "add", "switch", "type", "bridge");
  runProgram("ip", "-n", wire, "link", "set", "switch", "up");
  return wire;
}

/** A namespace with an interface on the switch. */
export function joinSwitch(
  owner: Owner,
  wire: string,
  port: string,
  addresses: readonly string[],
): string {
  const name = createNetns(owner);
  plug(wire, port, name);
  for (const address of addresses) addAddress(name, address, DEVICE);
  return name;
}

/** An interface of a namespace on the switch. */
export function plug(wire: string, port: string, netns: string, device = DEVICE): void {
  runProgram(
    ...(["ip", "-n", wire, "link", "add", port, "type", "veth"] as const),
    ...["peer", "name", device, "netns", netns],
  );
  runProgram("ip", "-n", wire, "link", "set", port, "master", "switch", "up");
  // Neighbours are asked from the address of the link, which is to serve at once.
  withNetns(netns, () => writeFileSync(`/proc/sys/net/ipv6/conf/${device}/accept_dad`, "0"));
  runProgram("ip", "-n", netns, "link", "set", device, "up");
}

export function addAddress(netns: string, address: string, device: string): void {
  // No detection of duplicate addresses: IPv6 serves at once.
  const more = address.includes(":") ? ["nodad"] : [];
  runProgram("ip", "-n", netns, "addr", "add", address, "dev", device, ...more);
}

/** The service's address is the machine's too, and nobody is told. */
export function holdSilently(netns: string): void {
  const [first, ...words] = inNetns(netns);
  const settings = ["all.arp_ignore=1", "all.arp_announce=2"].map((s) => `net.ipv4.conf.${s}`);
  runProgram(first!, ...words, "sysctl", "-qw", ...settings);
  addAddress(netns, `${VIP[4]}/32`, "lo");
  addAddress(netns, `${VIP[6]}/128`, "lo");
}

/** The service's address is the server's too, and clients are on the wire. */
function answerDirectly(netns: string): void {
  holdSilently(netns);
  runProgram("ip", "-n", netns, "route", "add", "10.1.0.0/24", "dev", DEVICE);
  runProgram("ip", "-n", netns, "-6", "route", "add", "fd01::/64", "dev", DEVICE);
}

/** Answers with its name: every line of TCP, every datagram of UDP, over both families. */
const SERVER = `
const [, name, port] = process.argv;
const dgram = require("node:dgram"), net = require("node:net"), os = require("node:os");
const plain = (host) => host.replace("::ffff:", "");
net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.setNoDelay(true).on("error", () => {});
  socket.on("data", (text) => {
    const line = text.toString("latin1");
    if (line.startsWith("GET")) {
      const body = name + "\\n", last = line.includes("Connection: close");
      const [, client] = /^x-forwarded-for: (.*)\\r$/im.exec(line) || [];
      const told = client ? "X-Client: " + client + "\\r\\n" : "";
      const head = "HTTP/1.1 200 OK\\r\\n" + told + (last ? "Connection: close\\r\\n" : "");
      socket.write(head + "Content-Length: " + body.length + "\\r\\n\\r\\n" + body);
      if (last) socket.end();
    } else socket.write(name + " " + plain(socket.remoteAddress) + "\\n");
  }).on("end", () => socket.end());
}).listen({ host: "::", port: Number(port) }, () => {
  // Answers come from the address that was asked: one socket for each there is.
  const own = Object.values(os.networkInterfaces()).flat().filter((a) => !a.address.startsWith("fe80"));
  let left = own.length;
  for (const { address, family } of own) {
    const udp = dgram.createSocket(family === "IPv6" ? "udp6" : "udp4");
    udp.on("message", (text, from) => udp.send(name + " " + from.address, from.port, from.address));
    udp.bind(Number(port), address, () => --left || console.log("listening"));
  }
});
`;

/**
 * Starts that server in a namespace, with words before its command; its process. It is gone when
 * the owner ends.
 */
export async function startNamed(
  owner: Owner,
  netns: string,
  name: string,
  port: number,
  before: readonly string[] = [],
): Promise<ChildProcess> {
  const [program, ...words] = [...inNetns(netns), ...before, process.execPath, "-e", SERVER];
  const child = spawn(program!, [...words, "--", name, String(port)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  owner.after(() => void child.kill("SIGKILL"));
  await once(child.stdout!, "data");
  return child;
}

/** Asks one after another, each with a socket of its own; prints the answers, or the errors. */
const CLIENT = `
const [, port, count, firstPort, patience, ...questions] = process.argv;
const dgram = require("node:dgram"), net = require("node:net");
let own = Number(firstPort);
const tcp = (host) => new Promise((done) => {
  const socket = net.connect({ host, port: Number(port) }, () => socket.write("who\\n"));
  let text = "";
  socket.setTimeout(3000 * patience, () => { done("timeout"); socket.destroy(); });
  socket.on("data", (part) => { text += part; socket.end(); });
  socket.on("error", (error) => done(error.code)).on("close", () => done(text.trim()));
});
const udp = (host) => new Promise((done) => {
  const socket = dgram.createSocket(host.includes(":") ? "udp6" : "udp4");
  const end = (text) => { clearTimeout(timer); socket.close(); done(text); };
  const timer = setTimeout(() => end("timeout"), 3000 * patience);
  socket.on("message", (text) => end(text.toString())).on("error", (error) => end(error.code));
  socket.bind(own++, () => socket.connect(Number(port), host, () => socket.send("who")));
});
(async () => {
  const answers = {};
  for (const question of questions) {
    const [protocol, host] = question.split(" ");
    answers[question] = [];
    for (let i = 0; i < Number(count); i++) {
      answers[question].push(await (protocol === "tcp" ? tcp : udp)(host));
    }
  }
  console.log(JSON.stringify(answers));
})();
`;

export type Asked = "tcp" | "udp";

/** Ports of clients of UDP, below those that the kernel gives. */
const OWN_PORTS = { first: 20_000, last: 32_000 } as const;
let ownPort: number = OWN_PORTS.first;

/** So many of them. One that comes again would be a flow that has its server for minutes. */
function takeOwnPorts(count: number): number {
  if (ownPort + count > OWN_PORTS.last) ownPort = OWN_PORTS.first;
  ownPort += count;
  return ownPort - count;
}

/**
 * Answers to so many questions: `NAME CLIENT`, or the name of an error; `timeout` is three seconds
 * without an answer, times `patience`.
 */
export function askFrom(
  netns: string,
  protocol: Asked,
  host: string,
  port: number,
  count: number,
  patience = 1,
): string[] {
  const question = `${protocol} ${host}` as const;
  return askEach(netns, [question], port, count, patience)[question]!;
}

/** As askFrom, for each `PROTOCOL HOST`. */
export function askEach(
  netns: string,
  questions: readonly `${Asked} ${string}`[],
  port: number,
  count: number,
  patience = 1,
): Record<string, string[]> {
  const [program, ...words] = [...inNetns(netns), process.execPath, "-e", CLIENT];
  const firstPort = takeOwnPorts(count * questions.length);
  const asked = [...[port, count, firstPort, patience * PATIENCE].map(String), ...questions];
  return JSON.parse(runProgram(program!, ...words, "--", ...asked)) as Record<string, string[]>;
}

/** A connection that stays: prints what comes for every line it is given. */
const HOLDER = `
const [, host, port] = process.argv;
const socket = require("node:net").connect({ host, port: Number(port) }, () => console.log("open"));
process.stdin.on("data", (text) => socket.write(text));
socket.on("data", (text) => process.stdout.write(text));
socket.on("error", (error) => console.log(error.code)).on("close", () => console.log("closed"));
`;

/** A TCP connection of a client that is kept open. */
export class HeldConnection {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async open(
    owner: Owner,
    netns: string,
    host: string,
    port: number,
  ): Promise<HeldConnection> {
    const [program, ...words] = [...inNetns(netns), process.execPath, "-e", HOLDER];
    const child = spawn(program!, [...words, "--", host, String(port)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    owner.after(() => void child.kill("SIGKILL"));
    const held = new HeldConnection(child);
    const word = await held.#next();
    if (word !== "open") throw new Error(`no connection to ${host}:${port}: ${word}`);
    return held;
  }

  async #next(): Promise<string> {
    const said = once(this.#child.stdout!, "data") as Promise<[Buffer]>;
    const [text] = await within(ANSWER_MS, said, () => "nothing comes over a kept connection");
    return text.toString().trim();
  }

  /** The answer to one question over it: `NAME CLIENT`, or what became of the connection. */
  ask(): Promise<string> {
    const answer = this.#next();
    this.#child.stdin!.write("who\n");
    return answer;
  }
}
