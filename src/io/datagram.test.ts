import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { DatagramServer } from "#kit/datagram-server.ts";
import { inet } from "#kit/health-plan.ts";
import { SimClock } from "#kit/sim-clock.ts";
import { until } from "#kit/until.ts";
import { systemTimers } from "./clock.ts";
import { askByDatagram, type DatagramOptions } from "./datagram.ts";
import type { Dialled } from "./dial.ts";

const OPTIONS: DatagramOptions = {
  timeoutMs: 60_000,
  send: Buffer.from("who"),
  isAnswer: () => true,
};

const ask = (port: number, more: Partial<DatagramOptions> = {}): Promise<Dialled> =>
  new Promise((done) => askByDatagram(systemTimers, inet(port), { ...OPTIONS, ...more }, done));

const textOf = ({ bytes }: Dialled): string => Buffer.from(bytes).toString();

test("a datagram goes out once, and the answer is heard", async (t) => {
  const asked: string[] = [];
  const server = new DatagramServer((bytes) => [Buffer.from(`${asked.push(bytes.toString())}`)]);
  t.after(() => server.stop());
  const port = await server.start();
  const first = await ask(port);
  assert.deepEqual([first.failure, textOf(first)], [undefined, "1"]);
  assert.equal(textOf(await ask(port, { send: Buffer.alloc(1200, "x") })), "2");
  assert.deepEqual(asked, ["who", "x".repeat(1200)]);
});

test("what is no answer is passed over", async (t) => {
  const server = new DatagramServer(() => ["", "no", "yes"].map((text) => Buffer.from(text)));
  t.after(() => server.stop());
  const isAnswer = (bytes: Uint8Array): boolean => bytes[0] === 0x79;
  assert.equal(textOf(await ask(await server.start(), { isAnswer })), "yes");
});

test("nobody listens: that is said as of a connection", async () => {
  const server = new DatagramServer(() => []);
  const port = await server.start();
  server.stop();
  const { failure } = await ask(port);
  assert.deepEqual(failure, {
    ...{ phase: "connect", timeout: false, local: false, text: "connection refused" },
  });
});

test("silence ends in time; after Cancel nothing is said, and nothing is left", async (t) => {
  const server = new DatagramServer(() => []);
  t.after(() => server.stop());
  const port = await server.start();
  const before = readdirSync("/proc/self/fd").length;
  const clock = new SimClock();
  const said: Dialled[] = [];
  askByDatagram(clock, inet(port), { ...OPTIONS, timeoutMs: 100 }, (result) => said.push(result));
  const cancel = askByDatagram(clock, inet(port), OPTIONS, (result) => said.push(result));
  cancel();
  cancel();
  clock.advance(101);
  assert.deepEqual(
    said.map(({ failure }) => [failure?.phase, failure?.timeout, failure?.text]),
    [["answer", true, "no answer in time"]],
  );
  assert.equal(clock.pending, 0);
  await until("sockets are closed", () => readdirSync("/proc/self/fd").length === before);
});

test("an address that takes no datagrams is said so, later", async () => {
  const said = new Promise<Dialled>((done) =>
    askByDatagram(systemTimers, { kind: "unix", path: "/run/a.sock" }, OPTIONS, done),
  );
  assert.match((await said).failure!.text, /takes no datagrams/);
});
