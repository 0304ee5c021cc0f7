import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { latin1 } from "#base/bytes.ts";
import { readAgentLine } from "./agent.ts";

const read = (text: string) => readAgentLine(latin1(text));

test("the words of HAProxy's agents, alone and together", () => {
  const table: [string, object][] = [
    ["75%\n", { weight: { percent: 75 } }],
    ["0%", { weight: { percent: 0 } }],
    ["weight:30\n", { weight: { absolute: 30 } }],
    ["weight:30%\n", { weight: { percent: 30 } }],
    ["maxconn:200\r\n", { maxConnections: 200 }],
    ["ready", { admin: "ready" }],
    ["drain\n", { admin: "drain" }],
    ["MAINT\n", { admin: "maint" }],
    ["up ready 50%\n", { health: "up", admin: "ready", weight: { percent: 50 } }],
    ["up,ready,\tmaxconn:3", { health: "up", admin: "ready", maxConnections: 3 }],
    ["50% future:word 60%\nignored: down", { weight: { percent: 60 } }],
    ["ready # down for lunch tomorrow", { admin: "ready" }],
  ];
  for (const [line, agent] of table) {
    const result = read(line);
    assert.deepEqual([result.ok, result.agent], [true, agent], line);
  }
});

test("down words, with the reason after the hash", () => {
  for (const word of ["down", "fail", "failed", "stopped"]) {
    const result = read(`${word}#disk full\n`);
    assert.deepEqual(result.agent, { health: "down" });
    assert.deepEqual([result.ok, result.detail], [false, `${word}: disk full`]);
  }
  assert.equal(read("down\n").detail, "down");
});

test("a line that says nothing known is a fault, not a word", () => {
  for (const line of ["", "\n", "hello", "#75%", "weight:", "-5%", "maxconn:5%", "75", "7 5 %"]) {
    const result = read(line);
    assert.deepEqual([result.ok, result.code, result.agent], [false, "L7RSP", undefined], line);
  }
  assert.equal(read("").detail, "closed without an answer");
  assert.ok(!read("toString constructor").agent);
});

test("any bytes give a result with a printable line", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1024 }), (bytes) => {
      assert.match(readAgentLine(bytes).detail, /^[\x20-\x7e…]+$/);
    }),
  );
});
