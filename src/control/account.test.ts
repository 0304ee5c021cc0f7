import assert from "node:assert/strict";
import { test } from "node:test";
import { primaryGroup } from "./account.ts";

test("the primary group of an account, and of none", () => {
  const passwd = "root:x:0:0:root:/root:/bin/sh\nweir:x:990:991::/var/lib/weir:/sbin/nologin\n";
  assert.equal(primaryGroup(passwd, "weir"), 991);
  assert.equal(primaryGroup(passwd, "root"), 0);
  assert.equal(primaryGroup(passwd, "wei"), undefined);
  assert.equal(primaryGroup("weir:x:990::::", "weir"), undefined);
});
