/**
 * Who may change what: the admin socket's file mode decides, the TCP port only shows, nothing
 * changes by GET, other sites' pages and names that resolve to us are refused, secrets stay unseen.
 */
import assert from "node:assert/strict";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { RawClient } from "#kit/raw-client.ts";
import { type Finished, runWeir, startWeir, type Weir } from "#kit/weir.ts";
import type { StatusDocument } from "#monitor/document.ts";
import { routes } from "#monitor/routes/index.ts";

const CHANGES = routes.filter(({ method }) => method === "POST").map(({ path }) => path);
const SHOWS = routes.filter(({ method }) => method === "GET").map(({ path }) => path);

const site = (web: number, page: number, more = ""): string => `
monitor: { bind: "127.0.0.1:${page}" }
log: none
frontends:
  web: { bind: "127.0.0.1:${web}", default: app${more} }
backends:
  app: { servers: { a: "127.0.0.1:9", b: "127.0.0.1:9" } }
`;

const start = (t: TestContext, more = ""): Promise<Weir> =>
  startWeir(t, (g) => site(g.port("web"), g.port("page"), more), { ports: ["web", "page"] });

/** A route's path with names of what is there. */
const filled = (path: string): string =>
  path
    .replace("{backend}", "app")
    .replace("{server}", "a")
    .replace("{frontend}", "web")
    .replace("{file}", "index.html");

/** What an operator could have changed, as it is now. */
async function state(weir: Weir): Promise<unknown> {
  const status = (await weir.adminJson("/api/v1/status")) as StatusDocument;
  return {
    pid: status.engine.pid,
    state: status.engine.state,
    generation: status.engine.generation,
    reloads: status.engine.reload.done + status.engine.reload.refused,
    frontends: status.frontends.map((f) => [f.state, f.maxConnections]),
    servers: status.backends[0]!.servers.map((s) => [s.admin, s.weight, s.maxConnections]),
  };
}

interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

function ask(
  weir: Weir,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = "",
): Promise<Page> {
  return new Promise((resolve, reject) => {
    const port = weir.port("page");
    const sent = request({ host: "127.0.0.1", port, path, method, headers, agent: false });
    sent.on("error", reject).on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
        // A stream of events has no end.
        if (path.endsWith("/stream")) response.destroy();
      });
      response.on("close", () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: text }),
      );
    });
    sent.end(body);
  });
}

test("the TCP port changes nothing, by whatever method", async (t) => {
  const weir = await start(t);
  const before = await state(weir);
  assert.ok(CHANGES.length >= 5);
  for (const path of CHANGES.map(filled)) {
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]) {
      const headers = { "content-type": "application/json" };
      const { status } = await ask(weir, method, path, headers, '{"admin":"maint","force":true}');
      // Node takes the body of a method that usually has none for a broken next request.
      assert.ok(status === 403 || status === 400, `${method} ${path}: ${status}`);
    }
    for (const query of ["", "?_method=POST", "?admin=maint&force=true"]) {
      const headers = { "x-http-method-override": "POST" };
      assert.equal((await ask(weir, "GET", path + query, headers)).status, 405, path + query);
    }
  }
  assert.deepEqual(await state(weir), before);
});

test("nothing changes by GET on the admin socket either", async (t) => {
  const weir = await start(t);
  const before = await state(weir);
  for (const path of CHANGES.map(filled)) assert.equal((await weir.admin(path)).status, 405, path);
  for (const path of SHOWS.map(filled)) {
    if (!path.endsWith("/stream")) await weir.admin(path);
    await ask(weir, "GET", path);
  }
  assert.deepEqual(await state(weir), before);
});

test("pages of other sites, and names that resolve to us, are shown nothing", async (t) => {
  const weir = await start(t);
  const path = "/api/v1/status";
  const page = weir.port("page");
  for (const host of ["127.0.0.1", `127.0.0.1:${page}`, `localhost:${page}`, "[::1]:1"]) {
    assert.equal((await ask(weir, "GET", path, { host })).status, 200, host);
  }
  for (const host of [
    "evil.example",
    `evil.example:${page}`,
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "127.0.0.1@evil.example",
    "0x7f000001",
    "127.1",
    "localhost,evil.example",
  ]) {
    const { status, body } = await ask(weir, "GET", path, { host });
    assert.ok(status === 403 || status === 400, `${host}: ${status}`);
    assert.doesNotMatch(body, /generation/);
  }
  const cross = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" };
  assert.equal((await ask(weir, "GET", path, cross)).status, 403);
  const { headers } = await ask(weir, "GET", "/", { origin: "https://evil.example" });
  assert.equal(headers["access-control-allow-origin"], undefined);
  assert.match(String(headers["content-security-policy"]), /default-src 'self'/);
  assert.doesNotMatch(String(headers["content-security-policy"]), /unsafe/);
  assert.equal(headers["x-frame-options"], "DENY");
  assert.equal(headers["set-cookie"], undefined);
});

test("the admin socket is the owner's and his group's, and so is its directory", async (t) => {
  const weir = await start(t);
  assert.equal(statSync(weir.socket).mode & 0o777, 0o660);
  const socket = join(weir.directory, "made", "here", "admin.sock");
  const other = await startWeir(t, (g) => site(g.port("web"), g.port("page")), {
    ports: ["web", "page"],
    env: { WEIR_SOCKET: socket },
  });
  assert.equal(statSync(socket).mode & 0o777, 0o660);
  assert.equal(statSync(dirname(socket)).mode & 0o022, 0);
  await other.stop();
  assert.deepEqual(readdirSync(join(weir.directory, "made")), []);
});

