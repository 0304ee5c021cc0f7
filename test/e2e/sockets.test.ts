import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync, statSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { startOrigin } from "#kit/origin.ts";
import { killNow } from "#kit/processes.ts";
import { until } from "#kit/until.ts";
import { startWeir } from "#kit/weir.ts";

const backend = (origin: number): string => `
backends:
  app: { servers: { a: 127.0.0.1:${origin} } }
`;

/** Status of one request to a port, or to a Unix socket. */
const statusOf = (where: { port: number } | { socketPath: string }, path = "/"): Promise<number> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", agent: false, path, ...where }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode!));
    });
    sent.on("error", reject).end();
  });

test("a Unix socket is served by all threads, with its mode, and goes with its frontend", async (t) => {
  const origin = await startOrigin(t);
  const text = (path: string, web: number) => `
frontends:
  local: { bind: { address: unix@${path}, mode: 600 }, default: app }
  web: { bind: 127.0.0.1:${web}, default: app }
${backend(origin.port)}
engine: { threads: 2 }
log: none
`;
  const weir = await startWeir(t, (g) => text(join(g.directory, "web.sock"), g.port("web")));
  const socketPath = join(weir.directory, "web.sock");
  assert.equal(statSync(socketPath).mode & 0o777, 0o600);
  for (let i = 0; i < 8; i++) assert.equal(await statusOf({ socketPath }), 200);
  await killNow(await weir.enginePid());
  assert.equal(await statusOf({ socketPath }), 200, "after a crash too");
  weir.configure(text(socketPath, weir.port()).replace(/ {2}local:.*\n/, ""));
  assert.equal((await weir.cli("reload")).code, 0);
  // A thread that has just begun after the crash may have the Plan later than the one that answers.
  await until("it is gone", () => !existsSync(socketPath));
  assert.equal((await weir.stop()).code, 0);
});

test("the access log goes to a file, and to a new one after HUP", async (t) => {
  const origin = await startOrigin(t);
  const weir = await startWeir(
    t,
    (g) => `
frontends:
  web: { bind: 127.0.0.1:${g.port("web")}, default: app }
${backend(origin.port)}
log: { format: combined, target: ${join(g.directory, "access.log")} }
`,
  );
  const file = join(weir.directory, "access.log");
  const lines = (path: string): number =>
    existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0;
  for (let i = 0; i < 5; i++) await statusOf({ port: weir.port() }, `/before/${i}`);
  await until("5 lines", () => lines(file) === 5);
  renameSync(file, `${file}.1`);
  weir.signal("SIGHUP");
  await weir.said(/Reload: nothing changed/);
  await statusOf({ port: weir.port() }, "/after");
  await until("the new file", () => lines(file) === 1);
  assert.equal(lines(`${file}.1`), 5);
  assert.match(readFileSync(file, "utf8"), /"GET \/after HTTP\/1\.1" 200/);
  await statusOf({ port: weir.port() }, "/last");
  assert.equal((await weir.stop()).code, 0);
  assert.equal(lines(file), 2, "the last line is written before the end");
});

test("the engine runs as the account it is told to", { skip: notRoot() }, async (t) => {
  const origin = await startOrigin(t);
  const weir = await startWeir(
    t,
    (g) => `
frontends:
  web: { bind: 127.0.0.1:${g.port("web")}, default: app }
${backend(origin.port)}
engine: { threads: 2, user: nobody }
log: none
`,
  );
  const uidOf = (pid: number): string =>
    /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]!;
  assert.equal(uidOf(await weir.enginePid()), "65534");
  assert.equal(uidOf(weir.pid), "0");
  assert.equal(await statusOf({ port: weir.port() }), 200);
  await killNow(await weir.enginePid());
  assert.equal(await statusOf({ port: weir.port() }), 200);
  assert.equal((await weir.stop()).code, 0);
});

test("two of them cannot share a port or an admin socket by mistake", async (t) => {
  const origin = await startOrigin(t);
  const config = (web: number) => `
frontends:
  web: { bind: 127.0.0.1:${web}, default: app }
${backend(origin.port)}
`;
  const weir = await startWeir(t, (g) => config(g.port("web")));
  const same = await weir.cli("run", "-f", weir.configFile, "--socket", `${weir.socket}2`);
  assert.equal(same.code, 1);
  assert.match(same.err, /listen on 127\.0\.0\.1:\d+: EADDRINUSE/);
  weir.configure(config(weir.port() + 1));
  const socket = await weir.cli("run", "-f", weir.configFile);
  assert.equal(socket.code, 1);
  assert.match(socket.err, /listen on unix@.*admin\.sock: EADDRINUSE/);
  assert.equal(await statusOf({ port: weir.port() }), 200);
  assert.equal(readFileSync(join(weir.directory, "weir.pid"), "utf8"), `${weir.pid}\n`);
});

function notRoot(): string | false {
  return process.getuid!() === 0 ? false : "only root can become somebody else";
}
