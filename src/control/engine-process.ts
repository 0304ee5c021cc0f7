import { spawn } from "node:child_process";
import { createSocketPair, receiveFds, sendFds } from "#io/fd-pass.ts";
import { closeFd } from "#io/sockets.ts";
import { ENGINE_FD_CHANNEL, type FromEngine, type ToEngine } from "./protocol.ts";
import type { EngineHandlers, EngineLink } from "./supervisor.ts";
import type { Channel } from "./supervisor-link.ts";

/** An engine that does not take its descriptors within this is dead. */
const RECEIVE_MS = 5000;

/**
 * The tables of connections are large arrays that are touched all over: the C library is to ask for
 * huge pages for such (mallopt(3), glibc from 2.35; others do not look). What is set already stays.
 */
function tunables(set: string | undefined): string {
  return [set, "glibc.malloc.hugetlb=1"].filter(Boolean).join(":");
}

/**
 * Starts `entry` as an engine process: standard output and error are ours, messages go over Node's
 * IPC channel, descriptors over a socket pair. It is in our process group, but ignores a terminal's
 * signals.
 */
export function spawnEngine(
  entry: string,
  execArgv: readonly string[],
  handlers: EngineHandlers,
  threads: number,
): EngineLink {
  const [ours, theirs] = createSocketPair();
  const child = spawn(process.execPath, [...execArgv, entry, String(threads)], {
    stdio: ["ignore", "inherit", "inherit", "ipc", theirs],
    serialization: "advanced",
    env: { ...process.env, GLIBC_TUNABLES: tunables(process.env["GLIBC_TUNABLES"]) },
  });
  closeFd(theirs);
  let over = false;
  const end = (how: string): void => {
    if (over) return;
    over = true;
    closeFd(ours);
    handlers.exit(how);
  };
  child.on("message", (message) => handlers.message(message as FromEngine));
  child.on("error", (error) => {
    if (child.pid === undefined) end(error.message);
  });
  child.on("exit", (code, signal) => end(signal ? `signal ${signal}` : `exit code ${code}`));
  return {
    pid: child.pid ?? 0,
    send(message, fds = []) {
      if (over || !child.connected) return;
      try {
        if (fds.length > 0) sendFds(ours, fds, message.type);
        child.send(message, () => {});
      } catch {
        // It is dying, and its exit will say so.
      }
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

/** The engine's end, in the engine's process. */
export function supervisorChannel(): Channel {
  return {
    send(message) {
      if (process.connected) process.send!(message, undefined, undefined, () => {});
    },
    receiveFds: () => receiveFds(ENGINE_FD_CHANNEL, RECEIVE_MS)?.fds ?? [],
    listen(heard, gone) {
      process.on("message", (message) => heard(message as ToEngine));
      process.on("disconnect", gone);
    },
  };
}
