import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { utf8 } from "#base/bytes.ts";
import { SimClock } from "#kit/sim-clock.ts";
import { Board, boardBytes, WORKER } from "#plan/board.ts";
import { Slots } from "#plan/slots.ts";
import { LogDrain } from "./log-drain.ts";
import { drainRing } from "./log-ring.ts";
import type { LogFiles } from "./log-sink.ts";
import { withStableLogs } from "./stable-logs.ts";

const sizes = { workers: 2, frontends: 1, backends: 1, servers: 1, logBytes: 4096 };
const createBoard = (): Board => new Board(new ArrayBuffer(boardBytes(sizes)), sizes);

/** Writes a record as proxy/access-log.ts does, byte by byte. False when there is no room. */
function writeLine(board: Board, worker: number, log: number, text: string): boolean {
  const ring = board.totals[worker]!.log;
  const cell = worker * WORKER.size;
  const head = board.workers[cell + WORKER.LOG_HEAD]!;
  const line = utf8(text);
  const bytes = 4 + ((line.length + 3) & ~3);
  const used = (head - board.workers[cell + WORKER.LOG_TAIL]!) >>> 0;
  if (used + bytes > ring.length) return false;
  const header = [line.length & 255, (line.length >> 8) & 255, line.length >> 16, log];
  [...header, ...line].forEach((byte, i) => {
    ring[(head + i) & (ring.length - 1)] = byte;
  });
  board.workers[cell + WORKER.LOG_HEAD] = (head + bytes) | 0;
  return true;
}

test("what goes into a ring comes out of it, whatever the positions and lengths", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map((n) => n & ~3),
      fc.array(fc.tuple(fc.nat(255), fc.string({ maxLength: 900 }), fc.boolean())),
      (start, lines) => {
        const board = createBoard();
        board.workers[WORKER.LOG_HEAD] = board.workers[WORKER.LOG_TAIL] = start;
        const went: string[] = [];
        const came: string[] = [];
        const drain = (): number =>
          drainRing(board, 0, (log, bytes) => came.push(log + new TextDecoder().decode(bytes)));
        for (const [log, text, drainNow] of lines) {
          if (writeLine(board, 0, log, text)) went.push(log + text);
          if (drainNow) drain();
        }
        drain();
        assert.deepEqual(came, went);
        assert.equal(board.workers[WORKER.LOG_TAIL], board.workers[WORKER.LOG_HEAD]);
      },
    ),
    { numRuns: 200 },
  );
});

test("a broken record is skipped, not followed", () => {
  const board = createBoard();
  writeLine(board, 0, 0, "good");
  board.totals[0]!.log.fill(255, 0, 3);
  drainRing(board, 0, () => assert.fail("a record longer than what was written"));
  assert.equal(board.workers[WORKER.LOG_TAIL], board.workers[WORKER.LOG_HEAD]);
});

/** Files in memory whose calls end when told to. */
function fakeFiles() {
  const written: Record<string, string> = {};
  const open = new Map<number, string>();
  const waiting: (() => void)[] = [];
  const names: string[] = [];
  const state = { error: null as Error | null, mostAtOnce: Number.MAX_SAFE_INTEGER };
  let next = 10;
  const files: LogFiles = {
    open(path, done) {
      const fd = next++;
      waiting.push(() => {
        if (!state.error) open.set(fd, path);
        names.push(path);
        done(state.error, fd);
      });
    },
    write(fd, bytes, from, count, done) {
      const path = open.get(fd) ?? ["", "stdout", "stderr"][fd]!;
      waiting.push(() => {
        if (state.error) return done(state.error, 0);
        const n = Math.min(count, state.mostAtOnce);
        const text = Buffer.from(bytes.subarray(from, from + n)).toString();
        written[path] = (written[path] ?? "") + text;
        done(null, n);
      });
    },
    close: (fd) => assert.ok(open.delete(fd)),
  };
  const settle = (): void => {
    for (let call = waiting.shift(); call; call = waiting.shift()) call();
  };
  return { files, written, open, waiting, names, state, settle };
}

function createDrain() {
  const board = createBoard();
  const clock = new SimClock();
  const said: string[] = [];
  const disk = fakeFiles();
  const drain = new LogDrain(board, clock, (_, text) => said.push(text), disk.files);
  drain.addRow(0);
  drain.addRow(1);
  drain.setLogs([
    { format: "json", target: "/log/a" },
    { format: "none", target: "stdout" },
    { format: "combined", target: "stdout" },
  ]);
  return { board, clock, said, drain, ...disk };
}

