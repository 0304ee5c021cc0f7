import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#kit/sim-clock.ts";
import type { FromEngine, ListenWish, ToEngine } from "./protocol.ts";
import { type End, type EngineHandlers, Supervisor } from "./supervisor.ts";

/** A world without processes, sockets and time: engines are scripts, time moves when told. */
function world() {
  const timers = new SimClock();
  const open = new Set<number>();
  let nextFd = 100;
  const take = (): number => {
    open.add(nextFd);
    return nextFd++;
  };
  const memory: { error?: Error } = {};
  const engines: FakeEngine[] = [];
  const notes: string[] = [];
  const supervisor = new Supervisor(
    {
      timers,
      sockets: {
        listen: take,
        checkFree: () => {},
        boundAddress: () => web.address,
        close: (fd) => assert.ok(open.delete(fd)),
        remove: () => {},
      },
      log: () => {},
      spawn: (handlers) => {
        const engine = new FakeEngine(handlers, engines.length + 1);
        engines.push(engine);
        return engine;
      },
      createMemory() {
        if (memory.error) throw memory.error;
        return take();
      },
      notify: (state) => notes.push(state),
      ready: () => notes.push("ready()"),
    },
    { configFiles: ["/etc/weir.yaml"], adminSocket: "/run/admin.sock" },
  );
  let end: End | undefined;
  const done = supervisor.run().then((e) => (end = e));
  const pass = (ms: number): void => timers.advance(ms);
  return { supervisor, engines, memory, pass, open, notes, done, ended: () => end };
}

const web: ListenWish = {
  key: "web",
  address: { kind: "inet", host: "127.0.0.1", port: 80 },
  backlog: 100,
  v6Only: false,
  mode: undefined,
  count: 2,
};

class FakeEngine {
  readonly pid: number;
  readonly heard: { message: ToEngine; fds: readonly number[] }[] = [];
  killed = false;
  readonly #handlers: EngineHandlers;

  constructor(handlers: EngineHandlers, pid: number) {
    this.#handlers = handlers;
    this.pid = pid;
  }
  send(message: ToEngine, fds: readonly number[] = []): void {
    this.heard.push({ message, fds });
  }
  kill(): void {
    this.killed = true;
    this.exit("signal SIGKILL");
  }
  say(...messages: FromEngine[]): void {
    for (const message of messages) this.#handlers.message(message);
  }
  exit(how = "signal SIGKILL"): void {
    this.#handlers.exit(how);
  }
  /** Everything an engine says until it serves. */
  serve(state = 1): void {
    this.say(
      { type: "loaded" },
      { type: "board", bytes: 4096, layout: "v1" },
      { type: "listen", id: 1, wishes: [web] },
      { type: "state", state: new Uint8Array([state]) },
      { type: "keep", keys: ["web"] },
      { type: "serving", threads: 2 },
    );
  }
  last<T extends ToEngine["type"]>(type: T): Extract<ToEngine, { type: T }> {
    const found = this.heard.findLast((h) => h.message.type === type);
    assert.ok(found, `engine ${this.pid} was never told "${type}"`);
    return found.message as Extract<ToEngine, { type: T }>;
  }
  fdsWith(type: ToEngine["type"]): readonly number[] {
    return this.heard.findLast((h) => h.message.type === type)!.fds;
  }
}

test("an engine gets its memory and its sockets, and everybody hears that it serves", () => {
  const { engines, notes } = world();
  engines[0]!.serve();
  assert.deepEqual(engines[0]!.fdsWith("board"), [100]);
  assert.deepEqual(engines[0]!.fdsWith("listeners"), [101, 102]);
  assert.equal(engines[0]!.last("start").start.role, "first");
  assert.deepEqual(notes, ["ready()", "READY=1\nSTATUS=serving (engine 1)"]);
});

test("a first engine that cannot start ends it all with its code", async () => {
  const { engines, done, open } = world();
  engines[0]!.say(
    { type: "loaded" },
    { type: "board", bytes: 1, layout: "v1" },
    { type: "failed", code: "CONFIG_INVALID", text: "weir.yaml:1:1: error" },
  );
  engines[0]!.exit("exit code 1");
  assert.deepEqual(await done, { code: "CONFIG_INVALID", text: "weir.yaml:1:1: error" });
  assert.equal(open.size, 0);
});

