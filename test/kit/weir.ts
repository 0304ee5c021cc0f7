import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Answer, type Ask, ask, askJson } from "#cli/client.ts";
import { type Account, asAccount } from "./account.ts";
import { freePort } from "./free-port.ts";
import { guard } from "./guard.ts";
import { inNetns } from "./netns.ts";
import type { Owner } from "./owner.ts";
import { PATIENCE } from "./patience.ts";
import { within } from "./within.ts";

const ENTRY = fileURLToPath(new URL("../../bin/weir.ts", import.meta.url));
/** As bin/weir has it: without it every process would compile everything anew. */
const COMPILE_CACHE = fileURLToPath(new URL("../../node_modules/.cache/weir", import.meta.url));
const FLAGS = [
  "--disable-warning=ExperimentalWarning",
  "--disable-sigusr1",
  "--enable-experimental-regexp-engine-on-excessive-backtracks",
];

/** How a weir command is started: a program and the words before the command's own. */
export const WEIR_COMMAND: readonly string[] = [process.execPath, ...FLAGS, ENTRY];

/** A start slower than this has failed; only a failing test ever waits so long. */
const START_MS = 60_000 * PATIENCE;
/** As long as a drain may take, and some more. */
const END_MS = 60_000 * PATIENCE;
/** No command of a test takes this long. */
const COMMAND_MS = 120_000 * PATIENCE;

/** What a configuration of a test is written with. */
export interface Ground {
  /** A free port of 127.0.0.1, the same one for the same name. */
  readonly port: (name: string) => number;
  /** A directory of this test's own. */
  readonly directory: string;
}

export interface WeirOptions {
  /** Names of the ports that the configuration asks for. */
  readonly ports?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Name of the network namespace it runs in; without, ours. */
  readonly netns?: string;
  /** Who it runs as; without, as we do. */
  readonly account?: Account;
  /** Words before its command. */
  readonly before?: readonly string[];
}

export interface Finished {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
}

/**
 * A real `weir run` in processes of its own, with the configuration that `write` gives; it serves
 * when this resolves. A text without `monitor:` gets none, one without `engine:` has one thread.
 * Everything is gone when the test ends, however it ends.
 */
export async function startWeir(
  t: Owner,
  write: (ground: Ground) => string,
  options: WeirOptions = {},
): Promise<Weir> {
  const directory = mkdtempSync(join(tmpdir(), "weir-test-"));
  const ports = new Map<string, number>();
  const ground: Ground = {
    directory,
    port(name) {
      const port = ports.get(name);
      if (port === undefined) throw new Error(`name port ${name} in the options of startWeir`);
      return port;
    },
  };
  if (options.account) chownSync(directory, options.account.uid, options.account.uid);
  const weir = new Weir(ground, options);
  t.after(async () => {
    await weir.kill();
    rmSync(directory, { recursive: true, force: true });
  });
  for (const name of options.ports ?? ["web"]) ports.set(name, await freePort());
  weir.configure(write(ground));
  await weir.start();
  return weir;
}

export class Weir {
  readonly directory: string;
  readonly configFile: string;
  /** Path of the admin socket. */
  readonly socket: string;
  /** Port of a name given in the options; `web` is there by default. */
  readonly port: (name?: string) => number;
  readonly #env: Readonly<Record<string, string>>;
  /** Words before its own. */
  readonly #before: readonly string[];
  #child: ChildProcess | undefined;
  #release: (() => void) | undefined;
  #exited: Promise<unknown> | undefined;
  #out = "";
  #err = "";
  readonly #readers = new Set<() => void>();

