import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControlEvent } from "#control/api.ts";
import { unusable } from "#kit/drivers.ts";
import { startWeir } from "#kit/weir.ts";

const configOf = (web: number, driver: string): string => `
frontends:
  web: { bind: 127.0.0.1:${web}, default: app }
backends:
  app: { servers: { a: 127.0.0.1:9 } }
engine: { threads: 2, driver: ${driver} }
log: none
`;

test("at the start it says which driver runs and why, in its log and among the events", async (t) => {
  const weir = await startWeir(t, (g) => configOf(g.port("web"), "epoll"));
  assert.match(weir.err, /2 workers on epoll, as configured\n/);
  const events = (await weir.adminJson("/api/v1/events")) as ControlEvent[];
  const said = events.find((event) => event.text === "2 workers on epoll, as configured");
  assert.deepEqual([said?.kind, said?.level], ["engine", "info"]);
});

test("auto takes io_uring, or warns why not", async (t) => {
  const weir = await startWeir(t, (g) => configOf(g.port("web"), "auto"));
  const expected = unusable("io_uring")
    ? /2 workers on epoll, because .+\n/
    : /2 workers on io_uring, which this host offers\n/;
  assert.match(weir.err, expected);
});
