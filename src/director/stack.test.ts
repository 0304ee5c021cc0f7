import assert from "node:assert/strict";
import { test } from "node:test";
import { stackOf } from "#kit/bpf-stack.ts";
import { object } from "./kernel.ts";

/** Of the verifier, on every kernel. */
const BYTES = 512;
const FRAMES = 8;

for (const program of object().programs) {
  test(`${program.name} fits the stack of older kernels, too`, () => {
    const { bytes, frames } = stackOf(program);
    assert.ok(bytes <= BYTES, `${bytes} bytes`);
    assert.ok(frames <= FRAMES, `${frames} functions`);
    assert.ok(bytes >= 96, "and takes some");
  });
}
