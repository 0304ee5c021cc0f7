import { spawn } from "node:child_process";
import { once } from "node:events";
import { runClient } from "./lan-client.ts";
import { inNetns } from "./netns.ts";
import type { Owner } from "./owner.ts";

/*
 * A server that sends back what it gets, and clients that compare.
 */

/** TCP, and UDP on each address there is: answers come from the one that was asked. */
const SERVER = `
const [, port] = process.argv;
const dgram = require("node:dgram"), net = require("node:net"), os = require("node:os");
net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => {}).pipe(socket);
}).listen({ host: "::", port: Number(port) }, () => {
  const own = Object.values(os.networkInterfaces()).flat().filter((a) => !a.address.startsWith("fe80"));
  let left = own.length;
  for (const { address, family } of own) {
    const udp = dgram.createSocket(family === "IPv6" ? "udp6" : "udp4");
    udp.on("message", (text, from) => udp.send(text, from.port, from.address));
    udp.bind(Number(port), address, () => --left || console.log("listening"));
  }
});
`;

/** Starts it in a namespace; it is gone when the owner ends. */
export async function startEcho(owner: Owner, netns: string, port: number): Promise<void> {
  const [program, ...words] = [...inNetns(netns), process.execPath, "-e", SERVER];
  const child = spawn(program!, [...words, "--", String(port)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  owner.after(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
}

/** No two blocks of what is sent are alike. */
const TRANSFER = `
const [, host, port, bytes, patience] = process.argv;
const { createHash, randomBytes } = require("node:crypto");
const sent = createHash("sha1"), came = createHash("sha1"), block = randomBytes(1 << 18);
const startedAt = performance.now();
let left = Number(bytes), back = 0, blocks = 0;
const end = (error) => {
  const ms = performance.now() - startedAt;
  console.log(JSON.stringify({ error, bytes: back, equal: sent.digest("hex") === came.digest("hex"), ms }));
  process.kill(process.pid, "SIGKILL");
};
const fill = () => {
  while (left > 0) {
    const part = Buffer.from(block.subarray(0, Math.min(left, block.length)));
    part.writeUInt32BE(blocks++);
    left -= part.length;
    sent.update(part);
    if (left === 0) return socket.end(part);
    if (!socket.write(part)) return;
  }
};
const socket = require("node:net").connect({ host, port: Number(port) }, fill);
socket.on("drain", fill).on("data", (part) => { back += part.length; came.update(part); });
socket.on("error", (error) => end(error.code)).on("end", () => end());
setTimeout(() => end("stalled"), Number(patience));
`;

export interface Transferred {
  readonly error?: string;
  /** That came back. */
  readonly bytes: number;
  /** They are those that were sent. */
  readonly equal: boolean;
  readonly ms: number;
}

/** Sends that many bytes to the server, and reads them again at the same time. */
export function transfer(
  netns: string,
  host: string,
  port: number,
  bytes: number,
  patienceMs = 60_000,
): Transferred {
  const words = [host, port, bytes, patienceMs].map(String);
  return runClient(netns, TRANSFER, words) as Transferred;
}

/** One after another; each is sent again when nothing comes, for paths have to be found out. */
const DATAGRAMS = `
const [, host, port, ...sizes] = process.argv;
const { randomBytes } = require("node:crypto");
const socket = require("node:dgram").createSocket(host.includes(":") ? "udp6" : "udp4");
const ask = (size) => new Promise((done) => {
  const sent = randomBytes(Number(size));
  let tries = 0;
  const again = () => {
    if (++tries > 4) return end("nothing");
    socket.send(sent, (error) => { if (error && error.code !== "EMSGSIZE") end(error.code); });
  };
  const end = (text) => { clearInterval(timer); socket.off("message", hear); done(text); };
  const hear = (text) => { if (text.length === sent.length) end(text.equals(sent) ? "equal" : "other"); };
  const timer = setInterval(again, 500);
  socket.on("message", hear);
  again();
});
socket.on("error", () => {});
socket.connect(Number(port), host, async () => {
  const answers = [];
  for (const size of sizes) answers.push(await ask(size));
  console.log(JSON.stringify(answers));
  process.kill(process.pid, "SIGKILL");
});
`;

/** What came back for datagrams of these sizes: `equal`, `other`, `nothing`, or an error's name. */
export function echoDatagrams(
  netns: string,
  host: string,
  port: number,
  sizes: readonly number[],
): string[] {
  const words = [host, port, ...sizes].map(String);
  return runClient(netns, DATAGRAMS, words) as string[];
}