  constructor(ground: Ground, options: WeirOptions) {
    this.#before = [
      ...(options.netns === undefined ? [] : inNetns(options.netns)),
      ...(options.account ? asAccount(options.account) : []),
      ...(options.before ?? []),
    ];
    this.directory = ground.directory;
    this.configFile = join(ground.directory, "weir.yaml");
    this.socket = join(ground.directory, "admin.sock");
    this.port = (name = "web") => ground.port(name);
    this.#env = { ...ownEnvironment(), WEIR_SOCKET: this.socket, ...options.env };
  }

  /** Process id of the supervisor: the one to signal. */
  get pid(): number {
    return this.#child!.pid!;
  }

  /** Everything it wrote so far: access log on standard output, messages on standard error. */
  get out(): string {
    return this.#out;
  }
  get err(): string {
    return this.#err;
  }

  /** Writes the configuration file; `reload` puts it in force. */
  configure(text: string): void {
    const monitor = /^monitor:/m.test(text) ? "" : "monitor: { bind: off }\n";
    const engine = /^engine:/m.test(text) ? "" : "engine: { threads: 1 }\n";
    writeFileSync(this.configFile, `${text.trimEnd()}\n${monitor}${engine}`);
  }

  /** Starts it (again); resolves when it serves. */
  async start(): Promise<void> {
    const command = [...WEIR_COMMAND, "run", "-f", this.configFile];
    const [program, ...words] = [...this.#before, ...command];
    // A process group of its own, so that `kill` leaves no engine behind.
    const child = spawn(program!, words, {
      cwd: this.directory,
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.#child = child;
    this.#release?.();
    this.#release = guard(`kill -9 -${child.pid}`);
    this.#exited = once(child, "exit");
    this.#out = "";
    this.#err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => this.#heard(text, ""));
    child.stderr.setEncoding("utf8").on("data", (text: string) => this.#heard("", text));
    child.on("exit", () => this.#heard("", ""));
    await this.said(/ serving; /);
  }

  /** Resolves when it has written this to standard error; rejects when it ends without. */
  said(pattern: RegExp, count = 1): Promise<void> {
    const all = new RegExp(pattern, `${pattern.flags.replace("g", "")}g`);
    return this.#until(`say ${pattern}`, () => (this.#err.match(all)?.length ?? 0) >= count);
  }

  /** Resolves when it has written this to standard output. */
  logged(pattern: RegExp): Promise<void> {
    return this.#until(`log ${pattern}`, () => pattern.test(this.#out));
  }

  #until(what: string, met: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error?: string): void => {
        clearTimeout(timer);
        this.#readers.delete(look);
        if (error === undefined) resolve();
        else reject(new Error(`${error}; it said:\n${this.#err}`));
      };
      const look = (): void => {
        if (met()) done();
        else if (this.#child!.exitCode !== null) done(`weir ended before it did ${what}`);
      };
      const timer = setTimeout(() => done(`weir did not ${what} in time`), START_MS);
      this.#readers.add(look);
      look();
    });
  }

  #heard(out: string, err: string): void {
    this.#out += out;
    this.#err += err;
    for (const look of [...this.#readers]) look();
  }

  /** One request over the admin socket. */
  admin(path: string, options?: Ask): Promise<Answer> {
    return ask(this.socket, path, { timeoutMs: START_MS, ...options });
  }

  /** As `admin`, for JSON; a refusal is thrown as the WeirError it names. */
  adminJson(path: string, options?: Ask): Promise<unknown> {
    return askJson(this.socket, path, { timeoutMs: START_MS, ...options });
  }

  async enginePid(): Promise<number> {
    const status = (await this.adminJson("/api/v1/status")) as { engine: { pid: number } };
    return status.engine.pid;
  }

  /** Runs another weir command against it, as a user would. */
  cli(...words: string[]): Promise<Finished> {
    return runWeir(words, { cwd: this.directory, env: this.#env });
  }

  signal(name: NodeJS.Signals): void {
    this.#child!.kill(name);
  }

  /** Resolves when it has ended. */
  async ended(): Promise<Finished> {
    await within(END_MS, this.#exited!, () => `weir did not end; it said:\n${this.#err}`);
    const { exitCode, signalCode } = this.#child!;
    return { code: exitCode, signal: signalCode, out: this.#out, err: this.#err };
  }

  /** Ends it in order. */
  stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Finished> {
    this.signal(signal);
    return this.ended();
  }

  /** Ends all its processes at once, whatever state they are in. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // All gone.
    }
    await this.#exited;
    this.#release?.();
    this.#release = undefined;
  }
}

const ownEnvironment = (): Record<string, string> => ({
  NODE_COMPILE_CACHE: COMPILE_CACHE,
  ...(process.env as Record<string, string>),
});

/** Runs one weir command to its end. */
export async function runWeir(
  words: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>>; input?: string } = {},
): Promise<Finished> {
  const [node, ...before] = WEIR_COMMAND;
  const child = spawn(node!, [...before, ...words], {
    cwd: options.cwd,
    env: options.env ?? ownEnvironment(),
    stdio: ["pipe", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  child.stdin.end(options.input);
  const closed = once(child, "close") as Promise<[number | null, string | null]>;
  const [code, signal] = await within(COMMAND_MS, closed, () => {
    child.kill("SIGKILL");
    return `weir ${words.join(" ")} did not end; it said:\n${out}${err}`;
  });
  return { code, signal, out, err };
}
