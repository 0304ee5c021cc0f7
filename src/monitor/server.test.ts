import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { MonitorServer } from "#control/api.ts";
import { openDoors } from "#kit/doors.ts";
import { FakeControl } from "#kit/fake-control.ts";
import { startMonitor } from "./server.ts";

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

let control: FakeControl;
let monitor: MonitorServer;
let folder: string;
let port: number;

/** Through the page's port, or through the admin socket. */
function ask(door: "page" | "admin", path: string, asked: Asked = {}): Promise<Got> {
  const where = door === "page" ? { host: "127.0.0.1", port } : { socketPath: join(folder, "s") };
  const { method = "GET", headers = {}, body } = asked;
  return new Promise((resolve, reject) => {
    const sent = request({ ...where, path, method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode!, headers: response.headers, text }),
      );
    });
    sent.on("error", reject).end(body);
  });
}

const post = (path: string, body: unknown): Promise<Got> =>
  ask("admin", path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

beforeEach(async () => {
  control = new FakeControl();
  folder = mkdtempSync(join(tmpdir(), "weir-monitor-"));
  const doors = openDoors(join(folder, "s"));
  port = doors.port;
  monitor = await startMonitor(control, doors.listeners);
});

afterEach(async () => {
  await monitor.close();
  rmSync(folder, { recursive: true });
});

describe("the page's port", () => {
  it("shows the page, its files and the status", async () => {
    const front = await ask("page", "/");
    assert.equal(front.status, 200);
    assert.match(front.headers["content-type"]!, /^text\/html/);
    assert.match(front.text, /<title>weir<\/title>/);
    assert.equal((await ask("page", "/main.js")).status, 200);
    const status = JSON.parse((await ask("page", "/api/v1/status")).text);
    assert.deepEqual(
      status.backends.map((b: { name: string }) => b.name),
      ["app", "api"],
    );
    const head = await ask("page", "/api/v1/status", { method: "HEAD" });
    assert.equal(head.status, 200);
    assert.equal(head.text, "");
  });

  it("serves nothing but its own files", async () => {
    for (const path of ["/../server.ts", "/..%2fserver.ts", "/web.test.ts", "/%00", "/%zz"]) {
      assert.equal((await ask("page", path)).status, 404, path);
    }
  });

  it("answers only to addresses and localhost, against DNS rebinding", async () => {
    const good = ["localhost", "LOCALHOST:8404", "127.0.0.1", "10.1.2.3:8404", "[::1]:8404"];
    const bad = ["evil.example", "localhost.evil.example:8404", "127.0.0.1.evil.example", "a b"];
    for (const host of good) {
      assert.equal((await ask("page", "/livez", { headers: { host } })).status, 200, host);
    }
    for (const host of bad) {
      assert.equal((await ask("page", "/livez", { headers: { host } })).status, 403, host);
    }
  });

  it("does not tell who is connected", async () => {
    const path = "/api/v1/director/connections";
    assert.equal((await ask("page", path)).status, 403);
    assert.equal((await ask("page", "/api/v1/director")).status, 200);
  });

  it("changes nothing, whoever asks", async () => {
    for (const path of ["/api/v1/reload", "/api/v1/stop", "/api/v1/servers/app/a"]) {
      for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
        assert.equal((await ask("page", path, { method })).status, 403);
      }
      assert.equal((await ask("page", path)).status, 405);
    }
    assert.deepEqual(control.stops, []);
    assert.equal(control.lastReload, undefined);
  });

  it("lets no page of another site read it", async () => {
    const headers = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" };
    assert.equal((await ask("page", "/api/v1/status", { headers })).status, 403);
    const visit = { ...headers, "sec-fetch-mode": "navigate" };
    assert.equal((await ask("page", "/", { headers: visit })).status, 200);
  });

  it("sends its safety headers with everything", async () => {
    for (const path of ["/", "/nothing/here", "/metrics", "/api/v1/reload"]) {
      const { headers } = await ask("page", path);
      const policy = String(headers["content-security-policy"]);
      assert.match(policy, /^default-src 'self'/);
      assert.doesNotMatch(policy, /unsafe/);
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.equal(headers["cache-control"], "no-store");
      assert.equal(headers["access-control-allow-origin"], undefined);
    }
  });

  it("goes with the listeners of a reload", async () => {
    const doors = openDoors(join(folder, "t"));
    const old = port;
    port = doors.port;
    monitor.update(doors.listeners);
    assert.equal((await ask("page", "/livez")).status, 200);
    port = old;
    await assert.rejects(ask("page", "/livez"), /ECONNREFUSED/);
  });
});

