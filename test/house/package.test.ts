import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { bpfRefusal } from "#io/bpf/features.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** What is in a package of npm, unpacked, with the packages it runs with. */
function unpacked(folder: string): string {
  const npm = join(dirname(process.execPath), "npm");
  const command = existsSync(npm) ? npm : "npm";
  const said = execFileSync(command, ["pack", "--json", "--pack-destination", folder], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ filename }] = JSON.parse(said) as [{ filename: string }];
  execFileSync("tar", ["-xzf", filename], { cwd: folder });
  const root = join(folder, "package");
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
  return root;
}

const LOAD = `
import { object } from "#director/kernel.ts";
import { loadBpfObject } from "#io/bpf/loader.ts";
const programs = ["weir_director", "weir_exit"];
console.log(Object.keys(loadBpfObject(object(), { programs }).programs).length);
`;

test("a package runs without a compiler, and has no tests in it", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "weir-package-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const root = unpacked(folder);
  for (const part of ["test", "bench", "src/director/compose.test.ts"]) {
    assert.ok(!existsSync(join(root, part)), part);
  }
  const run = (...words: string[]): string =>
    execFileSync(process.execPath, words, { cwd: root, encoding: "utf8", env: { PATH: "" } });
  assert.match(run("bin/weir.ts", "version"), /\d+\.\d+/);
  if (bpfRefusal() !== undefined) return;
  assert.equal(run("--input-type=module", "-e", LOAD).trim(), "2");
});
