import assert from "node:assert/strict";
import { test } from "node:test";
import { MAP_TYPE } from "#io/bpf/abi.ts";
import { bpfRefusal } from "#io/bpf/features.ts";
import { BpfMap } from "#io/bpf/map.ts";
import { rowKey } from "./rows.ts";
import { ensureSecret } from "./secret.ts";

test("a secret is drawn once, and not the same for another director", {
  skip: bpfRefusal() ?? false,
}, (t) => {
  const make = (): BpfMap => {
    const sizes = { keyBytes: 4, valueBytes: 16, maxEntries: 1 };
    const map = BpfMap.create({ name: "secret", type: MAP_TYPE.ARRAY, ...sizes });
    t.after(() => map.close());
    ensureSecret(map);
    return map;
  };
  const secretOf = (map: BpfMap): string => Buffer.from(map.lookup(rowKey(0))!).toString("hex");
  const map = make();
  const drawn = secretOf(map);
  assert.notEqual(drawn, "00".repeat(16));
  ensureSecret(map);
  assert.equal(secretOf(map), drawn);
  assert.notEqual(secretOf(make()), drawn);
});
