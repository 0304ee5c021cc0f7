import assert from "node:assert/strict";
import { test } from "node:test";
import { planFromText } from "#kit/plan.ts";
import { BACKEND, Board, boardBytes, SERVER, SERVER_TOTALS } from "#plan/board.ts";
import type { Plan } from "#plan/plan.ts";
import {
  boardLayout,
  copySlots,
  loadState,
  type Running,
  saveState,
  sizesFor,
  slotsOf,
} from "./engine-state.ts";
import { settleRows } from "./settle-rows.ts";

const planOf = (servers: string): Plan =>
  planFromText(`
frontends: { web: { bind: 127.0.0.1:80, default: app } }
backends: { app: { servers: { ${servers} } } }
engine: { threads: 2, limits: { servers: 4 } }
`);

test("what one engine saves, the next can go on from", () => {
  const plan = planOf("a: 10.0.0.1:80, b: 10.0.0.2:80");
  const slots = slotsOf(plan);
  const saved = saveState({ plan, files: ["/etc/weir.yaml"] } as unknown as Running, slots);
  const { running, slots: again } = loadState(saved);
  assert.deepEqual(running!.plan, plan);
  assert.deepEqual(again(plan.engine.limits).servers.entries(), slots.servers.entries());
  const larger = { ...plan.engine.limits, servers: 8 };
  assert.deepEqual(again(larger).servers.entries(), [], "another Board has no rows of ours");
});

test("a service keeps its slot over a restart, and gives it up when it is gone", () => {
  const text = (names: readonly string[]): string => `
director: { interfaces: eth0 }
services:
${names.map((name, i) => `  ${name}: { bind: "10.0.0.1:${80 + i}", method: dr, backend: app }`).join("\n")}
backends: { app: { servers: { a: 10.0.0.2:0 } } }
`;
  const before = planFromText(text(["a", "b"]));
  const running = { plan: before, files: [] } as unknown as Running;
  const slots = loadState(saveState(running, slotsOf(before))).slots(before.engine.limits);
  const after = planFromText(text(["c", "b"]), { slots });
  const rows = (plan: Plan) => plan.services.map((service) => [service.name, service.slot]);
  assert.deepEqual(rows(after), [
    ["c", 2],
    ["b", 1],
  ]);
  slots.services.settle();
  assert.deepEqual(rows(planFromText(text(["b", "d"]), { slots })), [
    ["b", 1],
    ["d", 0],
  ]);
});

test("Boards of other sizes have other layouts", () => {
  const plan = planOf("a: 10.0.0.1:80");
  const larger = { ...plan, engine: { ...plan.engine, threads: 3 } };
  assert.equal(sizesFor(plan).workers, 4);
  assert.equal(boardLayout(sizesFor(plan)), boardLayout(sizesFor(planOf("b: 10.0.0.1:80"))));
  assert.notEqual(boardLayout(sizesFor(plan)), boardLayout(sizesFor(larger)));
});

test("a row is freed, and cleared, when nothing is under way on it any more", () => {
  const plan = planOf("a: 10.0.0.1:80, b: 10.0.0.2:80");
  const sizes = { ...sizesFor(plan), logBytes: 4096 };
  const board = new Board(new ArrayBuffer(boardBytes(sizes)), sizes);
  const slots = copySlots(slotsOf(plan));
  const gone = slots.servers.get("app/b")!;
  slots.servers.assign(["app/a", "app/c"]);
  board.servers[gone * SERVER.size + SERVER.ACTIVE] = 1;
  board.totals[1]!.servers[gone * SERVER_TOTALS.size + SERVER_TOTALS.REQUESTS] = 5;
  board.backends[BACKEND.ACTIVE] = 1;
  assert.equal(settleRows(board, slots), false);
  assert.equal(board.totals[1]!.servers[gone * SERVER_TOTALS.size + SERVER_TOTALS.REQUESTS], 5);
  board.servers[gone * SERVER.size + SERVER.ACTIVE] = 0;
  assert.equal(settleRows(board, slots), true);
  assert.equal(board.totals[1]!.servers[gone * SERVER_TOTALS.size + SERVER_TOTALS.REQUESTS], 0);
  slots.servers.assign(["app/a", "app/c", "app/d"]);
  assert.equal(slots.servers.get("app/d"), gone);
});