test("a dead engine is followed at once by another on the same sockets, memory and state", () => {
  const { engines, open } = world();
  engines[0]!.serve(7);
  engines[0]!.exit();
  assert.equal(engines.length, 2);
  engines[1]!.serve();
  const { role, state, half } = engines[1]!.last("start").start;
  assert.deepEqual([role, state, half], ["recovery", new Uint8Array([7]), 0]);
  assert.deepEqual(engines[1]!.fdsWith("board"), [100]);
  assert.deepEqual(engines[1]!.fdsWith("listeners"), [101, 102]);
  assert.equal(open.size, 3);
});

test("one that keeps dying is started ever more slowly, and never given up", () => {
  const { engines, pass } = world();
  engines[0]!.serve();
  engines[0]!.exit();
  engines[1]!.exit();
  assert.equal(engines.length, 2);
  pass(99);
  assert.equal(engines.length, 2);
  pass(1);
  assert.equal(engines.length, 3);
  for (let i = 2; i < 12; i++) {
    engines[i]!.exit();
    pass(2000);
  }
  assert.equal(engines.length, 13);
});

test("when going on fails again and again, the files are tried every other time", () => {
  const { engines, pass } = world();
  engines[0]!.serve();
  engines[0]!.exit();
  const rereads = Array.from({ length: 6 }, (_, i) => {
    const engine = engines[i + 1]!;
    engine.say({ type: "loaded" });
    engine.exit();
    pass(2000);
    return engine.last("start").start.reread;
  });
  assert.deepEqual(rereads, [false, false, false, true, false, true]);
  engines[7]!.serve();
  engines[7]!.exit();
  pass(2000);
  engines[8]!.say({ type: "loaded" });
  assert.equal(engines[8]!.last("start").start.reread, false);
});

test("a reload asked for while no engine runs waits for the next", () => {
  const { engines, supervisor } = world();
  engines[0]!.serve();
  engines[0]!.exit();
  supervisor.signal("SIGHUP");
  engines[1]!.serve();
  assert.equal(engines[1]!.last("start").start.reread, true, "it may be the way out");
  assert.equal(engines[1]!.last("reload").type, "reload");
  assert.ok(!engines[0]!.heard.some((h) => h.message.type === "reload"));
});

test("TERM drains, closes the sockets once nobody accepts, and ends when the engine has", async () => {
  const { engines, supervisor, open, done, notes } = world();
  engines[0]!.serve();
  supervisor.signal("SIGTERM");
  assert.deepEqual(engines[0]!.last("drain"), {
    type: "drain",
    mode: "graceful",
    replaced: false,
    drainMs: undefined,
  });
  assert.equal(open.size, 3);
  engines[0]!.say({ type: "keep", keys: [] });
  assert.equal(open.size, 1, "only the memory");
  engines[0]!.exit("exit code 0");
  assert.deepEqual(await done, { code: "NONE", text: "stopped" });
  assert.equal(open.size, 0);
  assert.ok(notes.includes("STOPPING=1"));
  assert.equal(engines.length, 1, "nothing is started again");
});

test("a second TERM stops at once, and kills what does not obey", async () => {
  const { engines, supervisor, pass, done } = world();
  engines[0]!.serve();
  supervisor.signal("SIGTERM");
  supervisor.signal("SIGTERM");
  assert.equal(engines[0]!.last("drain").mode, "now");
  pass(1999);
  assert.equal(engines[0]!.killed, false);
  pass(1);
  assert.equal(engines[0]!.killed, true);
  assert.equal((await done).signal, "SIGTERM");
});

test("a stop may be asked again with a shorter limit, but not after a quicker one", () => {
  const { engines, supervisor } = world();
  const [engine] = engines;
  engine!.serve();
  const drains = () => engine!.heard.filter(({ message }) => message.type === "drain").length;
  engine!.say({ type: "stop", mode: "graceful", drainMs: 60_000 });
  assert.equal(engine!.last("drain").drainMs, 60_000);
  supervisor.stop("graceful");
  assert.equal(drains(), 1, "nothing new was said");
  supervisor.stop("graceful", 2000);
  assert.equal(engine!.last("drain").drainMs, 2000);
  supervisor.stop("quick");
  supervisor.stop("graceful", 1000);
  assert.deepEqual([drains(), engine!.last("drain").mode], [3, "quick"]);
});

