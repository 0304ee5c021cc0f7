import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#kit/sim-clock.ts";
import { Board, boardBytes, FRONTEND, GLOBAL, WORKER } from "#plan/board.ts";
import type { Plan } from "#plan/plan.ts";
import type { FromWorker, ToWorker, WorkerStart } from "#proxy/protocol.ts";
import { SpareWorkers } from "./spare-workers.ts";
import type { WorkerHandlers } from "./worker-thread.ts";
import { type Assignment, Workers } from "./workers.ts";

const sizes = { workers: 4, frontends: 1, backends: 1, servers: 1, logBytes: 4096 };
const planOf = (generation: number): Plan => ({ generation }) as Plan;
const listeners = [
  { key: "tcp", fd: 20 },
  { key: "tcp", fd: 21 },
  { key: "tcp", fd: 22 },
  { key: "unix", fd: 23 },
];
const assign = (generation: number): Assignment => ({ plan: planOf(generation), listeners });

class FakeThread {
  /** null while it is a spare. */
  start: WorkerStart | null;
  readonly heard: ToWorker[] = [];
  terminated = false;
  readonly #handlers: WorkerHandlers;

  constructor(start: WorkerStart | null, handlers: WorkerHandlers) {
    this.start = start;
    this.#handlers = handlers;
  }
  say(message: FromWorker): void {
    this.#handlers.message(message);
  }
  ready(wakeFd = 50): void {
    this.say({ type: "ready", wakeFd, driver: "epoll", reason: "a test", fds: [wakeFd, 51] });
  }
  die(error?: Error): void {
    this.#handlers.exit(error);
  }
}

