import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { noClang } from "#kit/bpf.ts";
import { noProgram } from "#kit/netns.ts";
import { buildAll } from "../../scripts/bpf.ts";

/** What built the objects in the repository: other versions make other bytes. */
const CLANG = "14.";
const ROOT = join(import.meta.dirname, "..", "..");

/** Why it cannot be compared here; false when it can. */
function lacks(): string | false {
  const missing = noClang() || noProgram("llvm-strip");
  if (missing !== false) return missing;
  const said = execFileSync("clang", ["--version"], { encoding: "utf8" });
  const version = /version (\S+)/.exec(said)?.[1] ?? "";
  return version.startsWith(CLANG) ? false : `clang is ${version}, not ${CLANG}x`;
}

test("objects and layouts are made of the sources as they are: npm run bpf", {
  skip: lacks(),
}, () => {
  const built = buildAll();
  assert.ok(built.size >= 4, `${built.size} files`);
  for (const [path, bytes] of built) {
    const kept = readFileSync(join(ROOT, path));
    assert.ok(kept.equals(bytes), `${path} is out of date: npm run bpf`);
  }
});
