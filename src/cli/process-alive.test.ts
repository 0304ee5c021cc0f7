import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { until } from "#kit/until.ts";
import { isAlive } from "./process-alive.ts";

test("a process that runs is alive, one that was never there is not", () => {
  assert.equal(isAlive(process.pid), true);
  // Above the highest process id Linux gives (PID_MAX_LIMIT, 2^22).
  assert.equal(isAlive(2 ** 22 + 1), false);
});

test("a zombie that nobody reaps has ended", async (t) => {
  // The shell becomes a `sleep`, which knows nothing of the child it got that way.
  const parent = spawn("sh", ["-c", "sleep 600 >&- & echo $!; exec sleep 600 >&-"]);
  const ended = once(parent, "exit");
  t.after(async () => {
    parent.kill("SIGKILL");
    await ended;
  });
  const [text] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(text.toString());
  assert.equal(isAlive(pid), true);
  await once(parent.stdout, "close");
  process.kill(pid, "SIGKILL");
  await until("it is a zombie", () => !isAlive(pid));
  process.kill(pid, 0);
});
