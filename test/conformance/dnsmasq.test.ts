import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { createResolver, type ResolvedName } from "#io/resolver.ts";

/** A real name server, where dnsmasq is installed. */
const skip = ((): string | false => {
  try {
    execFileSync("dnsmasq", ["--version"], { stdio: "ignore" });
    return false;
  } catch {
    return "dnsmasq is not installed";
  }
})();

let server: ChildProcess | undefined;
let address = "";

/** A port nobody listens on now. */
async function freePort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

/** Starts the name server on a free port. False when somebody else took that meanwhile. */
async function startServer(): Promise<boolean> {
  const port = await freePort();
  address = `127.0.0.1:${port}`;
  server = spawn(
    "dnsmasq",
    [
      "--keep-in-foreground",
      "--conf-file=/dev/null",
      `--port=${port}`,
      "--listen-address=127.0.0.1",
      "--bind-interfaces",
      "--no-resolv",
      "--no-hosts",
      "--pid-file",
      "--log-facility=-",
      `--user=${process.getuid?.() === 0 ? "root" : ""}`,
      "--host-record=both.test,10.0.0.1,fd00::1,77",
      "--host-record=four.test,10.0.0.4,5",
      "--address=/missing.test/",
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  // It says that it has started once it listens.
  let said = "";
  for await (const chunk of server.stderr!) {
    said += chunk;
    if (said.includes("started")) return true;
  }
  assert.match(said, /Address already in use/);
  return false;
}

before(async () => {
  if (skip) return;
  for (let tries = 0; !(await startServer()); tries++) assert.ok(tries < 10, "no port is free");
});

after(async () => {
  if (!server || server.exitCode !== null) return;
  const ended = once(server, "exit");
  server.kill("SIGKILL");
  await ended;
});

const resolve = (host: string) =>
  new Promise<ResolvedName | string>((done) =>
    createResolver({
      servers: [address],
      hostsFile: "/dev/null",
      tryMs: 60_000,
      library: (_, found) => found("ENOTFOUND"),
    }).resolve(host, done),
  );

test("dnsmasq: addresses and TTLs of a real name server", { skip }, async () => {
  assert.deepEqual(await resolve("both.test"), {
    addresses: ["10.0.0.1", "fd00::1"],
    ttlMs: 77_000,
  });
  assert.deepEqual(await resolve("four.test"), { addresses: ["10.0.0.4"], ttlMs: 5000 });
});

test("dnsmasq: a name that is not there, and one it will not look for", { skip }, async () => {
  assert.equal(await resolve("missing.test"), "no such name");
  assert.equal(await resolve("elsewhere.example"), "the name server refused");
});
