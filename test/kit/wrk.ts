import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { inNetns } from "./netns.ts";
import type { Owner } from "./owner.ts";

export interface Wrk {
  readonly requests: number;
  /** Answers that never came, or were none. */
  readonly failed: number;
  /** What it printed. */
  readonly text: string;
}

export interface WrkOptions {
  readonly connections?: number;
  /** A connection for every request. */
  readonly close?: boolean;
  /** It ends with this, too. */
  readonly during?: Promise<unknown>;
}

/** Requests on eight connections for so many seconds, from a namespace. */
export async function runWrk(
  owner: Owner,
  netns: string,
  url: string,
  seconds: number,
  { connections = 8, close = false, during }: WrkOptions = {},
): Promise<Wrk> {
  const flags = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "10s"];
  if (close) flags.push("-H", "Connection: close");
  const [program, ...words] = [...inNetns(netns), "wrk", ...flags, url];
  const child = spawn(program!, words, { stdio: ["ignore", "pipe", "pipe"] });
  owner.after(() => void child.kill("SIGKILL"));
  const end = (): void => void child.kill("SIGINT");
  void during?.then(end, end);
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
  }
  await once(child, "close");
  const errors = /connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  return {
    requests: Number(/(\d+) requests in/.exec(text)?.[1] ?? 0),
    failed: errors.map(Number).reduce((a, b) => a + b, bad),
    text,
  };
}

/** No work of a test takes as long. */
const WORK_SECONDS = 120;

/** Requests on kept connections and on new ones while something is done: none may fail. */
export async function loadDuring(
  t: TestContext,
  netns: string,
  url: string,
  work: () => Promise<void>,
): Promise<void> {
  const during = work();
  const running = [false, true].map((close) =>
    runWrk(t, netns, url, WORK_SECONDS, { connections: 4, close, during }),
  );
  await during;
  for (const { requests, failed, text } of await Promise.all(running)) {
    t.diagnostic(`${requests} requests, ${failed} failed`);
    assert.ok(requests > 100 && failed === 0, text);
  }
}
