import assert from "node:assert/strict";
import { test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { createNetns, noNetns, withNetns } from "#kit/netns.ts";
import { ERRNO } from "../errno-names.ts";
import { HELPER, PROGRAM_TYPE } from "./abi.ts";
import {
  bpfRefusal,
  explainRefusal,
  kernelVersion,
  supportsBatch,
  supportsHelper,
  supportsTcx,
} from "./features.ts";

const bits = (...numbers: number[]): bigint =>
  numbers.reduce((set, number) => set | (1n << BigInt(number)), 0n);

test("the kernel's version", () => {
  assert.deepEqual(kernelVersion("6.18.44-amd64"), [6, 18]);
  assert.deepEqual(kernelVersion("5.4"), [5, 4]);
  assert.deepEqual(kernelVersion("strange"), [0, 0]);
  assert.ok(kernelVersion()[0] >= 4);
});

test("a refusal says what is missing", () => {
  const explain = (...capabilities: number[]): string =>
    explainRefusal(ERRNO.EPERM, bits(...capabilities));
  assert.match(explain(), /need CAP_NET_ADMIN and CAP_PERFMON and CAP_BPF, which/);
  assert.match(explain(12), /need CAP_PERFMON and CAP_BPF, which/);
  assert.match(explain(12, 39), /need CAP_PERFMON, which/);
  assert.match(explain(38, 39), /need CAP_NET_ADMIN, which/);
  assert.match(explain(12, 38, 39), /not permitted although/);
  assert.match(explain(12, 21), /not permitted although/);
  assert.match(explain(21), /need CAP_NET_ADMIN, which/, "attaching takes that one alone");
  assert.match(explainRefusal(ERRNO.ENOSYS, 0n), /built without bpf/);
  assert.match(explainRefusal(ERRNO.ENOMEM, 0n), /fails with ENOMEM/);
});

test("who may load programs is not refused", { skip: noBpf() }, () => {
  assert.equal(bpfRefusal(), undefined);
});

test("helpers are as old as the kernel", { skip: noBpf() }, () => {
  const [major, minor] = kernelVersion();
  const isFrom = (a: number, b: number): boolean => major > a || (major === a && minor >= b);
  const has = (helper: number): boolean => supportsHelper(PROGRAM_TYPE.SCHED_CLS, helper);
  if (isFrom(5, 10)) assert.equal(has(HELPER.REDIRECT_NEIGH), true);
  if (isFrom(5, 11)) assert.equal(has(HELPER.KTIME_GET_COARSE_NS), true);
  if (isFrom(5, 13)) assert.equal(has(HELPER.FOR_EACH_MAP_ELEM), true);
  if (isFrom(5, 17)) assert.equal(has(HELPER.LOOP), true);
  assert.equal(has(0xffff), false, "nobody has that");
});

test("batches and tcx are as old as the kernel", { skip: noBpf() || noNetns() }, (t) => {
  const [major, minor] = kernelVersion();
  const isFrom = (a: number, b: number): boolean => major > a || (major === a && minor >= b);
  // Distributions add features to old kernels, but take none away.
  if (isFrom(5, 6)) assert.equal(supportsBatch(), true);
  const netns = createNetns(t);
  if (isFrom(6, 6))
    assert.equal(
      withNetns(netns, () => supportsTcx(1)),
      true,
    );
});
