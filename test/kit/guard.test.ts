import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { noNetns } from "./netns.ts";
import { until } from "./until.ts";

/** A process of the test kit, which has said the line that it says when it is ready. */
async function ready(t: TestContext, text: string): Promise<[ChildProcess, string]> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", text], {
    cwd: join(import.meta.dirname, "..", ".."),
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  return [child, line.toString().trim()];
}

test("what a killed process guarded is done, and what it took back is not", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "weir-guard-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [child] = await ready(
    t,
    `import { guard } from "#kit/guard.ts";
     guard("touch ${folder}/'one two'");
     guard("touch ${folder}/back")();
     guard("touch ${folder}/last");
     console.log("ready");
     setInterval(() => {}, 1000);`,
  );
  child.kill("SIGKILL");
  await until("it is done", () => existsSync(`${folder}/last`) || existsSync(`${folder}/one two`));
  await until("all of it", () => existsSync(`${folder}/last`) && existsSync(`${folder}/one two`));
  assert.ok(!existsSync(`${folder}/back`));
});

test("a killed test leaves no namespace, and nobody in it", { skip: noNetns() }, async (t) => {
  const [child, said] = await ready(
    t,
    `import { spawn } from "node:child_process";
     import { createNetns, inNetns } from "#kit/netns.ts";
     const name = createNetns({ after() {} });
     const [program, ...words] = [...inNetns(name), "sleep", "600"];
     const { pid } = spawn(program, words, { stdio: "ignore", detached: true });
     console.log(name, pid);
     setInterval(() => {}, 1000);`,
  );
  const [name, pid] = said.split(" ");
  assert.ok(existsSync(`/var/run/netns/${name}`));
  child.kill("SIGKILL");
  await until("they are gone", () => !existsSync(`/var/run/netns/${name}`));
  await until("so is the process", () => !existsSync(`/proc/${pid}`));
});
