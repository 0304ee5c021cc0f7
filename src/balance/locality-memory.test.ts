import assert from "node:assert/strict";
import { test } from "node:test";
import { PACKET_MEMORY, PACKET_MEMORY_MS } from "#plan/packet-schedule.ts";
import { LocalityMemory, MEMORY_ROWS } from "./locality-memory.ts";

test("a key is found again where it was put", () => {
  const memory = new LocalityMemory();
  assert.equal(memory.find(5, 5, 0), -1);
  const row = memory.insert(5, 5, 0);
  assert.ok(row >= 0 && row < MEMORY_ROWS);
  assert.equal(memory.find(5, 5, 1), row);
  assert.equal(memory.find(5, 6, 1), -1, "the same bucket, another key");
  assert.equal(memory.find(0, 0, 1), -1, "an empty row is nobody's");
});

test("use keeps a key for another day", () => {
  const memory = new LocalityMemory();
  const row = memory.insert(5, 5, 0);
  assert.equal(memory.find(5, 5, PACKET_MEMORY_MS - 1), row);
  assert.equal(memory.find(5, 5, 2 * PACKET_MEMORY_MS - 2), row);
  assert.equal(memory.find(5, 5, 3 * PACKET_MEMORY_MS), -1);
  assert.equal(memory.insert(5, 5, 3 * PACKET_MEMORY_MS), row, "its own row, not a second one");
});

test("times wrap", () => {
  const memory = new LocalityMemory();
  const row = memory.insert(5, 5, 0x7fffffff);
  assert.equal(memory.find(5, 5, -0x80000000), row);
});

test("in a full bucket, the one unused for longest makes room", () => {
  const memory = new LocalityMemory();
  const rows = Array.from({ length: PACKET_MEMORY.WAYS }, (_, n) => memory.insert(5, n, n));
  assert.equal(new Set(rows).size, PACKET_MEMORY.WAYS);
  memory.find(5, 0, 100);
  assert.equal(memory.insert(5, 99, 101), rows[1]);
  assert.equal(memory.find(5, 1, 102), -1);
  assert.equal(memory.find(5, 0, 102), rows[0]);
});