/** Lets promises settle. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function world(count = 2) {
  const board = new Board(new ArrayBuffer(boardBytes(sizes)), sizes);
  const clock = new SimClock();
  const threads: FakeThread[] = [];
  const closed: number[] = [];
  const signalled: number[] = [];
  const said: string[] = [];
  let copies = 100;
  const workers = new Workers(
    {
      timers: clock,
      board,
      boardFd: 9,
      log: (_, text) => said.push(text),
      threads: new SpareWorkers(clock, (start, handlers) => {
        const thread = new FakeThread(start, handlers);
        threads.push(thread);
        return {
          post: (message) => thread.heard.push(message),
          terminate: () => {
            thread.terminated = true;
          },
        };
      }),
      duplicate: () => copies++,
      signal: (fd) => signalled.push(fd),
      close: (fd) => closed.push(fd),
      shared: () => new Set(listeners.map((l) => l.fd)),
    },
    1,
    count,
  );
  return { board, clock, threads, closed, signalled, said, workers };
}

async function running(count = 2) {
  const all = world(count);
  const started = all.workers.start(assign(1));
  for (const thread of all.threads) thread.ready();
  await started;
  return all;
}

test("each worker gets its rows, its own sockets of a port, and every shared one", async () => {
  const { threads } = await running();
  assert.deepEqual(
    threads.map((t) => [t.start!.index, t.start!.listeners.map((l) => l.fd)]),
    [
      [1, [20, 22, 23]],
      [2, [21, 23]],
    ],
  );
});

test("a worker that dies before it served fails the start", async () => {
  const { workers, threads } = world();
  const started = workers.start(assign(1));
  threads[0]!.ready();
  threads[1]!.die(new Error("no ring"));
  await assert.rejects(started, /worker 2 died at its start: .*no ring/s);
});

test("a Plan reaches all, and is in force when all said so", async () => {
  const { workers, threads, signalled } = await running();
  let done = false;
  const applied = workers.apply(assign(2)).then((refused) => {
    done = true;
    return refused;
  });
  assert.deepEqual(
    threads.map((t) => t.heard.at(-1)!.type),
    ["plan", "plan"],
  );
  assert.deepEqual(signalled, [100, 101], "woken through our own copies");
  threads[0]!.say({ type: "planned", generation: 2 });
  threads[1]!.say({ type: "planned", generation: 1 });
  await settle();
  assert.equal(done, false);
  threads[1]!.say({ type: "planned", generation: 2 });
  assert.deepEqual(await applied, []);
});

test("refusals are reported, silence too", async () => {
  const { workers, threads, clock } = await running();
  const applied = workers.apply(assign(2));
  threads[0]!.say({ type: "refused", generation: 2, message: "a defect" });
  clock.advance(10_000);
  assert.deepEqual(await applied, ["worker 1: a defect", "not every worker took it within 10 s"]);
});

test("a dead worker is cleaned up after and replaced at once, with the newest Plan", async () => {
  const { workers, threads, closed, board } = await running();
  board.frontends[FRONTEND.CONNECTIONS] = 8;
  board.totals[1]!.frontendGauges[0] = 5;
  board.global[GLOBAL.CONNECTIONS] = 9;
  board.totals[1]!.processGauges[0] = 5;
  const applied = workers.apply(assign(2));
  threads[1]!.say({ type: "planned", generation: 2 });
  threads[0]!.die(new Error("boom"));
  assert.equal(board.frontends[FRONTEND.CONNECTIONS], 3);
  assert.equal(board.global[GLOBAL.CONNECTIONS], 4);
  assert.deepEqual(closed, [50, 51, 100]);
  assert.equal(threads.length, 3);
  assert.equal(threads[2]!.start!.plan.generation, 2);
  assert.equal(threads[2]!.start!.index, 1);
  threads[2]!.ready();
  assert.deepEqual(await applied, []);
});

test("a replacement that was started with the Plan before gets the new one", async () => {
  const { workers, threads } = await running();
  threads[0]!.die();
  const applied = workers.apply(assign(2));
  threads[1]!.say({ type: "planned", generation: 2 });
  threads[2]!.ready();
  assert.equal(threads[2]!.heard.at(-1)!.type, "plan");
  threads[2]!.say({ type: "planned", generation: 2 });
  assert.deepEqual(await applied, []);
});

test("one that keeps dying is started ever more slowly", async () => {
  const { threads, clock } = await running(1);
  threads[0]!.die();
  threads[1]!.die();
  assert.equal(threads.length, 2);
  clock.advance(100);
  assert.equal(threads.length, 3);
});

test("draining waits for the last, and counts what was cut", async () => {
  const { workers, threads, closed } = await running();
  const drained = workers.drain(5000);
  assert.deepEqual(threads[0]!.heard.at(-1), { type: "drain", withinMs: 5000 });
  threads[0]!.say({ type: "drained", cut: 2 });
  threads[0]!.die();
  threads[1]!.say({ type: "drained", cut: 1 });
  threads[1]!.die();
  assert.equal(await drained, 3);
  assert.deepEqual(closed, [100, 101], "workers closed their own");
  assert.equal(threads.length, 2);
});

test("one that does not end in time is told to stop, then terminated", async () => {
  const { workers, threads, clock } = await running(1);
  const drained = workers.drain(5000);
  clock.advance(6000);
  assert.equal(threads[0]!.heard.at(-1)!.type, "stop");
  clock.advance(1000);
  assert.equal(threads[0]!.terminated, true);
  threads[0]!.die();
  await drained;
});

test("a worker that is still starting when the end comes is ended when it is ready", async () => {
  const { workers, threads } = await running(1);
  threads[0]!.die();
  const drained = workers.drain(5000);
  threads[1]!.ready();
  assert.equal(threads[1]!.heard.at(-1)!.type, "stop");
  threads[1]!.die();
  await drained;
});

test("a worker without a turn is woken, and replaced when that does not help", async () => {
  const { threads, clock, board, signalled } = await running(2);
  for (let look = 0; look < 12; look++) {
    board.workers[1 * WORKER.size + WORKER.BEAT]!++;
    clock.advance(2000);
  }
  assert.equal(threads[0]!.terminated, false);
  assert.equal(threads[1]!.terminated, true);
  assert.ok(signalled.includes(101));
});

test("an idle worker turns when it is woken and is left alone", async () => {
  const { threads, clock, board, signalled } = await running(1);
  for (let look = 0; look < 50; look++) {
    const before = signalled.length;
    clock.advance(2000);
    if (signalled.length > before) board.workers[1 * WORKER.size + WORKER.BEAT]!++;
  }
  assert.equal(threads[0]!.terminated, false);
});

test("a spare with its code loaded takes a dead worker's place, and is replaced", async () => {
  const { threads, clock, workers } = await running(1);
  clock.advance(1000);
  assert.deepEqual(
    threads.map((t) => t.start?.index),
    [1, undefined],
  );
  threads[0]!.die(new Error("boom"));
  assert.equal(threads.length, 2);
  const order = threads[1]!.heard[0]!;
  assert.ok(order.type === "start" && order.start.index === 1);
  threads[1]!.ready();
  assert.equal(workers.status()[0]!.state, "running");
  clock.advance(1000);
  assert.equal(threads.length, 3, "the next spare");
  threads[2]!.die(new Error("no memory"));
  clock.advance(60_000);
  assert.equal(threads.length, 3, "one that dies unused is not tried again");
  threads[1]!.die();
  assert.equal(threads.length, 4, "then a thread from scratch");
});

test("the spare ends with the workers", async () => {
  const { threads, clock, workers } = await running(1);
  clock.advance(1000);
  const drained = workers.drain(5000);
  assert.equal(threads[1]!.terminated, true);
  threads[0]!.say({ type: "drained", cut: 0 });
  threads[0]!.die();
  await drained;
});
