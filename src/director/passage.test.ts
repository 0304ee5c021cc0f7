import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { closePassage, openPassage } from "./passage.ts";

const skip = process.getuid?.() !== 0 && "accounts need root";
const NOBODY = 65_534;

describe("another account's way to its folder", { skip }, () => {
  for (const [what, before, others, after] of [
    ["is closed again", 0o1700, 0, 0o1700],
    ["stays where there was one", 0o1701, 0, 0o1701],
    ["stays for others", 0o1700, NOBODY, 0o1701],
  ] as const) {
    test(what, (t) => {
      const root = mkdtempSync(join(tmpdir(), "weir-passage-"));
      t.after(() => rmSync(root, { recursive: true }));
      const [folder, other] = [join(root, "weir"), join(root, "other")];
      for (const path of [folder, other]) mkdirSync(path);
      chownSync(folder, NOBODY, NOBODY);
      chownSync(other, others, others);
      chmodSync(root, before);
      const mode = () => statSync(root).mode & 0o7777;
      openPassage(root, folder);
      assert.equal(mode(), 0o1701);
      closePassage(root, folder);
      assert.equal(mode(), after);
    });
  }
});
