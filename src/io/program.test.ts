import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SimClock } from "#kit/sim-clock.ts";
import { systemTimers } from "./clock.ts";
import { type ProgramOptions, type ProgramResult, runProgram } from "./program.ts";

const shell = "/bin/sh";

function run(script: string, change: Partial<ProgramOptions> = {}, timers = systemTimers) {
  const options = {
    args: ["-c", script],
    env: {},
    timeoutMs: 60_000,
    outputBytes: 1000,
    ...change,
  };
  return new Promise<ProgramResult>((done) => runProgram(timers, shell, options, done));
}

/** A process that runs; one that is dead and only waits to be reaped (state Z) does not. */
function lives(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
}

/** Waits, as long as the test itself may, until the process is gone. */
async function gone(pid: number): Promise<void> {
  while (lives(pid)) await new Promise((next) => setImmediate(next));
}

test("exit status and output of both streams, the environment as given and no more", async () => {
  const result = await run("echo $GREETING; echo err >&2; env | wc -l; exit 3", {
    env: { GREETING: "hello" },
  });
  assert.equal(result.status, 3);
  assert.match(result.output, /hello/);
  assert.match(result.output, /err/);
  assert.equal(result.failure, undefined);
});

test("output beyond the limit is dropped, and does not stop the program", async () => {
  const result = await run("head -c 3000000 /dev/zero | tr '\\0' x", { outputBytes: 100 });
  assert.deepEqual([result.status, result.output.length], [0, 100]);
});

test("a program that is not there, or that a signal ends, says so", async () => {
  const missing = await new Promise<ProgramResult>((done) =>
    runProgram(
      systemTimers,
      "/nonexistent/program",
      { args: [], env: {}, timeoutMs: 60_000, outputBytes: 10 },
      done,
    ),
  );
  assert.deepEqual([missing.status, missing.failure], [undefined, "no such file or directory"]);
  const killed = await run("kill -TERM $$");
  assert.deepEqual([killed.status, killed.failure], [undefined, "it was ended by SIGTERM"]);
});

test("the deadline ends the whole group, children included", async () => {
  const clock = new SimClock();
  const folder = await mkdtemp(join(tmpdir(), "weir-program-"));
  try {
    const pidFile = join(folder, "pid");
    // A fork for the child, so that it would outlive its parent.
    const script = `sleep 600 & echo $! > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; wait`;
    const result = run(script, { timeoutMs: 1000 }, clock);
    let pid = "";
    while (pid === "") {
      pid = await readFile(pidFile, "utf8").catch(() => "");
      await new Promise((next) => setImmediate(next));
    }
    clock.advance(1000);
    const { timeout, failure } = await result;
    assert.deepEqual([timeout, failure], [true, "it did not end in time"]);
    await gone(Number(pid));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("children left holding the output do not hold up the result, and are ended", async () => {
  const result = await run("sleep 600 & echo $!");
  assert.equal(result.status, 0);
  await gone(Number(result.output));
});

test("after Cancel nothing is called and nothing runs", async () => {
  const clock = new SimClock();
  const cancel = runProgram(
    clock,
    "/bin/sleep",
    { args: ["600"], env: {}, timeoutMs: 1000, outputBytes: 10 },
    () => assert.fail("called after Cancel"),
  );
  cancel();
  cancel();
  assert.equal(clock.pending, 0);
});
