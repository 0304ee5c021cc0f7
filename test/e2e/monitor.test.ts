import assert from "node:assert/strict";
import { test } from "node:test";
import { type Origin, startOrigin } from "#kit/origin.ts";
import { startWeir, type Weir } from "#kit/weir.ts";
import type { StatusDocument } from "#monitor/document.ts";

const configuration = (web: number, page: number, a: Origin, b: Origin): string => `
monitor: { bind: "127.0.0.1:${page}" }
frontends:
  web: { bind: "127.0.0.1:${web}", default: app }
backends:
  app: { servers: { a: "127.0.0.1:${a.port}", b: "127.0.0.1:${b.port}" } }
`;

async function get(weir: Weir, port: string, path: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${weir.port(port)}${path}`);
  return await answer.text();
}

test("what passes is counted, shown and exported, and an operator's word is obeyed", async (t) => {
  const a = await startOrigin(t);
  const b = await startOrigin(t);
  const weir = await startWeir(
    t,
    (ground) => configuration(ground.port("web"), ground.port("page"), a, b),
    { ports: ["web", "page"] },
  );
  for (let i = 0; i < 10; i++) await get(weir, "web", "/");
  assert.equal(a.requests + b.requests, 10);
  assert.equal(a.requests, 5);

  const metrics = await get(weir, "page", "/metrics");
  const value = (name: string) =>
    Number(
      metrics
        .split("\n")
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length + 1),
    );
  assert.equal(value('weir_frontend_requests_total{frontend="web"}'), 10);
  assert.equal(value('weir_frontend_responses_total{frontend="web",code="2xx"}'), 10);
  assert.equal(value('weir_server_requests_total{backend="app",server="a"}'), 5);
  assert.equal(value('weir_frontend_request_duration_seconds_count{frontend="web"}'), 10);
  assert.equal(value('weir_backend_response_time_seconds_count{backend="app"}'), 10);
  assert.equal(value('weir_server_active_requests{backend="app",server="a"}'), 0);

  const drained = await weir.cli("server", "drain", "app/a");
  assert.equal(drained.code, 0, drained.err);
  for (let i = 0; i < 4; i++) await get(weir, "web", "/");
  assert.equal(a.requests, 5);
  assert.equal((await weir.cli("server", "maint", "app/b")).code, 7);

  const status = JSON.parse(await get(weir, "page", "/api/v1/status")) as StatusDocument;
  const states = status.backends[0]!.servers.map((server) => [server.name, server.state]);
  assert.deepEqual(states, [
    ["a", "drain"],
    ["b", "unknown"],
  ]);
  assert.match((await weir.cli("status")).out, /app\/a +◆ drain/);
  assert.match((await weir.cli("top", "--once")).out, /in flight/);
  assert.equal(await get(weir, "page", "/readyz"), "ok\n");
  const post = await fetch(`http://127.0.0.1:${weir.port("page")}/api/v1/stop`, { method: "POST" });
  assert.equal(post.status, 403);
});

test("the page goes where a reload says", async (t) => {
  const a = await startOrigin(t);
  const weir = await startWeir(
    t,
    (ground) => configuration(ground.port("web"), ground.port("page"), a, a),
    { ports: ["web", "page", "other"] },
  );
  assert.equal(await get(weir, "page", "/livez"), "ok\n");
  weir.configure(configuration(weir.port("web"), weir.port("other"), a, a));
  assert.equal((await weir.cli("reload")).code, 0);
  assert.equal(await get(weir, "other", "/livez"), "ok\n");
  await assert.rejects(get(weir, "page", "/livez"));
  const { engine } = JSON.parse(await get(weir, "other", "/api/v1/status")) as StatusDocument;
  assert.equal(engine.generation, 2);
  weir.configure("frontends: {");
  assert.equal((await weir.cli("reload")).code, 3);
  const refused = JSON.parse(await get(weir, "other", "/api/v1/status")) as StatusDocument;
  assert.equal(refused.engine.reload.ok, false);
  assert.equal(refused.engine.generation, 2);
});