test("a draining engine may take its time, but not fall silent", () => {
  const { engines, supervisor, pass } = world();
  engines[0]!.serve();
  supervisor.signal("SIGUSR1");
  for (let i = 0; i < 60; i++) {
    pass(1000);
    engines[0]!.say({ type: "beat" });
  }
  assert.equal(engines[0]!.killed, false);
  pass(12_000);
  assert.equal(engines[0]!.killed, true);
});

test("stopping while waiting to start again ends at once", async () => {
  const { engines, supervisor, done, open } = world();
  engines[0]!.serve();
  engines[0]!.exit();
  engines[1]!.exit();
  supervisor.signal("SIGINT");
  assert.equal((await done).code, "NONE");
  assert.equal(open.size, 0);
  assert.equal(engines.length, 2);
});

test("upgrade: the new engine takes the other half, then the old one drains and leaves", () => {
  const { engines, open } = world();
  engines[0]!.serve();
  engines[0]!.say({ type: "upgrade" });
  assert.equal(engines.length, 2);
  engines[1]!.say({ type: "loaded" });
  const { role, half, alone } = engines[1]!.last("start").start;
  assert.deepEqual([role, half, alone], ["upgrade", 1, false]);
  engines[1]!.serve();
  assert.equal(engines[0]!.last("upgraded").outcome.ok, true);
  assert.deepEqual(engines[0]!.last("drain"), { type: "drain", mode: "graceful", replaced: true });
  engines[1]!.say({ type: "upgrade" });
  assert.equal(engines[1]!.last("upgraded").outcome.ok, false, "the old one still drains");
  engines[0]!.exit("exit code 0");
  assert.equal(engines[1]!.last("alone").type, "alone");
  assert.equal(engines.length, 2);
  assert.equal(open.size, 3);
});

test("without memory a first engine ends it all, a later one is tried again", async () => {
  const { engines, done, memory } = world();
  memory.error = new Error("memfd_create: errno 12");
  engines[0]!.say({ type: "loaded" }, { type: "board", bytes: 1, layout: "v1" });
  assert.equal(engines[0]!.killed, true);
  const { code, text } = await done;
  assert.equal(code, "START_FAILED");
  assert.match(text, /no shared memory: .*errno 12/);
});

test("an upgrade that fails leaves the old engine and says why", () => {
  const { engines } = world();
  engines[0]!.serve();
  engines[0]!.say({ type: "upgrade" });
  engines[1]!.say({ type: "failed", code: "CONFIG_INVALID", text: "line 3" });
  engines[1]!.exit("exit code 1");
  const { outcome } = engines[0]!.last("upgraded");
  assert.deepEqual(outcome, { ok: false, code: "CONFIG_INVALID", message: "line 3" });
  assert.ok(!engines[0]!.heard.some((h) => h.message.type === "drain"));
});

test("sockets close when no engine wants them, and not before all have said", () => {
  const { engines, open } = world();
  engines[0]!.serve();
  engines[0]!.say({ type: "listen", id: 2, wishes: [{ ...web, key: "api" }] });
  assert.equal(open.size, 5);
  engines[0]!.say({ type: "upgrade" });
  engines[0]!.say({ type: "keep", keys: ["api"] });
  assert.equal(open.size, 5, "the new engine has not said yet");
  engines[1]!.serve();
  assert.equal(open.size, 5);
  engines[0]!.exit("exit code 0");
  assert.equal(open.size, 3);
});

test("memory of another layout is made anew", () => {
  const { engines } = world();
  engines[0]!.serve();
  engines[0]!.exit();
  engines[1]!.say({ type: "loaded" }, { type: "board", bytes: 8192, layout: "v2" });
  assert.equal(engines[1]!.last("board").fresh, true);
  assert.deepEqual(engines[1]!.fdsWith("board"), [103]);
});
