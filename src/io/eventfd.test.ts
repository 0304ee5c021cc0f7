import assert from "node:assert/strict";
import { closeSync, readSync } from "node:fs";
import { test } from "node:test";
import { createEventfd, signal } from "./eventfd.ts";

test("signals add up until they are read", (t) => {
  const fd = createEventfd();
  t.after(() => closeSync(fd));
  signal(fd);
  signal(fd);
  const counter = new BigUint64Array(1);
  assert.equal(readSync(fd, counter), 8);
  assert.equal(counter[0], 2n);
});

test("a descriptor that is none is a named error", () => {
  assert.throws(() => signal(-1), { code: "EBADF" });
});
