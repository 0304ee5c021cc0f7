import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { get } from "node:http";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { startLoad } from "#kit/load.ts";
import { startOrigin } from "#kit/origin.ts";
import { startWeir } from "#kit/weir.ts";

interface Parts {
  readonly web: number;
  readonly origin: number;
  readonly more?: string;
  readonly servers?: string;
}

const configOf = ({ web, origin, more = "", servers = "" }: Parts): string => `
frontends:
  web: { bind: 127.0.0.1:${web}, default: app }
${more}
backends:
  app:
    servers: { a: 127.0.0.1:${origin}${servers} }
engine: { threads: 2 }
log: none
`;

const fetchText = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (more) => {
        text += more;
      });
      response.on("end", () => resolve(text));
    }).on("error", reject);
  });

/** An upgraded connection through the balancer to an origin that sends back what it gets. */
async function openTunnel(
  t: TestContext,
  port: number,
): Promise<(text: string) => Promise<string>> {
  const socket: Socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  socket.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
  const read = async (): Promise<string> => String((await once(socket, "data"))[0]);
  assert.match(await read(), /^HTTP\/1\.1 101 /);
  return async (text) => {
    const answer = read();
    socket.write(text);
    return answer;
  };
}

test("200 reloads under load, half of them broken, fail no request", async (t) => {
  const origin = await startOrigin(t);
  const ports = ["web", "api"];
  const weir = await startWeir(t, (g) => configOf({ web: g.port("web"), origin: origin.port }), {
    ports,
  });
  const parts = { web: weir.port(), origin: origin.port };
  const api = `  api: { bind: 127.0.0.1:${weir.port("api")}, default: app }`;
  const echo = await openTunnel(t, weir.port());
  const load = startLoad(t, weir.port(), 16);
  await load.more(100);
  let good = 0;
  for (let round = 0; round < 200; round++) {
    const broken = round % 2 === 1;
    const servers = round % 4 === 0 ? `, b${round}: 127.0.0.1:${origin.port}` : "";
    const text = configOf({ ...parts, servers, more: round % 8 < 4 ? api : "" });
    weir.configure(broken ? text.replace("default: app", "default: nowhere") : text);
    const answer = await weir.admin("/api/v1/reload", { method: "POST" });
    const result = JSON.parse(answer.text) as { ok: boolean; text: string };
    assert.equal(result.ok, !broken, result.text);
    if (result.ok) good++;
    else assert.match(result.text, /default: .*nowhere/);
  }
  assert.equal(good, 100);
  await load.more(100);
  const { failures } = await load.stop();
  assert.deepEqual(failures, []);
  assert.equal(await echo("still there"), "still there", "a tunnel through an unchanged frontend");
  const status = (await weir.adminJson("/api/v1/status")) as {
    engine: { generation: number; reload: { done: number; refused: number; ok: boolean } };
  };
  assert.equal(status.engine.generation, 101);
  const { done, refused, ok } = status.engine.reload;
  assert.deepEqual([done, refused, ok], [100, 100, false]);
});

test("frontends come and go with a reload; a taken address refuses all of it", async (t) => {
  const origin = await startOrigin(t);
  const stranger = await startOrigin(t);
  const weir = await startWeir(t, (g) => configOf({ web: g.port("web"), origin: origin.port }), {
    ports: ["web", "api"],
  });
  const parts = { web: weir.port(), origin: origin.port };
  const frontend = (port: number): string => `  api: { bind: 127.0.0.1:${port}, default: app }`;
  await assert.rejects(fetchText(weir.port("api")), { code: "ECONNREFUSED" });

  weir.configure(configOf({ ...parts, more: frontend(weir.port("api")) }));
  const reloaded = await weir.cli("reload");
  assert.deepEqual([reloaded.code, reloaded.err], [0, ""]);
  assert.match(reloaded.out, /^reloaded: 1 change in force \(generation 2, \d+ ms\)\n$/);
  assert.match(await fetchText(weir.port("api")), /hello/);

  weir.configure(configOf({ ...parts, more: frontend(stranger.port) }));
  const refused = await weir.cli("reload");
  assert.equal(refused.code, 3);
  assert.match(refused.err, /listen on 127\.0\.0\.1:\d+: EADDRINUSE/);
  assert.match(await fetchText(weir.port("api")), /hello/, "what was there stays");

  weir.configure(configOf(parts));
  assert.equal((await weir.cli("reload")).code, 0);
  await assert.rejects(fetchText(weir.port("api")), { code: "ECONNREFUSED" });
  assert.match(await fetchText(weir.port()), /hello/);
});

test("HUP and USR2 reload, a broken file is refused and said so", async (t) => {
  const origin = await startOrigin(t);
  const weir = await startWeir(t, (g) => configOf({ web: g.port("web"), origin: origin.port }));
  for (const signal of ["SIGHUP", "SIGUSR2"] as const) {
    weir.signal(signal);
    await weir.said(/Reload: nothing changed/, signal === "SIGHUP" ? 1 : 2);
  }
  appendFileSync(weir.configFile, "fronntends: {}\n");
  weir.signal("SIGHUP");
  await weir.said(/Reload: refused, the configuration before stays: 1 fault/);
  await weir.said(/did you mean "frontends"\?/);
  assert.match(await fetchText(weir.port()), /hello/);
  const { code, err } = await weir.cli("reload");
  assert.equal(code, 3);
  assert.match(err, /unknown keyword "fronntends"/);
});

test("what needs a restart is said, and left as it was", async (t) => {
  const origin = await startOrigin(t);
  const weir = await startWeir(t, (g) => configOf({ web: g.port("web"), origin: origin.port }));
  const text = configOf({ web: weir.port(), origin: origin.port });
  weir.configure(text.replace("threads: 2", "threads: 1, drain: 1s"));
  for (let twice = 0; twice < 2; twice++) {
    const { code, err } = await weir.cli("reload");
    assert.equal(code, 0);
    assert.match(err, /engine\.threads: going from 2 to 1 needs an upgrade or a restart/);
  }
  const status = (await weir.adminJson("/api/v1/status")) as { workers: unknown[] };
  assert.equal(status.workers.length, 2);
});
