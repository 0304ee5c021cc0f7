import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import type { Socket } from "node:net";
import { after, describe, test } from "node:test";
import { inet } from "#kit/health-plan.ts";
import { LoopbackServer } from "#kit/hostile-servers.ts";
import { SimClock } from "#kit/sim-clock.ts";
import { type Dialled, type DialOptions, dial } from "./dial.ts";

const servers = new Set<LoopbackServer>();

after(() => {
  for (const server of servers) server.stop();
});

/** Port of a server that does with each connection what `act` says. */
function serve(act: (socket: Socket) => void): Promise<number> {
  const server = new LoopbackServer(act);
  servers.add(server);
  return server.start();
}

/** Time stands still unless a test moves it: no deadline passes by itself. */
function talk(port: number, options: Partial<DialOptions>, clock = new SimClock()) {
  const whole = { timeoutMs: 1000, answerBytes: 0, ...options };
  return new Promise<Dialled>((done) => dial(clock, inet(port), whole, done));
}

const text = ({ bytes }: Dialled): string => Buffer.from(bytes).toString("latin1");

test("a mere connect is ended by a reset", async () => {
  let ended: (error: Error | undefined) => void;
  const reset = new Promise<Error | undefined>((done) => {
    ended = done;
  });
  const port = await serve((socket) => {
    socket.on("error", (error) => ended(error));
    socket.on("close", () => ended(undefined));
    socket.resume();
  });
  const clock = new SimClock();
  const result = await talk(port, {}, clock);
  assert.equal(result.end, "connected");
  assert.equal(clock.pending, 0);
  assert.equal(((await reset) as NodeJS.ErrnoException | undefined)?.code, "ECONNRESET");
});

test("says its piece and hears an answer in any number of pieces", async () => {
  const port = await serve((socket) => {
    socket.once("data", (said) => {
      for (const byte of `you said ${said}\n`) socket.write(byte);
    });
  });
  const enough = (bytes: Uint8Array): boolean => bytes.includes(10);
  const result = await talk(port, { send: Buffer.from("hi"), answerBytes: 100, enough });
  assert.deepEqual([result.end, text(result)], ["enough", "you said hi\n"]);
});

test("an answer ended by the peer's close, and one that is none", async () => {
  const port = await serve((socket) => socket.end("bye"));
  assert.equal(text(await talk(port, { answerBytes: 100 })), "bye");
  const silent = await serve((socket) => socket.end());
  const result = await talk(silent, { answerBytes: 100 });
  assert.deepEqual([result.end, text(result)], ["closed", ""]);
});

test("a huge answer is cut at the limit", async () => {
  const port = await serve((socket) => socket.write("x".repeat(10_000_000)));
  const result = await talk(port, { answerBytes: 1000 });
  assert.deepEqual([result.end, result.bytes.length], ["limit", 1000]);
});

test("one who drips for ever meets the deadline, which is for the whole of it", async () => {
  const clock = new SimClock();
  let peer: Socket | undefined;
  const port = await serve((socket) => {
    peer = socket;
    socket.write("drip");
  });
  const result = await talk(
    port,
    {
      answerBytes: 100,
      enough: () => {
        peer!.write("drip");
        clock.advance(300);
        return false;
      },
    },
    clock,
  );
  assert.deepEqual(result.failure, {
    phase: "answer",
    timeout: true,
    local: false,
    text: "no whole answer in time",
  });
  assert.ok(result.bytes.length > 0, "what came is kept");
});

test("refused, unreachable and impossible addresses are failures to connect, in words", async () => {
  const port = await serve(() => {});
  const gone = new LoopbackServer(() => {});
  const closed = await gone.start();
  gone.stop();
  const refused = (await talk(closed, {})).failure!;
  assert.deepEqual([refused.phase, refused.text], ["connect", "connection refused"]);
  const unix = await new Promise<Dialled>((done) => {
    const address = { kind: "unix", path: "/nonexistent/socket" } as const;
    dial(new SimClock(), address, { timeoutMs: 1000, answerBytes: 0 }, done);
  });
  assert.equal(unix.failure!.text, "no such file or directory");
  const clock = new SimClock();
  const named = new Promise<Dialled>((done) => {
    const address = { kind: "name", host: "x.test", port } as const;
    dial(clock, address, { timeoutMs: 1000, answerBytes: 0 }, done);
  });
  clock.advance(0);
  assert.match((await named).failure!.text, /not the address of a socket/);
});

test("no connection in time", async () => {
  const clock = new SimClock();
  const port = await serve(() => {});
  const result = talk(port, {}, clock);
  // The deadline passes before the event loop has had a chance to connect.
  clock.advance(1000);
  assert.equal((await result).failure!.text, "no connection in time");
});

describe("a connection with a mark", {
  skip: process.getuid!() !== 0 && "SO_MARK needs root",
}, () => {
  const mark = 0x77000001;

  test("is like any other", async () => {
    const port = await serve((socket) => {
      socket.once("data", (said) => socket.end(`you said ${said}`));
    });
    assert.equal((await talk(port, { mark })).end, "connected");
    const result = await talk(port, { mark, send: Buffer.from("hi"), answerBytes: 100 });
    assert.deepEqual([result.end, text(result)], ["closed", "you said hi"]);
    const gone = new LoopbackServer(() => {});
    const closed = await gone.start();
    gone.stop();
    const refused = (await talk(closed, { mark, answerBytes: 9 })).failure!;
    assert.deepEqual([refused.phase, refused.text], ["connect", "connection refused"]);
  });

  test("has a deadline, and a Cancel", async () => {
    const clock = new SimClock();
    const port = await serve(() => {});
    const result = talk(port, { mark }, clock);
    clock.advance(1000);
    assert.equal((await result).failure!.text, "no connection in time");
    const open = (): number => readdirSync("/proc/self/fd").length;
    // Sockets of tests before may close meanwhile.
    const before = open();
    const options = { timeoutMs: 1000, answerBytes: 0, mark };
    const cancel = dial(clock, inet(port), options, () => assert.fail("called after Cancel"));
    cancel();
    await new Promise((next) => setTimeout(next, 50));
    assert.ok(open() <= before);
    assert.equal(clock.pending, 0);
  });
});

test("after Cancel nothing is called and nothing is left", async () => {
  const clock = new SimClock();
  const closed = new Promise<void>((done) => {
    serve((socket) => {
      socket.on("close", () => done()).resume();
      cancel();
      cancel();
    }).then((port) => {
      const options = { timeoutMs: 1000, answerBytes: 9 };
      cancel = dial(clock, inet(port), options, () => assert.fail("called after Cancel"));
    });
    let cancel = (): void => {};
  });
  await closed;
  assert.equal(clock.pending, 0);
});
