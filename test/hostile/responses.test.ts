/**
 * Servers that break every rule: their client gets 502, 504 or an answer that is visibly cut short;
 * other clients, whose requests go over connections to the same server meanwhile, get each their
 * own answer.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { unusable } from "#kit/drivers.ts";
import { askOnce, RawClient, readAnswers } from "#kit/raw-client.ts";
import { Recorder } from "#kit/recorder.ts";
import { startWeir } from "#kit/weir.ts";
import { HOSTILE_RESPONSES, type HostileResponse, UNASKED } from "./responses.ts";

/** Cases are played this many at a time, to save time and to mix them. */
const AT_ONCE = 12;

test("there are enough of them, each with a name of its own", () => {
  const names = new Set(HOSTILE_RESPONSES.map(({ name }) => name));
  assert.ok(names.size >= 90, `${names.size}`);
  assert.equal(names.size, HOSTILE_RESPONSES.length);
});

async function world(t: TestContext, driver: string) {
  const server = new Recorder(({ head }, socket) => {
    const unasked = UNASKED[decodeURIComponent(head.target.slice(1))];
    if (unasked) setTimeout(unasked, 20, socket);
    const number = /^\/hostile\/(\d+)$/.exec(head.target)?.[1];
    if (number !== undefined) {
      HOSTILE_RESPONSES[Number(number)]!.play(socket);
      return undefined;
    }
    const end = head.target === "/next" ? "Connection: close\r\n" : "";
    return `HTTP/1.1 200 OK\r\n${end}Content-Length: ${head.target.length}\r\n\r\n${head.target}`;
  });
  const port = await server.start();
  t.after(() => server.stop());
  const weir = await startWeir(
    t,
    (g) => `
engine: { threads: 1, driver: ${driver} }
log: none
frontends:
  web: { bind: "127.0.0.1:${g.port("web")}", default: app }
backends:
  app:
    timeouts: { server: 500ms }
    reuse: always
    servers: { a: "127.0.0.1:${port}" }
`,
  );
  return { server, weir };
}

for (const driver of ["io_uring", "epoll"] as const) {
  test(`hostile responses, ${driver}`, { skip: unusable(driver), concurrency: true }, async (t) => {
    const { server, weir } = await world(t, driver);

    async function play(hostile: HostileResponse, number: number): Promise<void> {
      const client = await RawClient.connect(t, weir.port());
      const method = hostile.method ?? "GET";
      client.send(`${method} /hostile/${number} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
      const answers = await client.answers(1, method);
      const answer = answers.at(-1);
      assert.ok(answers.length <= 1);
      if (hostile.outcome === "good") {
        assert.equal(answer?.head.status, 200);
        assert.ok(answer.whole);
        assert.equal(answer.body, method === "HEAD" ? "" : "good");
      } else if (hostile.outcome === "cut") {
        if (answer?.head.status === 200) {
          await client.closed();
          assert.equal(answer.whole, false);
        } else assert.ok(answer === undefined || answer.head.status === 502);
      } else {
        assert.equal(answer?.head.status, hostile.outcome);
        assert.ok(answer.whole);
        assert.doesNotMatch(client.text, /evil/);
      }
      // Whatever comes later is not for this client either.
      await askOnce(t, weir.port(), `/after/${number}`);
      assert.equal(readAnswers(client.text, method).rest, "");
      client.destroy();
    }

    let others = 0;
    let playing = true;
    const bystander = async (who: number): Promise<void> => {
      const client = await RawClient.connect(t, weir.port());
      for (let n = 0; playing; n++) {
        const target = `/own/${who}/${n}`;
        client.text = "";
        client.send(`GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
        const [answer] = await client.answers(1);
        assert.equal(answer?.body, target, client.text);
        others++;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      client.destroy();
    };
    const bystanders = [0, 1, 2].map(bystander);

    for (let from = 0; from < HOSTILE_RESPONSES.length; from += AT_ONCE) {
      const some = HOSTILE_RESPONSES.slice(from, from + AT_ONCE);
      const running = some.map((hostile, i) => t.test(hostile.name, () => play(hostile, from + i)));
      await Promise.all(running);
    }
    playing = false;
    await Promise.all(bystanders);
    assert.ok(others > 0, `${others} requests of others`);
    assert.deepEqual(server.faults, []);
    assert.doesNotMatch(weir.err, / died/);
    t.diagnostic(`${others} requests of others meanwhile`);
  });
}

test("what a server says on an idle connection is nobody's answer", async (t) => {
  const { server, weir } = await world(t, "auto");
  for (const name of Object.keys(UNASKED)) {
    await t.test(name, async () => {
      const target = `/${encodeURIComponent(name)}`;
      assert.equal((await askOnce(t, weir.port(), target)).body, target);
      while (server.open > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal((await askOnce(t, weir.port(), "/next")).body, "/next");
    });
  }
});
