import { type ChildProcess, spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { processTree } from "./procfs.ts";

/** A program that runs beside the bench, in a process group of its own. */
export interface Service {
  readonly pid: number;
  alive(): boolean;
  /** The end of what it printed. */
  printed(): string;
  /** It and everything it started. */
  tree(): number[];
  /** Asks it to end, insists after three seconds, and returns when it is gone. */
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    // Gone already.
  }
}

process.on("exit", () => {
  for (const child of running) killGroup(child, "SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => process.exit(signal === "SIGINT" ? 130 : 143));
}

/** `command` on the CPUs given (`0`, `0,1`), or wherever it likes. */
export const pinned = (cpus: string | undefined, command: readonly string[]): string[] =>
  cpus === undefined ? [...command] : ["taskset", "-c", cpus, ...command];

/** Starts a program; what it prints goes to `log`. */
export function startService(command: readonly string[], log: string): Service {
  const out = openSync(log, "a");
  const child = spawn(command[0]!, command.slice(1), {
    detached: true,
    stdio: ["ignore", out, out],
  });
  running.add(child);
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  }).then(() => {
    running.delete(child);
  });
  return {
    pid: child.pid ?? -1,
    alive: () => running.has(child),
    printed: () => readFileSync(log, "utf8").slice(-2000),
    tree: () => processTree(child.pid!),
    async stop() {
      if (!running.has(child)) return;
      child.kill("SIGTERM");
      const slow = setTimeout(() => killGroup(child, "SIGKILL"), 3000);
      await gone;
      clearTimeout(slow);
      killGroup(child, "SIGKILL");
    },
  };
}

/** Runs a program to its end; its standard output. Rejects with what it said when it fails. */
export function runTool(command: readonly string[]): Promise<string> {
  const child = spawn(command[0]!, command.slice(1), {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  return new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(out);
      else reject(new Error(`${command.join(" ")} ended with ${code}: ${out.slice(-500)}${err}`));
    });
  }).finally(() => running.delete(child));
}

const connects = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });

/** Waits until the service listens on the port; when it does not, says what it printed last. */
export async function listening(port: number, service: Service): Promise<void> {
  const until = performance.now() + 30_000;
  while (performance.now() < until && service.alive()) {
    if (await connects(port)) return;
    await sleep(50);
  }
  throw new Error(`nothing listens on port ${port}; it printed:\n${service.printed()}`);
}

/** A port that nothing listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
