import assert from "node:assert/strict";
import { test } from "node:test";
import { followMarks, MARKS, seesFtp } from "#kit/ftp-lan.ts";

/* For kernels that have these filters: Debian's, in a machine of their own. */

test(`${MARKS}, by flower`, async (t) => {
  const followed = await followMarks(t);
  assert.throws(followed.ask, /curl/, "no mark yet");
  followed.on("the director, by flower");
  seesFtp(followed);
});
