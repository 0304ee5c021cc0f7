import { type ChildProcess, spawn } from "node:child_process";
import { inNetns } from "./netns.ts";
import type { Owner } from "./owner.ts";
import { until } from "./until.ts";

/** Asks on kept connections again and again, and on new ones; tells how it goes. */
const PROGRAM = `
const [, host, port, count] = process.argv;
const { connect } = require("node:net");
const PAUSE_MS = 10;
const servers = Array(Number(count)).fill(""), lost = [];
let served = 0, refused = 0;
const keep = (i) => {
  const socket = connect({ host, port: Number(port), noDelay: true });
  const ask = () => socket.write("who\\n");
  socket.on("connect", ask).on("data", (text) => {
    servers[i] = text.toString().split(" ")[0];
    setTimeout(ask, PAUSE_MS);
  });
  socket.on("error", () => {}).on("close", () => lost.push(servers[i]));
};
const renew = () => {
  let answered = false;
  const socket = connect({ host, port: Number(port) }, () => socket.write("who\\n"));
  socket.on("data", () => { answered = true; socket.destroy(); });
  socket.on("error", () => {}).on("close", () => {
    if (answered) served++; else { served = 0; refused++; }
    setTimeout(renew, PAUSE_MS);
  });
};
servers.forEach((_, i) => keep(i));
renew();
setInterval(() => process.send({ servers, lost, served, refused }), 20);
process.on("disconnect", () => process.exit());
`;

export interface SteadyState {
  /** Who answers on each kept connection. */
  readonly servers: readonly string[];
  /** Who answered on those that have ended. */
  readonly lost: readonly string[];
  /** New connections that were answered since one was not. */
  readonly served: number;
  /** New connections that were not answered. */
  readonly refused: number;
}

export class SteadyClients {
  now: SteadyState = { servers: [], lost: [], served: 0, refused: 0 };
  readonly #child: ChildProcess;

  /** So many connections from a namespace, which are kept. */
  constructor(owner: Owner, netns: string, host: string, port: number, count: number) {
    const words = [...inNetns(netns), process.execPath, "-e", PROGRAM, "--", host, port, count];
    const [program, ...more] = words.map(String);
    this.#child = spawn(program!, more, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.on("message", (message) => {
      this.now = message as SteadyState;
    });
    owner.after(() => void this.#child.kill("SIGKILL"));
  }

  /** Resolves when this holds. */
  reach(what: string, met: (now: SteadyState) => boolean): Promise<void> {
    return until(what, () => met(this.now));
  }
}
