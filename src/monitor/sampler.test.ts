import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { FakeControl } from "#kit/fake-control.ts";
import { BACKEND, WORKER } from "#plan/board.ts";
import { HISTORY_SECONDS } from "./history.ts";
import { Sampler } from "./sampler.ts";

let control: FakeControl;
let sampler: Sampler;

/** Lets a second pass, with what happens in it. */
function second(happens: () => void = () => {}): void {
  happens();
  control.timers.advance(1000);
  sampler.sample(control.plan());
}

beforeEach(() => {
  control = new FakeControl();
  sampler = new Sampler(control.board, control.timers);
  sampler.sample(control.plan());
});

describe("Sampler", () => {
  it("sums the workers and turns totals into rates", () => {
    second(() => {
      control.serve(30, { worker: 0 });
      control.serve(12, { worker: 1, status: 5, server: 1 });
    });
    const { whole } = sampler;
    assert.equal(whole.rate("REQUESTS").current, 42);
    assert.equal(whole.rate("BYTES_OUT").current, 42_000);
    assert.equal(whole.total("STATUS_5XX"), 12);
    assert.equal(sampler.frontend("www")!.rate("STATUS_5XX").current, 12);
    assert.equal(sampler.server("app", "a")!.rate("REQUESTS").current, 30);
    assert.equal(sampler.server("app", "b")!.rate("REQUESTS").current, 12);
    assert.equal(sampler.server("api", "c")!.rate("REQUESTS").current, 0);
    second();
    assert.equal(whole.rate("REQUESTS").current, 0);
    assert.equal(whole.total("REQUESTS"), 42);
  });

  it("knows nothing of what was counted before it began", () => {
    control.serve(1000);
    const late = new Sampler(control.board, control.timers);
    late.sample(control.plan());
    assert.equal(late.whole.rate("REQUESTS").current, 0);
    assert.equal(late.latency.minute().p50Ms, null);
    assert.equal(late.whole.total("REQUESTS"), 1000);
  });

  it("has latency of the last second and of the last minute", () => {
    second(() => control.serve(99, { us: 2000 }));
    second(() => {
      control.serve(98, { us: 10_000 });
      control.serve(2, { us: 500_000, worker: 1 });
    });
    const near = (is: number | null, wanted: number) =>
      assert.ok(is !== null && Math.abs(is - wanted) <= wanted / 16, `${is} is not ${wanted}`);
    near(sampler.latency.second().p50Ms, 10);
    near(sampler.latency.second().p99Ms, 500);
    near(sampler.latency.minute().p50Ms, 10);
    near(sampler.frontend("www")!.latency.second().p95Ms, 10);
    for (let i = 0; i < 61; i++) second();
    assert.deepEqual(sampler.latency.minute(), { p50Ms: null, p95Ms: null, p99Ms: null });
  });

  it("takes frontends that come and go without a jump", () => {
    second(() => control.serve(5000, { frontend: 1 }));
    control.apply(`
frontends: { www: { bind: "127.0.0.1:8080", default: app } }
backends: { app: { servers: { a: "10.0.0.1:80" } } }
`);
    second(() => control.serve(10));
    assert.equal(sampler.whole.rate("REQUESTS").current, 10);
    assert.equal(sampler.frontend("api"), undefined);
    assert.equal(sampler.server("app", "b"), undefined);
  });

  it("reads what is going on now", () => {
    const app = control.plan().backends[0]!.slot * BACKEND.size;
    control.board.backends[app + BACKEND.ACTIVE] = 5;
    control.board.backends[app + BACKEND.QUEUED] = 2;
    control.board.workers[WORKER.CONNECTIONS] = 40;
    control.board.workers[WORKER.size + WORKER.CONNECTIONS] = 2;
    second();
    assert.equal(sampler.inFlight, 7);
    assert.equal(sampler.connections, 42);
  });

  it("remembers 15 minutes, a value a second", () => {
    for (let i = 1; i <= HISTORY_SECONDS + 10; i++) second(() => control.serve(i));
    const { series, stepMs, untilMs } = sampler.history.document();
    assert.equal(series.requestsPerSecond.length, HISTORY_SECONDS);
    assert.deepEqual(series.requestsPerSecond.slice(-2), [909, 910]);
    assert.equal(series.requestsPerSecond[0], 11);
    assert.equal(series.errorShare.at(-1), 0);
    assert.equal(stepMs, 1000);
    assert.equal(untilMs, control.timers.wallMs());
  });
});
