import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Address } from "#base/address.ts";
import type { Cancel } from "#base/clock.ts";
import type { CheckContext, CheckResult, CheckType } from "#health/check.ts";
import { checks } from "#health/checks/index.ts";
import { systemTimers } from "#io/clock.ts";
import { askByDatagram } from "#io/datagram.ts";
import { dial } from "#io/dial.ts";
import { EchoSocket } from "#io/echo-socket.ts";
import { ping } from "#io/ping.ts";
import { runProgram } from "#io/program.ts";
import { type Answering, DatagramServer, nameServerAnswer } from "#kit/datagram-server.ts";
import { inet } from "#kit/health-plan.ts";
import { HOSTILE, HOSTILE_DATAGRAMS, LoopbackServer } from "#kit/hostile-servers.ts";
import { SimClock } from "#kit/sim-clock.ts";
import { CHECK_RESULT_WORDS } from "#plan/check-result.ts";
import { fallbacks } from "#schema/index.ts";

/** What each check needs to pass: options, and what a healthy server answers once it was asked. */
interface Healthy {
  readonly options?: Readonly<Record<string, unknown>>;
  readonly answer: string;
  /** A host that is not there, where a port that nobody listens at says nothing. */
  readonly absent?: string;
  /** It is asked by datagrams, and answers so. */
  readonly datagrams?: Answering;
  /** A server that does nothing with a connection is well enough. */
  readonly isContent?: boolean;
}

const PROGRAM = "healthy-if-asked";
let folder = "";

const healthy: Readonly<Record<string, () => Healthy>> = {
  tcp: () => ({ answer: "", isContent: true }),
  http: () => ({ answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" }),
  // RFC 1112: reserved; nobody has it.
  icmp: () => ({ answer: "", isContent: true, absent: "240.0.0.1" }),
  udp: () => ({
    answer: "",
    datagrams: () => [Buffer.from("me")],
    options: { send: "who", answer: "^me$" },
  }),
  dns: () => ({
    answer: "",
    datagrams: (asked) => [nameServerAnswer(asked)],
    options: { name: "a.test" },
  }),
  agent: () => ({ answer: "75% ready\n", options: { send: "how are you\\n" } }),
  exec: () => ({ answer: "", options: { program: join(folder, PROGRAM) } }),
};

/** Asks the server on its port; fails when it does not answer with "hello". */
const SCRIPT = `#!${process.execPath}
const { WEIR_SERVER_ADDRESS: host, WEIR_SERVER_PORT: port } = process.env;
const socket = require("node:net").connect(port, host, () => socket.write("asked"));
socket.on("error", () => process.exit(2));
socket.once("data", (data) => {
  console.log(process.env.WEIR_BACKEND_NAME + "/" + process.env.WEIR_SERVER_NAME + " said " + data);
  process.exit(data.toString() === "hello" ? 0 : 1);
});
socket.on("end", () => process.exit(3));
`;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "weir-checks-"));
  await writeFile(join(folder, PROGRAM), SCRIPT);
  await chmod(join(folder, PROGRAM), 0o755);
});

after(() => rm(folder, { recursive: true, force: true }));

interface Asked {
  readonly result: Promise<CheckResult>;
  readonly cancel: Cancel;
  /** Times `report` was called. */
  readonly reports: () => number;
}

function ask(
  type: CheckType,
  address: Address,
  timers: CheckContext["timers"],
  timeoutMs: number,
): Asked {
  const context: CheckContext = {
    timers,
    dial: (address, options, done) => dial(timers, address, options, done),
    run: (path, options, done) => runProgram(timers, path, options, done),
    datagram: (address, options, done) => askByDatagram(timers, address, options, done),
    ping: (host, options, done) => ping(timers, host, options, done),
    timeoutMs,
  };
  const target = { address, backend: "web", server: "a" };
  const options = { ...fallbacks(type.options), ...healthy[type.name]!().options };
  let reports = 0;
  let begun = false;
  let cancel: Cancel = () => {};
  const result = new Promise<CheckResult>((done) => {
    cancel = type.start(target, options, context, (r) => {
      assert.ok(begun, "never from inside start");
      reports++;
      done(r);
    });
    begun = true;
  });
  return { result, cancel, reports: () => reports };
}

