import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Cancel, Timers } from "#base/clock.ts";

const ENTRY = fileURLToPath(new URL("./server.ts", import.meta.url));
const COLOURS = { a: "#2563eb", b: "#059669", c: "#c2410c" } as const;
const FIRST_PORT = 9001;
/** Time enough to see that it is gone. */
const BACK_MS = 15_000;

interface Member {
  readonly name: string;
  readonly colour: string;
  port: number;
  process: ChildProcess | undefined;
  cancelBack: Cancel | undefined;
}

/** The three servers of the demo; one that ends, however it does, comes back after a while. */
export class DemoServers {
  readonly #timers: Timers;
  readonly #say: (text: string) => void;
  readonly #members: readonly Member[];
  #ending = false;

  constructor(timers: Timers, say: (text: string) => void) {
    this.#timers = timers;
    this.#say = say;
    this.#members = Object.entries(COLOURS).map(([name, colour], i) => ({
      name,
      colour,
      port: FIRST_PORT + i,
      process: undefined,
      cancelBack: undefined,
    }));
  }

  /** Resolves with the servers and their ports: the usual ones, or others where those are taken. */
  async start(): Promise<readonly { readonly name: string; readonly port: number }[]> {
    await Promise.all(this.#members.map((member) => this.#start(member)));
    return this.#members.map(({ name, port }) => ({ name, port }));
  }

  /** Ends them all; resolves when they have. */
  async stop(): Promise<void> {
    this.#ending = true;
    await Promise.all(
      this.#members.map(async ({ process, cancelBack }) => {
        cancelBack?.();
        if (process === undefined || process.exitCode !== null || process.signalCode) return;
        const exited = once(process, "exit");
        process.kill("SIGKILL");
        await exited;
      }),
    );
  }

  async #start(member: Member): Promise<void> {
    const said = await this.#launch(member);
    if (said.port !== undefined) {
      member.port = said.port;
      return;
    }
    member.process!.kill("SIGKILL");
    member.port = 0;
    const again = await this.#launch(member);
    if (again.port === undefined) throw new Error(`server ${member.name}: ${again.failed}`);
    member.port = again.port;
  }

  async #launch(member: Member): Promise<{ port?: number; failed?: string }> {
    const words = [member.name, member.colour, String(member.port)];
    const child = fork(ENTRY, words, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    member.process = child;
    child.once("exit", () => this.#ended(member, child));
    const [said] = (await once(child, "message")) as [{ port?: number; failed?: string }];
    return said;
  }

  #ended(member: Member, child: ChildProcess): void {
    if (this.#ending || member.process !== child) return;
    member.process = undefined;
    this.#say(`server ${member.name} has ended; it comes back in ${BACK_MS / 1000} s`);
    member.cancelBack = this.#timers.after(BACK_MS, () => {
      this.#say(`server ${member.name} starts again`);
      this.#launch(member).catch(() => {});
    });
  }
}
