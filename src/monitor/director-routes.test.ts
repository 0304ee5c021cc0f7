import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeControl } from "#kit/fake-control.ts";
import type { Monitor, Reply } from "./route.ts";
import { connections } from "./routes/connections.ts";
import { director } from "./routes/director.ts";

const SERVICES = `
director: { interfaces: eth0 }
services: { web: { bind: 192.0.2.1:80, method: dr, backend: app } }
backends: { app: { balance: { type: sh, port: true }, servers: { a: 10.0.0.1:80 } } }
`;

function ask(route: typeof director, api: FakeControl, query = "") {
  const call = { query: new URLSearchParams(query), params: {}, body: undefined, accept: "" };
  const { status, body } = route.run(call, { api } as unknown as Monitor) as Reply;
  return { status, body: JSON.parse(String(body)) };
}

test("the director is told with all that its services are", () => {
  const { status, body } = ask(director, new FakeControl(SERVICES));
  assert.equal(status, 200);
  assert.deepEqual(body.interfaces, [{ device: "eth0", hook: "tcx" }]);
  const [web] = body.services;
  assert.deepEqual([web.name, web.scheduler, web.schedulerOptions.port], ["web", "sh", true]);
  assert.deepEqual([web.servers[0].host, web.servers[0].active], ["10.0.0.1", 0]);
});

test("without a service it says so in the same shape", () => {
  const { status, body } = ask(director, new FakeControl());
  assert.deepEqual([status, body.problem, body.services], [200, "no service is configured", []]);
});

test("connections are bounded", () => {
  const control = new FakeControl(SERVICES);
  assert.deepEqual(ask(connections, control).body, { connections: [], complete: true });
  for (const query of ["limit=0", "limit=100001", "limit=many", "limit=1.5", "service=wbe"]) {
    assert.equal(ask(connections, control, query).status, 400, query);
  }
});
