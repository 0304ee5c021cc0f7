import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { addAddress, type Lan, VIP } from "./lan.ts";
import { inNetns, runProgram } from "./netns.ts";
import type { Owner } from "./owner.ts";
import { until } from "./until.ts";

/*
 * Associations of SCTP by usrsctp, a stack that programs bring along: the kernel need have none.
 * Its examples are a server that says what it hears, and a client that sends lines.
 */

const FOLDER = "/usr/lib/usrsctp";

/** The server has no other. */
export const ECHO_PORT = 7;

/** Why there are no associations, for node:test's `skip`; false when there can be. */
export const noAssociations = (): string | false =>
  existsSync(`${FOLDER}/client`) ? false : "libusrsctp-examples is missing";

function start(
  owner: Owner,
  netns: string,
  program: string,
  words: readonly string[],
): ChildProcess {
  // Lines come as they are written, not when there are many.
  const [first, ...rest] = [...inNetns(netns), "stdbuf", "-oL", `${FOLDER}/${program}`, ...words];
  const child = spawn(first!, rest, { stdio: ["pipe", "pipe", "inherit"] });
  owner.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "close");
  });
  return child;
}

/** usrsctp passes over addresses of a loopback: the service's goes to another, without a wire. */
function moveFromLoopback(netns: string): void {
  runProgram("ip", "-n", netns, "link", "add", "own", "type", "bridge");
  runProgram("ip", "-n", netns, "link", "set", "own", "up");
  for (const address of [`${VIP[4]}/32`, `${VIP[6]}/128`]) {
    runProgram("ip", "-n", netns, "addr", "del", address, "dev", "lo");
    addAddress(netns, address, "own");
  }
}

/** Starts a server on every one of a Lan. `areDirect`: the service's address is theirs too. */
export function startAssociationServers(owner: Owner, lan: Lan, areDirect: boolean): void {
  for (const netns of lan.servers) {
    if (areDirect) moveFromLoopback(netns);
    start(owner, netns, "echo_server", []).stdout!.resume();
  }
}

/** A client's association. */
export class Association {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #said = "";
  #lines = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#closed = once(child, "close");
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.#said += text;
    });
  }

  /** Begins one: it is there when something has come back. */
  static begin(owner: Owner, netns: string, host: string, port: number): Association {
    return new Association(start(owner, netns, "client", [host, String(port)]));
  }

  /** The same, when something has. */
  static async open(...of: Parameters<typeof Association.begin>): Promise<Association> {
    const association = Association.begin(...of);
    await association.ask();
    return association;
  }

  /** Sends a line that no other association sends; what it is to say. */
  say(): string {
    const line = `line ${++this.#lines} of ${this.#child.pid}`;
    this.#child.stdin!.write(`${line}\n`);
    return line;
  }

  /** The line has come back. */
  hears = (line: string): boolean => this.#said.includes(`${line}\n`);

  /** Sends a line, and waits until it is back. */
  async ask(): Promise<void> {
    const line = this.say();
    await until(`${line} comes back: ${this.#said}`, () => this.hears(line));
  }

  /** Ends it, as both ends want it. */
  async shutDown(): Promise<void> {
    this.#child.stdin!.end();
    await until("it is shut down", () => this.#said.includes("SCTP_SHUTDOWN_COMP"));
    await this.#closed;
  }
}
