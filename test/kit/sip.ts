import { spawn } from "node:child_process";
import { once } from "node:events";
import { runClient } from "./lan-client.ts";
import { inNetns } from "./netns.ts";
import type { Owner } from "./owner.ts";

/*
 * As much of SIP over UDP as a director sees: datagrams with a Call-ID, and answers with the same.
 */

/** Answers with its name, as long as it was asked; to `BEGIN` with a request of the call named. */
const SERVER = `
const [, name, port] = process.argv;
const dgram = require("node:dgram"), os = require("node:os");
const own = Object.values(os.networkInterfaces()).flat().filter((a) => !a.address.startsWith("fe80"));
let left = own.length;
for (const { address, family } of own) {
  const udp = dgram.createSocket(family === "IPv6" ? "udp6" : "udp4");
  udp.on("message", (bytes, from) => {
    const text = bytes.toString("latin1");
    const [, begun] = /^BEGIN (\\S+)/.exec(text) ?? [];
    const call = begun ?? /^Call-ID: (.*)\\r$/m.exec(text)?.[1];
    const first = begun ? "INVITE sip:client SIP/2.0" : "SIP/2.0 200 OK";
    const answer = first + "\\r\\nServer: " + name + "\\r\\nCall-ID: " + call + "\\r\\n\\r\\n";
    udp.send(answer.padEnd(bytes.length, "."), from.port, from.address);
  });
  udp.bind(Number(port), address, () => --left || console.log("listening"));
}
`;

/** Starts a server in a namespace; it is gone when the owner ends. */
export async function startSip(
  owner: Owner,
  netns: string,
  name: string,
  port: number,
): Promise<void> {
  const [program, ...words] = [...inNetns(netns), process.execPath, "-e", SERVER];
  const child = spawn(program!, [...words, "--", name, String(port)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  owner.after(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
}

const CLIENT = `
const [, host, port, ...texts] = process.argv;
const dgram = require("node:dgram");
const family = host.includes(":") ? "udp6" : "udp4";
const sockets = [dgram.createSocket(family), dgram.createSocket(family)];
const ask = (text, i) => new Promise((done) => {
  const socket = sockets[i % sockets.length];
  const end = (answer) => { clearTimeout(timer); socket.off("message", hear); done(answer); };
  const hear = (bytes, from) => {
    const text = bytes.toString("latin1");
    const [, server] = /^Server: (.*)\\r$/m.exec(text) ?? [];
    const [, call] = /^Call-ID: (.*)\\r$/m.exec(text) ?? [];
    end({ from: from.address + " " + from.port, server, call, bytes: bytes.length });
  };
  const timer = setTimeout(() => end(null), 3000);
  socket.on("message", hear);
  socket.send(text, Number(port), host);
});
(async () => {
  const answers = [];
  for (const [i, text] of texts.entries()) answers.push(await ask(text, i));
  console.log(JSON.stringify(answers));
  process.kill(process.pid, "SIGKILL");
})();
`;

export interface SipAnswer {
  /** Address and port it came from. */
  readonly from: string;
  readonly server: string;
  readonly call: string;
  readonly bytes: number;
}

/** Sends these from two ports in turn, each after the answer to the one before; null: none came. */
export const saySip = (
  netns: string,
  host: string,
  port: number,
  texts: readonly string[],
): (SipAnswer | null)[] =>
  runClient(netns, CLIENT, [host, String(port), ...texts]) as (SipAnswer | null)[];

/** A request of a call, of at least so many bytes. */
export const sipRequest = (call: string, bytes = 0): string =>
  `INVITE sip:who@example.org SIP/2.0\r\nVia: SIP/2.0/UDP client\r\nCall-ID: ${call}\r\n\r\n`.padEnd(
    bytes,
    ".",
  );

/** Asks the server that it goes to for a call of its own. */
export const sipBegin = (call: string, by: string): string =>
  `BEGIN ${call}\r\nCall-ID: ${by}\r\n\r\n`;