test("bodies are bounded, and must be what they say", async (t) => {
  const weir = await start(t);
  const before = await state(weir);
  const path = "/api/v1/servers/app/a";
  const post = async (fields: string, body: string): Promise<string> => {
    const socket = connect(weir.socket);
    t.after(() => socket.destroy());
    let text = "";
    socket.setEncoding("utf8").on("error", () => {});
    socket.on("data", (part: string) => {
      text += part;
    });
    socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n\r\n`);
    for (let at = 0; at < body.length && !socket.destroyed; at += 65_536) {
      socket.write(body.slice(at, at + 65_536));
    }
    socket.end();
    await new Promise((resolve) => socket.on("close", resolve));
    return text.slice(0, 12);
  };
  const json = "Content-Type: application/json";
  const big = `{"admin":"maint","x":"${"y".repeat(4_000_000)}"}`;
  assert.equal(await post(`${json}\r\nContent-Length: ${big.length}`, big), "HTTP/1.1 413");
  const chunk = `${big.length.toString(16)}\r\n${big}\r\n`;
  assert.equal(await post(`${json}\r\nTransfer-Encoding: chunked`, chunk), "HTTP/1.1 413");
  for (const [fields, body] of [
    ["Content-Type: text/plain", '{"admin":"maint"}'],
    ["Content-Type: application/x-www-form-urlencoded", "admin=maint"],
    ["X: y", '{"admin":"maint"}'],
    [json, "{"],
    [json, "[]"],
    [json, '"maint"'],
    [json, '{"admin":"MAINT"}'],
    [json, '{"admin":"maint","admn":"drain"}'],
    [json, '{"__proto__":{"admin":"maint"}}'],
    [json, '{"weight":1e99}'],
    [json, '{"weight":-1}'],
    [json, "[".repeat(30_000)],
  ] as const) {
    const answer = await post(`${fields}\r\nContent-Length: ${body.length}`, body);
    assert.equal(answer, "HTTP/1.1 400", `${fields} ${body.slice(0, 40)}`);
  }
  const twice = `${json}\r\nContent-Length: 17\r\nTransfer-Encoding: chunked`;
  assert.equal(await post(twice, '{"admin":"maint"}'), "HTTP/1.1 400");
  assert.deepEqual(await state(weir), before);
});

test("a crowd at the page does not keep commands out", async (t) => {
  const weir = await start(t);
  const crowd = Array.from({ length: 400 }, () => RawClient.connect(t, weir.port("page")));
  const clients = (await Promise.allSettled(crowd)).flatMap((r) =>
    r.status === "fulfilled" ? [r.value] : [],
  );
  for (const client of clients)
    client.send("GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  assert.equal((await weir.admin("/livez")).status, 200);
  assert.equal((await weir.cli("status")).code, 0);
  for (const client of clients) client.destroy();
});

test("addresses that others reach are refused for the page", async (t) => {
  const weir = await start(t);
  const config = join(weir.directory, "other.yaml");
  for (const bind of ["0.0.0.0:8404", '"[::]:8404"', "192.0.2.1:8404", '":8404"', '"*:8404"']) {
    const text = site(weir.port(), 1, "").replace(/bind: "127.0.0.1:1"/, `bind: ${bind}`);
    writeFileSync(config, text);
    const { code, err } = await runWeir(["check", "-f", config]);
    assert.equal(code, 3, `${bind}: ${err}`);
  }
  weir.configure(site(weir.port(), weir.port("page")).replace('"127.0.0.1:', '"0.0.0.0:'));
  assert.equal((await weir.cli("reload")).code, 3);
  assert.equal((await ask(weir, "GET", "/livez")).status, 200);
});

const SECRET = "hunter2-hunter2-hunter2";

/** A value that the configuration takes from elsewhere. */
const taken = (from: string): string => `"$\{${from}}"`;

test("secrets are shown by no command, log, answer or fault", async (t) => {
  const weir = await startWeir(
    t,
    (g) => {
      writeFileSync(join(g.directory, "secret"), `${SECRET}\n`, { mode: 0o600 });
      const rules = `, rules: [{ setHeader: { Authorization: ${taken(`file:${g.directory}/secret`)} } }]`;
      return site(g.port("web"), g.port("page"), rules);
    },
    { ports: ["web", "page"], env: { API_TOKEN: SECRET } },
  );
  const seen: string[] = [];
  const note = ({ out, err }: Finished): void => void seen.push(out, err);
  for (const path of SHOWS.map(filled)) seen.push((await ask(weir, "GET", path)).body);
  note(await weir.cli("status", "--json"));
  const explain = ["explain", "-f", weir.configFile, "GET", "http://a.example/"];
  note(await weir.cli(...explain));
  note(await weir.cli(...explain, "--json"));
  weir.configure(
    site(
      weir.port(),
      weir.port("page"),
      `, maxConnections: ${taken(`file:${weir.directory}/secret`)}, maxBody: ${taken("API_TOKEN")}`,
    ),
  );
  const broken = await weir.cli("reload");
  assert.equal(broken.code, 3);
  assert.match(broken.err, /maxConnections/);
  note(broken);
  note(await weir.cli("check", "-f", weir.configFile));
  note(await weir.cli("status"));
  seen.push((await weir.admin("/api/v1/events")).text, weir.err, weir.out);
  assert.ok(seen.join("").length > 1000);
  for (const text of seen) assert.doesNotMatch(text, /hunter2/);
});
