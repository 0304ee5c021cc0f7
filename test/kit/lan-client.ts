import { spawnSync } from "node:child_process";
import { inNetns } from "./netns.ts";

/** None takes as long. */
const GIVE_UP_MS = 120_000;

/**
 * Runs a program of ours in a namespace; what it prints, as JSON. Such programs end by killing
 * themselves: on a busy machine Node's own end has been seen to wait for a thread for ever.
 */
export function runClient(netns: string, source: string, words: readonly string[]): unknown {
  const [program, ...before] = [...inNetns(netns), process.execPath, "-e", source, "--"];
  const { stdout, stderr } = spawnSync(program!, [...before, ...words], {
    encoding: "utf8",
    timeout: GIVE_UP_MS,
    killSignal: "SIGKILL",
  });
  if (stdout === "") throw new Error(`no answer from a client: ${stderr}`);
  return JSON.parse(stdout);
}
