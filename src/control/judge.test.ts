import assert from "node:assert/strict";
import { test } from "node:test";
import type { Running } from "./engine-state.ts";
import { judge } from "./judge.ts";

/** Judges a text as the configuration after another, or as the first one. */
async function judged(text: string, before?: Running) {
  const disk = {
    exists: () => true,
    list: () => undefined,
    readText: () => text,
    run: () => Promise.reject(new Error("no script")),
  };
  const answer = await judge({ files: ["weir.yaml"], cwd: "/", env: {}, disk }, before);
  assert.ok(answer.plan, answer.text);
  return { ...answer, startModel: before?.startModel ?? answer.model };
}

const frontends = "frontends: { web: { bind: ':80', default: app } }\n";
const backends = "backends: { app: { servers: { a: 10.0.0.2:80 } } }\n";
const layer4 = (director: string): string =>
  `director: { interfaces: eth0, ${director} }
services: { web: { bind: "10.0.0.1:80", method: dr, backend: app } }
${backends}`;

test("a reload keeps the director's tables and takes the rest", async () => {
  const before = await judged(layer4("connections: 2048, pins: one, connReuse: 0"));
  const after = await judged(layer4("connections: 4096, pins: two, connReuse: 2"), before);
  const { connections, pins, connReuse } = after.plan.director!;
  assert.deepEqual([connections, pins, connReuse], [2048, "one", 2]);
  assert.deepEqual(
    after.faults.map((fault) => fault.path),
    ["director.connections", "director.pins"],
  );
});

test("a director that comes with a reload has what was said of it at the start", async () => {
  const before = await judged(`director: { connections: 2048 }\n${frontends}${backends}`);
  assert.equal(before.plan.director, undefined);
  const after = await judged(layer4("connections: 4096"), before);
  assert.equal(after.plan.director!.connections, 2048);
  const without = await judged(`${frontends}${backends}`, after);
  assert.equal(without.plan.director, undefined);
});