describe("the admin socket", () => {
  it("changes servers, and says why not", async () => {
    control.timers.advance(5000);
    const drained = await post("/api/v1/servers/app/a", { admin: "drain", weight: 7 });
    assert.equal(drained.status, 200);
    const { backends } = JSON.parse((await ask("admin", "/api/v1/status")).text);
    assert.equal(backends[0].servers[0].state, "drain");
    assert.equal(backends[0].servers[0].weight, 7);
    const last = await post("/api/v1/servers/app/b", { admin: "maint" });
    assert.equal(last.status, 409);
    assert.equal(JSON.parse(last.text).code, "SAFETY_REFUSED");
    assert.equal(
      (await post("/api/v1/servers/app/b", { admin: "maint", force: true })).status,
      200,
    );
    assert.equal((await post("/api/v1/servers/app/a", { admin: null })).status, 200);
  });

  it("names what is wrong with a request", async () => {
    const cases: [string, unknown, RegExp][] = [
      ["/api/v1/servers/app/zz", { admin: "drain" }, /no server app\/zz/],
      ["/api/v1/servers/app/a", { wieght: 3 }, /unknown keyword \\"wieght\\"/],
      ["/api/v1/servers/app/a", { weight: 9999 }, /weight: .*0 to 256/],
      ["/api/v1/servers/app/a", [], /map/],
      ["/api/v1/stop", { mode: "soon" }, /graceful, quick, now/],
    ];
    for (const [path, body, message] of cases) {
      const { status, text } = await post(path, body);
      assert.equal(status, 400, text);
      assert.match(text, message);
    }
  });

  it("takes bounded JSON and nothing else", async () => {
    const send = (body: string, type: string) =>
      ask("admin", "/api/v1/stop", { method: "POST", headers: { "content-type": type }, body });
    assert.equal((await send("mode=now", "application/x-www-form-urlencoded")).status, 400);
    assert.equal((await send("{", "application/json")).status, 400);
    assert.equal((await send(" ".repeat(65_537), "application/json")).status, 413);
    assert.deepEqual(control.stops, []);
    assert.equal((await send('{"mode":"now"}', "application/json")).status, 202);
    assert.equal((await post("/api/v1/stop", { drain: "2s" })).status, 202);
    assert.deepEqual(control.stops, ["now", "graceful 2000 ms"]);
  });

  it("reloads, and hands on the faults of a refused configuration", async () => {
    assert.equal((await post("/api/v1/reload", {})).status, 200);
    control.reloadResult = { ok: false, message: "1 fault", text: "weir.yaml:1:1: error" };
    const refused = await post("/api/v1/reload", {});
    assert.equal(refused.status, 422);
    const { code, text } = JSON.parse(refused.text);
    assert.equal(code, "CONFIG_INVALID");
    assert.equal(text, "weir.yaml:1:1: error");
    const { engine } = JSON.parse((await ask("admin", "/api/v1/status")).text);
    assert.equal(engine.reload.ok, false);
  });
});

describe("probes", () => {
  it("are ready while it runs, and not while it drains", async () => {
    assert.equal((await ask("page", "/readyz")).status, 200);
    control.state = "draining";
    const { status, text } = await ask("page", "/readyz");
    assert.equal(status, 503);
    assert.match(text, /draining/);
    assert.equal((await ask("page", "/livez")).status, 200);
    const { text: verbose } = await ask("page", "/healthz?verbose");
    assert.match(verbose, /^\[-\] engine: the engine is draining\n\[\+\] workers: 2 of 2/);
  });
});

describe("the stream", () => {
  it("sends the status once, then what changes, and events", async () => {
    const frames: string[] = [];
    let wanted = (): void => {};
    const until = (count: number) =>
      new Promise<void>((resolve) => {
        wanted = () => frames.length >= count && resolve();
        wanted();
      });
    const sent = request({ host: "127.0.0.1", port, path: "/api/v1/stream", agent: false });
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        const parts = (text += chunk).split("\n\n");
        text = parts.pop()!;
        frames.push(...parts);
        wanted();
      });
      response.on("error", () => {});
    });
    sent.on("error", () => {}).end();
    await until(1);
    assert.match(frames[0]!, /^event: status\ndata: \{"version"/);
    control.timers.advance(1000);
    control.serve(50);
    control.timers.advance(1000);
    await until(3);
    const delta = JSON.parse(frames[2]!.replace(/^event: delta\ndata: /, ""));
    assert.equal(delta.traffic.requestsPerSecond, 50);
    assert.equal(delta.version, undefined);
    control.say("engine", "", "something\nhappened");
    await until(4);
    assert.match(frames[3]!, /^event: event\ndata: \{.*"text":"something\\nhappened"\}$/);
    sent.destroy();
  });
});