async function withServer(
  server: LoopbackServer | DatagramServer,
  use: (port: number) => Promise<void>,
): Promise<void> {
  try {
    await use(await server.start());
  } finally {
    server.stop();
  }
}

/** Servers that treat somebody who asks badly. */
function hostileTo({ name }: CheckType): [string, () => LoopbackServer | DatagramServer][] {
  return healthy[name]!().datagrams
    ? Object.entries(HOSTILE_DATAGRAMS).map(([what, act]) => [what, () => new DatagramServer(act)])
    : Object.entries(HOSTILE).map(([what, act]) => [what, () => new LoopbackServer(act)]);
}

function wellFormed(result: CheckResult): void {
  assert.ok(result.code in CHECK_RESULT_WORDS);
  assert.ok(result.detail.length > 0 && result.detail.length < 300, result.detail);
  assert.ok(!/[^\x20-\x7e…]/.test(result.detail), JSON.stringify(result.detail));
}

/** Why nobody can be pinged from here, for node:test's `skip`; false when one can. */
function noPing(): string | false {
  const options = { payload: new Uint8Array(), identifier: 0, sequence: 0, ttl: undefined };
  try {
    EchoSocket.open("127.0.0.1", options).close();
    return false;
  } catch (error) {
    return (error as Error).message;
  }
}

test("every registered check takes part, under a name of its own", () => {
  assert.ok(checks.length >= 4);
  assert.deepEqual(checks.map(({ name }) => name).sort(), Object.keys(healthy).sort());
  for (const { name, summary } of checks) assert.ok(/^[a-z0-9-]+$/.test(name) && summary !== "");
});

for (const type of checks as readonly CheckType[]) {
  describe(`check ${type.name}`, { skip: type.name === "icmp" && noPing() }, () => {
    test("passes a healthy server", async () => {
      const { answer, datagrams } = healthy[type.name]!();
      const act = (socket: import("node:net").Socket): void => {
        socket.once("data", () => socket.write(answer || "hello"));
      };
      const server = datagrams ? new DatagramServer(datagrams) : new LoopbackServer(act);
      await withServer(server, async (port) => {
        const { result } = ask(type, inet(port), systemTimers, 60_000);
        const { ok, detail } = await result;
        assert.ok(ok, detail);
        wellFormed(await result);
      });
    });

    test("fails one that is not there", async () => {
      const server = new LoopbackServer(() => {});
      const port = await server.start();
      server.stop();
      const { absent } = healthy[type.name]!();
      const { result } = absent
        ? ask(type, inet(port, absent), systemTimers, 400)
        : ask(type, inet(port), systemTimers, 60_000);
      assert.equal((await result).ok, false);
      wellFormed(await result);
    });

    for (const [name, start] of hostileTo(type)) {
      test(`survives one that ${name}, reports once, leaves nothing`, async () => {
        await withServer(start(), async (port) => {
          const { result, reports } = ask(type, inet(port), systemTimers, 400);
          const ended = await result;
          wellFormed(ended);
          if (!healthy[type.name]!().isContent) assert.equal(ended.ok, false);
          await new Promise((next) => setImmediate(next));
          assert.equal(reports(), 1);
        });
      });
    }

    test("says nothing after Cancel, and leaves no timer", async () => {
      const [, start] = hostileTo(type).find(([name]) => name === "never answers")!;
      await withServer(start(), async (port) => {
        const clock = new SimClock();
        const { cancel, reports } = ask(type, inet(port), clock, 1000);
        cancel();
        cancel();
        clock.advance(10_000);
        await new Promise((next) => setImmediate(next));
        assert.deepEqual([reports(), clock.pending], [0, 0]);
      });
    });
  });
}
