import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "#kit/free-port.ts";
import { gone } from "#kit/processes.ts";
import { until } from "#kit/until.ts";
import { runWeir, WEIR_COMMAND } from "#kit/weir.ts";

const [node, ...words] = WEIR_COMMAND;

test("weir demo serves, shows a server coming and going, and leaves nothing behind", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "weir-demo-test-"));
  const [port, page] = [await freePort(), await freePort()];
  const env = { ...process.env, TMPDIR: directory, WEIR_SOCKET: join(directory, "run/admin.sock") };
  const options = ["--port", String(port), "--monitor-port", String(page)];
  const demo = spawn(node!, [...words, "demo", ...options], { env, detached: true });
  t.after(() => {
    if (demo.exitCode === null) process.kill(-demo.pid!, "SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  });
  let out = "";
  demo.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  await until("it says what to try", () => out.includes("Ctrl-C ends everything"));
  assert.match(out, new RegExp(`curl http://127\\.0\\.0\\.1:${port} `));

  const ask = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text();
  const names = async (count: number): Promise<string> => {
    const answers = [];
    for (let i = 0; i < count; i++) answers.push(/server (\w)/.exec(await ask())![1]!);
    return [...new Set(answers)].sort().join("");
  };
  assert.equal(await names(9), "abc");
  const status = await runWeir(["status"], { env: env as Record<string, string> });
  assert.equal(status.code, 0);
  const stop = /127\.0\.0\.1:(\d+)\/stop/.exec(out)![1]!;
  const stopped = await fetch(`http://127.0.0.1:${stop}/stop`, { method: "POST" });
  assert.match(await stopped.text(), /server a stops/);
  await until("the others do its work", async () => (await names(6)) === "bc");
  assert.match(await (await fetch(`http://127.0.0.1:${page}/readyz`)).text(), /ok|ready/i);

  // Ctrl-C in a terminal reaches the whole process group.
  process.kill(-demo.pid!, "SIGINT");
  const [code] = (await once(demo, "exit")) as [number];
  assert.equal(code, 0);
  await gone(demo.pid!);
  assert.throws(() => process.kill(-demo.pid!, 0), { code: "ESRCH" }, "no process is left");
  assert.deepEqual(readdirSync(directory), []);
  assert.equal(existsSync(env.WEIR_SOCKET), false);
});

test("a port that is taken is said, with a way out", async (t) => {
  const port = await freePort();
  const stranger = createServer().listen(port, "127.0.0.1");
  t.after(() => stranger.close());
  const directory = mkdtempSync(join(tmpdir(), "weir-demo-test-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const env = {
    ...(process.env as Record<string, string>),
    TMPDIR: directory,
    WEIR_SOCKET: join(directory, "admin.sock"),
  };
  const taken = ["demo", "--port", String(port), "--monitor-port", String(await freePort())];
  const { code, err } = await runWeir(taken, { env });
  assert.equal(code, 1);
  assert.match(err, new RegExp(`listen on 127\\.0\\.0\\.1:${port}: EADDRINUSE`));
  assert.match(err, /try: weir demo --port/);
  assert.deepEqual(readdirSync(directory), []);
});
