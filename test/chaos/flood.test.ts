/**
 * More connections at once than most sites ever see, from several processes, each with one request
 * and then idle: they are held or refused, others are served meanwhile, and all memory comes back.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { raiseDescriptorLimit } from "#io/descriptor-limit.ts";
import { Bystanders } from "#kit/bystanders.ts";
import { unusable } from "#kit/drivers.ts";
import { Flood } from "#kit/flood.ts";
import { metric, rests, rssBytes } from "#kit/measure.ts";
import { Recorder } from "#kit/recorder.ts";
import { until } from "#kit/until.ts";
import { startWeir } from "#kit/weir.ts";

const CONNECTIONS = 17_000;
const PROCESSES = 2;
const EACH = CONNECTIONS / PROCESSES;
/** What one process must be allowed to have open: all of them, and the balancer's own. */
const NEEDED = 19_000;

for (const driver of ["io_uring", "epoll"] as const) {
  test(`${CONNECTIONS} connections (${driver})`, { skip: unusable(driver) }, async (t) => {
    if (raiseDescriptorLimit() < NEEDED) return t.skip(`fewer than ${NEEDED} descriptors`);
    const server = new Recorder();
    const port = await server.start();
    t.after(() => server.stop());
    const weir = await startWeir(
      t,
      (g) => `
engine: { threads: 2, driver: ${driver} }
log: none
frontends:
  web:
    bind: "127.0.0.1:${g.port("web")}"
    rules: [{ when: { path: /flood }, deny: 404 }]
    default: app
backends:
  app: { servers: { a: "127.0.0.1:${port}" } }
`,
    );
    const pid = await weir.enginePid();
    const before = rssBytes(pid);
    const bystanders = new Bystanders(t, weir.port(), 2);
    const beganMs = performance.now();
    const floods = Array.from({ length: PROCESSES }, () => new Flood(t, weir.port(), EACH));
    const over = (): number => floods.reduce((sum, { now }) => sum + now.answered + now.ended, 0);
    for (let seen = over(); seen < CONNECTIONS; seen = over()) {
      await until("more are answered or refused", () => over() > seen);
    }
    const tookMs = performance.now() - beganMs;
    const held = await metric(weir, "weir_worker_connections");
    const during = rssBytes(pid);
    const share = await rests(pid);
    const { answers, failures, slowestMs } = await bystanders.stop();
    const answered = floods.reduce((sum, { now }) => sum + now.answered, 0);
    t.diagnostic(
      `${answered} answered in ${Math.round(tookMs)} ms, ${held} held, ` +
        `${Math.round((during - before) / held)} B of memory each, ` +
        `${Math.round(share * 100)} % of a processor when idle; ` +
        `others: ${answers} answers, the slowest ${Math.round(slowestMs)} ms`,
    );
    assert.deepEqual(failures, []);
    assert.ok(answers > 0);
    assert.ok(answered > CONNECTIONS * 0.9, `${answered}`);
    assert.ok(during - before < 256e6);
    await Promise.all(floods.map((flood) => flood.stop()));
    await until("all are gone", async () => (await metric(weir, "weir_worker_connections")) === 0);
    assert.equal(await weir.enginePid(), pid);
    assert.doesNotMatch(weir.err, / died/);
  });
}
