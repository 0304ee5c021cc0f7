import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runWeir } from "#kit/weir.ts";
import { EXIT } from "./exit-codes.ts";

const RULES = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1\n";

test("weir import prints a configuration that weir check finds good", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "weir-import-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const cwd = { cwd: folder };
  writeFileSync(join(folder, "rules"), RULES);
  const { code, out, err } = await runWeir(["import", "ipvsadm", "rules"], cwd);
  assert.equal(code, EXIT.OK);
  assert.match(err, /^rules:1: warning: director\.interfaces is eth0: /);
  assert.match(
    out,
    /^# Made of rules of ipvsadm by `weir import`\.\n# TO DO: director\.interfaces /,
  );
  writeFileSync(join(folder, "weir.yaml"), out);
  assert.equal((await runWeir(["check", "--strict"], cwd)).code, EXIT.OK);
  assert.equal((await runWeir(["fmt", "--check"], cwd)).code, EXIT.OK);

  const named = ["import", "ipvsadm", "-i", "eth1", "--interface", "eth2", "-"];
  const piped = await runWeir(named, { ...cwd, input: RULES });
  assert.deepEqual([piped.code, piped.err], [EXIT.OK, ""]);
  assert.match(piped.out, /^ {2}interfaces: \[eth1, eth2\]$/m);
});

test("after an error nothing is printed, and every fault is said", async () => {
  const input = `${RULES}-A -t 192.0.2.2:http -s best\n-x\n`;
  const { code, out, err } = await runWeir(["import", "ipvsadm"], { input });
  assert.deepEqual([code, out], [EXIT.CONFIG_INVALID, ""]);
  assert.match(err, /^standard input:3: error: IPVS has no scheduler "best"$/m);
  assert.match(err, /^standard input:4: error: -x needs a value$/m);
  const json = await runWeir(["import", "ipvsadm", "--json"], { input });
  const { document, faults } = JSON.parse(json.out);
  assert.deepEqual([json.code, document, faults.length], [EXIT.CONFIG_INVALID, null, 3]);
  const wrong = await runWeir(["import", "ipvsadmn"], { input });
  assert.equal(wrong.code, EXIT.USAGE);
  assert.match(wrong.err, /did you mean "ipvsadm"/);
});
