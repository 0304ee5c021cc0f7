import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ruleSets, saved } from "#kit/ipvs-rules.ts";
import { createNetns, runProgram } from "#kit/netns.ts";
import { noMachine, startMachine } from "./machine.ts";
import { DIRECTOR_MAC } from "./side.ts";

/* Rules as `weir l4 save` writes them, in the hands of the real ipvsadm and its kernel. */

const SETS = 40;
const SEED = 4;
const TAP = "ipvs";

/**
 * Kernels list services by a hash, and servers from the last to the first; `ipvsadm -S` leaves
 * thresholds out.
 */
const comparable = (rules: string): string[] =>
  rules
    .replaceAll(/ -x \d+( -y \d+)?/g, "")
    .trimEnd()
    .split("\n")
    .sort();

describe("rules", { skip: noMachine() }, () => {
  test("ipvsadm restores what was saved here, and what it saves is imported as the same", async (t) => {
    const netns = createNetns(t);
    runProgram("ip", "-n", netns, "tuntap", "add", TAP, "mode", "tap");
    const machine = await startMachine(t, { netns, tap: TAP, mac: DIRECTOR_MAC });
    // IPVS takes no server that there is no way to.
    await machine.run("ip link set eth0 up && ip addr add 10.0.0.254/24 dev eth0");
    for (const text of fc.sample(ruleSets(), { numRuns: SETS, seed: SEED })) {
      const rules = saved(text);
      const words = rules
        .trimEnd()
        .split("\n")
        .map((line) => `'${line}'`);
      const said = await machine.run(
        `ipvsadm -C && printf '%s\\n' ${words.join(" ")} | ipvsadm -R`,
      );
      assert.equal(said, "", rules);
      const theirs = await machine.run("ipvsadm -S -n");
      assert.deepEqual(comparable(saved(theirs)), comparable(rules), `of the kernel:\n${theirs}`);
    }
  });
});
