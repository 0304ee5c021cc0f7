import assert from "node:assert/strict";
import { test } from "node:test";
import { HELPER } from "#io/bpf/abi.ts";
import { bpfRefusal, kernelVersion } from "#io/bpf/features.ts";
import { directorRefusal, explainLack } from "./requirements.ts";

test("a kernel that is too old: what it has not, and from when on others have it", () => {
  const since510 = (helper: number): boolean => helper === HELPER.REDIRECT_NEIGH;
  assert.equal(
    explainLack(since510, [5, 10]),
    "Linux 5.10 is too old for the director, which needs 5.15 or later: " +
      "it has no bpf_ktime_get_coarse_ns (Linux 5.11), bpf_for_each_map_elem (Linux 5.13)",
  );
  const withoutLoop = (helper: number): boolean => helper !== HELPER.LOOP;
  assert.equal(explainLack(withoutLoop, [5, 15]), undefined);
});

test("this kernel", { skip: bpfRefusal() ?? false }, () => {
  const [major, minor] = kernelVersion();
  const isOld = major < 5 || (major === 5 && minor < 13);
  assert.equal(directorRefusal() !== undefined, isOld);
});
