import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  addAddress,
  createLan,
  joinSwitch,
  type Lan,
  ownPins,
  type ReturnPath,
  VIP,
} from "./lan.ts";
import { joinTunnels } from "./lan-ways.ts";
import { inNetns, runProgram } from "./netns.ts";
import type { Owner } from "./owner.ts";

/*
 * A Lan with two directors. The first one has the service's address, and that by which servers send
 * to clients; the second one gets them when they are moved.
 */

export interface SyncLan {
  readonly first: Lan;
  readonly second: Lan;
}

/** Of the directors, in the order first, second. */
export const SYNC_HOSTS = ["10.1.0.1", "10.1.0.9"] as const;
/** By which servers send. */
const GATEWAYS = ["10.2.0.1/24", "fd02::1/64"];
const MOVED = [`${VIP[4]}/32`, `${VIP[6]}/128`, ...GATEWAYS];

export function createSyncLan(owner: Owner, path: ReturnPath, servers = 3): SyncLan {
  const first = createLan(owner, path, servers);
  // An address that it keeps, towards servers.
  for (const address of ["10.2.0.8/24", "fd02::8/64"]) {
    addAddress(first.director, address, first.device);
  }
  const addresses = ["10.1.0.9/24", "fd01::9/64", "10.2.0.9/24", "fd02::9/64"];
  const director = joinSwitch(owner, first.wire, "director2", addresses);
  return { first, second: { ...first, director, pins: ownPins(owner) } };
}

/** Servers open tunnels of either director, and answer clients directly. */
export function joinSyncTunnels(owner: Owner, lan: Lan): void {
  for (const netns of lan.servers) {
    runProgram("ip", "-n", netns, "route", "add", "10.1.0.0/24", "dev", lan.device);
    runProgram("ip", "-n", netns, "-6", "route", "add", "fd01::/64", "dev", lan.device);
  }
  const from = ["10.2.0.8", "10.2.0.9", "fd02::8", "fd02::9"].flatMap((host) => ["--from", host]);
  joinTunnels(owner, lan, "ipip", ...from);
}

/** The addresses move from one director to the other, and everybody is told. */
export function moveAddresses(from: Lan, to: Lan): void {
  for (const address of MOVED) {
    runProgram("ip", "-n", from.director, "addr", "del", address, "dev", from.device);
    addAddress(to.director, address, to.device);
  }
  // As gratuitous ARP would, and unsolicited neighbour advertisements.
  for (const netns of [from.client, ...from.servers]) {
    runProgram("ip", "-n", netns, "neigh", "flush", "all");
    runProgram("ip", "-n", netns, "-6", "neigh", "flush", "all");
  }
}

/** Sends so many bytes, slowly, to everyone who connects; all of them say how far they are. */
const STREAM = `
const [, port, total] = process.argv;
const chunk = Buffer.alloc(16384, (i) => i);
require("node:net").createServer((socket) => {
  let left = Number(total);
  const timer = setInterval(() => {
    const size = Math.min(left, chunk.length);
    socket.write(chunk.subarray(0, size));
    if ((left -= size) > 0) return;
    clearInterval(timer);
    socket.end();
  }, 5);
  socket.on("error", () => clearInterval(timer));
}).listen({ host: "::", port: Number(port) }, () => console.log("listening"));
`;
const SINK = `
const [, host, port] = process.argv;
let bytes = 0, last = 0;
const socket = require("node:net").connect({ host, port: Number(port) });
socket.on("data", (part) => {
  bytes += part.length;
  if (bytes - last > 65536) console.log((last = bytes));
});
socket.on("error", (error) => console.log(error.code)).on("close", () => console.log("end " + bytes));
`;

async function startScript(owner: Owner, netns: string, script: string, words: readonly string[]) {
  const [program, ...before] = [...inNetns(netns), process.execPath, "-e", script];
  const child = spawn(program!, [...before, "--", ...words], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  owner.after(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}

export const startStream = (owner: Owner, netns: string, port: number, bytes: number) =>
  startScript(owner, netns, STREAM, [String(port), String(bytes)]);

/** A download that has begun; `done` says how many bytes it had when it ended. */
export async function startDownload(owner: Owner, netns: string, host: string, port: number) {
  const child = await startScript(owner, netns, SINK, [host, String(port)]);
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  const done = once(child, "close").then(() => Number(/end (\d+)/.exec(text)?.[1] ?? -1));
  return { done, isOver: () => text.includes("end") };
}

/** Sends datagrams to a group, slowly enough for whoever hears them; gone when all are sent. */
const SPEAKER = `
const [, own, group, port] = process.argv;
const socket = require("node:dgram").createSocket("udp4");
const messages = require("node:fs").readFileSync(0, "latin1").split("\\n").filter(Boolean);
socket.bind(0, own, async () => {
  socket.setMulticastInterface(own);
  for (const hex of messages) {
    await new Promise((sent) => socket.send(Buffer.from(hex, "hex"), Number(port), group, sent));
    await new Promise((go) => setTimeout(go, 2));
  }
  socket.close();
});
`;

/** Has a machine say something that is none of ours; `own` is its address. */
export function speak(netns: string, own: string, messages: readonly Uint8Array[]): void {
  const [program, ...words] = [...inNetns(netns), process.execPath, "-e", SPEAKER];
  const text = messages.map((bytes) => Buffer.from(bytes).toString("hex")).join("\n");
  const { status, stderr } = spawnSync(program!, [...words, "--", own, "224.0.0.81", "8848"], {
    input: text,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
}
