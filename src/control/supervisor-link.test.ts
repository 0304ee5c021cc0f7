import assert from "node:assert/strict";
import { test } from "node:test";
import type { Plan } from "#plan/plan.ts";
import { EngineListeners } from "./engine-listeners.ts";
import type { DrainOrder, EngineStart, FromEngine, ToEngine } from "./protocol.ts";
import { SupervisorLink } from "./supervisor-link.ts";

/** A channel whose other end is the test. */
function createChannel() {
  const said: FromEngine[] = [];
  const parcels: number[][] = [];
  let heard: (message: ToEngine) => void = () => {};
  let gone = (): void => {};
  const link = new SupervisorLink({
    send: (message) => said.push(message),
    receiveFds: () => parcels.shift() ?? [],
    listen(onMessage, onGone) {
      heard = onMessage;
      gone = onGone;
    },
  });
  return {
    link,
    said,
    hear(message: ToEngine, fds?: number[]): void {
      if (fds) parcels.push(fds);
      heard(message);
    },
    hangUp: () => gone(),
  };
}

function createOrders() {
  const obeyed: string[] = [];
  return {
    obeyed,
    orders: {
      reload: () => obeyed.push("reload"),
      drain: ({ mode, replaced }: DrainOrder) => obeyed.push(`drain ${mode} ${replaced}`),
      alone: () => obeyed.push("alone"),
      orphaned: () => obeyed.push("orphaned"),
    },
  };
}

test("questions become promises, with the descriptors that came beside the answers", async () => {
  const { link, said, hear } = createChannel();
  const started = link.start();
  hear({ type: "start", start: { role: "first" } as EngineStart });
  assert.equal((await started).role, "first");
  const board = link.board(4096, "v1");
  hear({ type: "board", fresh: true }, [7]);
  assert.deepEqual(await board, { fd: 7, fresh: true });
  const [first, second] = [link.listen([]), link.listen([])];
  const fault = { key: "b", code: "EACCES", message: "no" };
  hear({ type: "listeners", id: 2, keys: [], faults: [fault] });
  hear({ type: "listeners", id: 1, keys: ["a", "a"], faults: [] }, [8, 9]);
  assert.deepEqual(await first, {
    listeners: [
      { key: "a", fd: 8 },
      { key: "a", fd: 9 },
    ],
  });
  assert.deepEqual(await second, { faults: [fault] });
  const upgrades = [link.upgrade(), link.upgrade()];
  hear({ type: "upgraded", outcome: { ok: true, message: "done" } });
  assert.deepEqual(await Promise.all(upgrades), Array(2).fill({ ok: true, message: "done" }));
  assert.deepEqual(
    said.map((m) => m.type),
    ["loaded", "board", "listen", "listen", "upgrade"],
  );
});

test("orders that come too early are kept, and so is the end of the supervisor", () => {
  const { link, hear, hangUp } = createChannel();
  const { obeyed, orders } = createOrders();
  hear({ type: "reload" });
  hear({ type: "drain", mode: "graceful", replaced: true });
  hangUp();
  link.obey(orders);
  hear({ type: "alone" });
  assert.deepEqual(obeyed, ["reload", "drain graceful true", "orphaned", "alone"]);
});

const planWith = (page: number | undefined, ...keys: string[]): Plan =>
  ({
    engine: { threads: 2 },
    frontends: [
      {
        binds: keys.map((key) => ({ key, address: { kind: "inet", host: "127.0.0.1", port: 80 } })),
      },
    ],
    monitor: {
      admin: "/run/admin.sock",
      bind: page === undefined ? undefined : { kind: "inet", host: "127.0.0.1", port: page },
    },
  }) as unknown as Plan;

test("an engine asks for the sockets it lacks, and closes those it no longer needs", async () => {
  const { link, said, hear } = createChannel();
  const closed: number[] = [];
  const listeners = new EngineListeners(link, (fd) => closed.push(fd));
  const ensure = async (plan: Plan, fds: number[]): Promise<readonly unknown[]> => {
    const done = listeners.ensure(plan);
    const asked = said.findLast((m) => m.type === "listen")!;
    const keys = asked.wishes.flatMap((w) => Array<string>(Math.min(w.count, 2)).fill(w.key));
    hear({ type: "listeners", id: asked.id, keys, faults: [] }, fds);
    return done;
  };
  const first = planWith(8404, "a", "b");
  assert.deepEqual(await ensure(first, [10, 11, 12, 13, 14, 15]), []);
  assert.deepEqual(
    listeners.traffic(first).map((l) => l.fd),
    [10, 11, 12, 13],
  );
  assert.equal(listeners.lend("admin /run/admin.sock"), 14);
  assert.equal(listeners.lend("monitor 127.0.0.1:8404"), 15);

  const second = planWith(undefined, "b", "c");
  await ensure(second, [16, 17]);
  const asked = said.findLast((m) => m.type === "listen")!;
  assert.deepEqual(
    asked.wishes.map((w) => w.key),
    ["c"],
  );
  listeners.keepOnly(second);
  assert.deepEqual(closed, [10, 11], "the monitor closes what was lent to it");
  const kept = said.findLast((m) => m.type === "keep")!;
  assert.deepEqual(kept.keys, ["b", "c", "admin /run/admin.sock"]);
  listeners.closeTraffic();
  assert.deepEqual(closed, [10, 11, 12, 13, 16, 17]);
  assert.deepEqual([...listeners.fds()], [14]);
});
