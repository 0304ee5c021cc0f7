/**
 * Broken and ambiguous requests, byte by byte, at a real balancer with a server behind it that
 * keeps what reaches it: each gets the right refusal on a connection that ends, nothing of it
 * reaches the server, and others are served as if nothing had been.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { unusable } from "#kit/drivers.ts";
import { askOnce, RawClient, readAnswers } from "#kit/raw-client.ts";
import { Recorder } from "#kit/recorder.ts";
import { startWeir } from "#kit/weir.ts";
import { HOSTILE_REQUESTS, type HostileRequest, SMUGGLED } from "./requests.ts";

test("there are enough of them, each with a name of its own", () => {
  const names = new Set(HOSTILE_REQUESTS.map(({ name }) => name));
  assert.ok(names.size >= 120, `${names.size}`);
  assert.equal(names.size, HOSTILE_REQUESTS.length);
});

for (const driver of ["io_uring", "epoll"] as const) {
  test(`hostile requests, ${driver}`, { skip: unusable(driver) }, async (t) => {
    const server = new Recorder();
    const port = await server.start();
    t.after(() => server.stop());
    const weir = await startWeir(
      t,
      (g) => `
engine: { threads: 1, driver: ${driver} }
log: none
frontends:
  web: { bind: "127.0.0.1:${g.port("web")}", default: app, timeouts: { request: 2s } }
backends:
  app: { servers: { a: "127.0.0.1:${port}" } }
`,
    );
    let next = 0;

    /**
     * The next request of somebody else: its answer is its own, and it alone reaches the server.
     */
    async function othersAreServed(): Promise<void> {
      const target = `/next/${next++}`;
      const answer = await askOnce(t, weir.port(), target);
      assert.equal(answer.body, `GET ${target}\n`);
    }

    async function check(hostile: HostileRequest, pieceBytes: number): Promise<void> {
      const client = await RawClient.connect(t, weir.port());
      const bytes = hostile.bytes + SMUGGLED;
      await client.drip(bytes, pieceBytes || bytes.length);
      await client.closed();
      client.destroy();
      const { answers, rest } = readAnswers(client.text);
      assert.equal(rest, "");
      assert.deepEqual(
        answers.map(({ head }) => head.status),
        [...hostile.reaches.map(() => 200), ...(hostile.status ? [hostile.status] : [])],
        `${client.ended} after ${JSON.stringify(client.text.slice(0, 99))}`,
      );
      assert.ok(answers.every(({ whole }) => whole));
      assert.equal(answers.at(-1)?.head.keepAlive, false, "Connection: close is missing");
      await othersAreServed();
      const reached = server.take();
      assert.deepEqual(reached.faults, []);
      assert.deepEqual(reached.targets, [...hostile.reaches, `GET /next/${next - 1}`]);
      if (!hostile.cut) assert.deepEqual(reached.cut, []);
      for (const text of reached.cut) assert.doesNotMatch(text, /smuggled/);
    }

    for (const hostile of HOSTILE_REQUESTS) {
      await t.test(hostile.name, async () => {
        await check(hostile, 0);
        await check(hostile, hostile.bytes.length > 2000 ? 4001 : 7);
      });
    }
    assert.equal(server.open <= 2, true, "connections to the server stay");
  });
}
