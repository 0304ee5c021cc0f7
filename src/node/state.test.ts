import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { emptyState, readState, removeState, writeState } from "./state.ts";

test("state is written whole, read, and removed", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "weir-state-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "run", "node.json");
  assert.equal(readState(path), undefined);
  const state = {
    ...emptyState("weir-node"),
    sysctls: [{ name: "ipv4/conf/all/arp_ignore", was: 0, now: 1 }],
  };
  writeState(path, state);
  assert.deepEqual(readState(path), state);
  assert.deepEqual(readdirSync(join(folder, "run")), ["node.json"]);
  for (const text of ["", "{}", '{"version":2}', "[1]"]) {
    writeFileSync(path, text);
    assert.throws(() => readState(path), /node\.json is not what weir node join wrote/);
  }
  removeState(path);
  removeState(path);
  assert.equal(readState(path), undefined);
});