test("lines of all workers reach their targets in large writes", () => {
  const { board, clock, drain, waiting, settle, written } = createDrain();
  drain.start();
  for (let i = 0; i < 10; i++) writeLine(board, i % 2, i % 4 === 0 ? 0 : 2, `${i}\n`);
  clock.advance(100);
  assert.equal(waiting.length, 2, "one open, one write");
  settle();
  assert.equal(written["/log/a"], "0\n4\n8\n");
  assert.equal(written["stdout"], "2\n6\n1\n3\n5\n7\n9\n");
});

test("a slow disk holds nobody up; what came meanwhile goes with the next write", () => {
  const { board, drain, waiting, settle, written, state } = createDrain();
  state.mostAtOnce = 3;
  writeLine(board, 0, 0, "first\n");
  drain.drain();
  writeLine(board, 0, 0, "second\n");
  drain.drain();
  drain.drain();
  assert.equal(waiting.length, 1);
  settle();
  drain.drain();
  settle();
  assert.equal(written["/log/a"], "first\nsecond\n");
});

test("lines that cannot be written are counted, and said once a minute", () => {
  const { board, clock, drain, said, settle, state } = createDrain();
  drain.start();
  state.error = new Error("ENOSPC: no space left on device");
  for (let i = 0; i < 5; i++) {
    writeLine(board, 0, 0, "x\n");
    writeLine(board, 0, 2, "y\n");
    clock.advance(100);
    settle();
  }
  assert.deepEqual(drain.errors(), { "/log/a": 5, stdout: 5 });
  clock.advance(100);
  assert.equal(said.length, 1);
  assert.match(said[0]!, /log lines lost \(.*ENOSPC/);
  clock.advance(61_000);
  assert.equal(said.length, 2);
  state.error = null;
  writeLine(board, 0, 0, "z\n");
  clock.advance(100);
  settle();
  assert.deepEqual(drain.errors(), { "/log/a": 5, stdout: 5 }, "works again");
});

test("reopen writes to a new file of the same name and closes the old one", () => {
  const { board, drain, names, open, settle } = createDrain();
  writeLine(board, 0, 0, "a\n");
  drain.drain();
  settle();
  drain.reopen();
  writeLine(board, 0, 0, "b\n");
  drain.drain();
  settle();
  assert.deepEqual(names, ["/log/a", "/log/a"]);
  assert.deepEqual([...open.keys()], [11]);
});

test("a log that left the Plan is written to its last line, then closed", () => {
  const { board, drain, open, settle, written } = createDrain();
  writeLine(board, 0, 0, "a\n");
  drain.settleLogs([]);
  writeLine(board, 0, 0, "nobody's\n");
  drain.drain();
  settle();
  return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
    assert.equal(written["/log/a"], "a\n");
    assert.equal(open.size, 0);
  });
});

test("the end waits for the last line", async () => {
  const { board, drain, open, settle, written } = createDrain();
  writeLine(board, 1, 0, "last\n");
  const ended = drain.end();
  settle();
  await ended;
  assert.equal(written["/log/a"], "last\n");
  assert.equal(open.size, 0);
});

test("a log keeps its index from Plan to Plan", () => {
  const slots = new Slots(4);
  const logs = (...targets: string[]) =>
    ({
      logs: targets.map((target) => ({ format: "json", target })),
      frontends: targets.map((_, log) => ({ log })),
    }) as never;
  const targetsOf = (plan: ReturnType<typeof withStableLogs>) =>
    plan!.frontends.map((f) => plan!.logs[f.log]!.target);
  const first = withStableLogs(logs("a", "b"), slots);
  const second = withStableLogs(logs("c", "b"), slots);
  assert.deepEqual(targetsOf(first), ["a", "b"]);
  assert.deepEqual(targetsOf(second), ["c", "b"]);
  assert.deepEqual(
    second!.frontends.map((f) => f.log),
    [2, 1],
  );
  slots.settle();
  const third = withStableLogs(logs("b", "d"), slots);
  assert.deepEqual(
    third!.frontends.map((f) => f.log),
    [1, 0],
  );
});
