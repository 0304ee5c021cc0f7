import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, it } from "node:test";
import type { MonitorServer, TracedPacket } from "#control/api.ts";
import { runCli } from "#kit/cli.ts";
import { openDoors } from "#kit/doors.ts";
import { FakeControl } from "#kit/fake-control.ts";
import { until } from "#kit/until.ts";
import { startMonitor } from "#monitor/server.ts";
import { EXIT } from "./exit-codes.ts";

const CONFIG = `
director: { interfaces: eth0, pins: weir-test-none }
services:
  web: { bind: 192.0.2.1:80, method: dr, backend: app }
  dns: { bind: 192.0.2.1:53, protocol: udp, method: dr, backend: app }
backends: { app: { balance: wlc, servers: { a: 10.0.0.1:80 } } }
`;

let control: FakeControl;
let monitor: MonitorServer;
let folder: string;

const weir = (...words: string[]) => runCli(join(folder, "s"), ...words);

async function serve(config: string): Promise<void> {
  await monitor?.close();
  control = new FakeControl(config);
  monitor = await startMonitor(control, openDoors(join(folder, "s")).listeners);
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "weir-cli-"));
  await serve(CONFIG);
});

afterEach(async () => {
  await monitor.close();
  rmSync(folder, { recursive: true });
});

it("status has services, and shouts when their packets are not taken", async () => {
  const { out } = await weir("status");
  assert.match(out, /\nweb +tcp 192\.0\.2\.1:80 +dr +wlc +1\/1 +0 +0 +0 +0 B +0 B\n/);
  const top = await weir("top", "--once");
  assert.match(top.out, /\nweb +tcp 192\.0\.2\.1:80 +dr +wlc +1\/1 /);
  control.directorChange = { problem: "no BPF here", services: [] };
  assert.match((await weir("status")).out, /▼ layer 4: no BPF here/);
  const { code, out: why } = await weir("healthcheck");
  assert.deepEqual([code, why], [EXIT.FAILED, "not ready: no BPF here\n"]);
});

it("status and l4 list say what is wrong with the connection table", async () => {
  control.directorChange = { connections: { count: 5, size: 1024, wanted: 4096 } };
  const text = "The connection table keeps the 1024 entries it was made with, not";
  assert.ok((await weir("status")).out.includes(`▼ layer 4: ${text}`));
  assert.ok((await weir("l4", "list")).err.startsWith(`warning: ${text}`));
  control.directorChange = { connections: { count: 1000, size: 1024, wanted: 1024 } };
  assert.match((await weir("status")).out, /▼ layer 4: The connection table is 97% full \(1000 of/);
});

it("l4 list takes a name or an address", async () => {
  const all = await weir("l4", "list", "-n");
  assert.match(all.out, /TCP {2}192\.0\.2\.1:80 wlc\n {2}-> 10\.0\.0\.1:80 +Route/);
  assert.match(all.out, /UDP {2}192\.0\.2\.1:53 wlc\n/);
  for (const wanted of ["dns", "192.0.2.1:53"]) {
    const { out } = await weir("l4", "list", wanted);
    assert.match(out, /UDP/);
    assert.doesNotMatch(out, /TCP/);
  }
  const { code, err } = await weir("l4", "list", "wbe");
  assert.deepEqual(
    [code, err],
    [EXIT.USAGE, 'weir: there is no service "wbe"; did you mean "web"?\n'],
  );
  assert.equal((await weir("l4", "list", "--stats", "--rate")).code, EXIT.USAGE);
  const { services } = JSON.parse((await weir("l4", "list", "dns", "--json")).out);
  assert.deepEqual(
    services.map(({ name }: { name: string }) => name),
    ["dns"],
  );
});

it("l4 rates, connections and save", async () => {
  assert.match((await weir("l4", "rates", "--once")).out, /web +TCP 192\.0\.2\.1:80 +1 +0 +0/);
  const frame = (await weir("l4", "rates", "--once", "--json")).out;
  assert.equal(JSON.parse(frame).services.length, 2);
  const line = "-A -t 192.0.2.1:80 -s wlc";
  assert.equal((await weir("l4", "save", "-n")).out.split("\n")[0], line);
  assert.equal(JSON.parse((await weir("l4", "save", "--json")).out)[0], line);
  control.tracked = Array.from({ length: 3 }, (_, i) => ({
    protocol: 6,
    state: "SYN_RECV",
    serviceName: "web",
    ...{ client: "198.51.100.1", clientPort: 1000 + i, service: "192.0.2.1", servicePort: 80 },
    ...{ server: "10.0.0.1", serverPort: 80, expiresMs: 60_000, packets: 1 },
  }));
  const { out, err } = await weir("l4", "connections", "--limit", "2", "--service", "web");
  assert.match(
    out,
    /\nTCP 01:00 {2}SYN_RECV +198\.51\.100\.1:1000 +192\.0\.2\.1:80 +10\.0\.0\.1:80\n/,
  );
  assert.equal(out.split("\n").length, 5);
  assert.equal(err, "(there may be more)\n");
  assert.equal((await weir("l4", "connections", "--client", "me")).code, EXIT.USAGE);
  assert.equal(JSON.parse((await weir("l4", "connections", "--json")).out).complete, true);
});

it("without services there is nothing to list, and that is said", async () => {
  await serve(
    "frontends: { web: { bind: ':80', default: a } }\nbackends: { a: { servers: { a: 10.0.0.1:80 } } }",
  );
  const { code, out, err } = await weir("l4", "list");
  assert.equal(code, EXIT.OK);
  assert.equal(out.split("\n").length, 4);
  assert.equal(err, "warning: no service is configured\n");
});

it("director flush is refused under a weir with services", async () => {
  const { code, err } = await weir("director", "flush", "--pins", "weir-test-none");
  assert.equal(code, EXIT.SAFETY);
  assert.match(err, /weir stop --flush/);
  const forced = await weir("director", "flush", "--pins", "weir-test-none", "--force");
  assert.deepEqual(forced, {
    code: EXIT.OK,
    out: "there is no director weir-test-none in the kernel\n",
    err: "",
  });
  const nobody = ["--socket", join(folder, "nobody"), "--pins", "weir-test-none"];
  assert.equal((await weir("director", "flush", ...nobody)).code, EXIT.OK);
  assert.equal((await weir("director", "flush", "--pins", "../x")).code, EXIT.USAGE);
  assert.equal((await weir("stop", "--flush", "--no-wait")).code, EXIT.USAGE);
});

it("director prepare wants an account", async () => {
  const prepare = (...words: string[]) => weir("director", "prepare", ...words);
  assert.equal((await prepare()).code, EXIT.USAGE);
  assert.equal((await prepare("--user", "no/body")).code, EXIT.USAGE);
  assert.match((await prepare("--user", "weir-no-body")).err, /there is no account weir-no-body/);
});

it("l4 maps: of a running weir, or of names in the kernel", async () => {
  const none = await weir("l4", "maps");
  assert.deepEqual(
    [none.code, none.err],
    [EXIT.USAGE, "weir: that weir has no director in the kernel\n"],
  );
  const table = { name: "connections", kind: "lru_hash", used: 3, size: 1024, rowBytes: 72 };
  const ring = { name: "events", kind: "ringbuf", used: null, size: 4096, rowBytes: 0 };
  control.directorTables = [
    { ...table, memoryBytes: 131_072, purpose: "connections" },
    { ...ring, memoryBytes: 12_288, purpose: "what is told of packets" },
  ];
  const { out } = await weir("l4", "maps");
  assert.match(out, /^connections +lru_hash +3 +1024 +72 B +131 kB +connections$/m);
  assert.match(out, /^events +ringbuf +- +4096 +- +12\.3 kB /m);
  assert.match(out, /\n143 kB in all\n$/);
  control.directorTables = control.directorTables.map((one) =>
    one.name === "connections" ? { ...one, wanted: 4096 } : one,
  );
  assert.match(
    (await weir("l4", "maps")).out,
    /\nconnections keeps 1024 rows, wanted: 4096\. `weir director flush` has them made anew/,
  );
  const { tables } = JSON.parse((await weir("l4", "maps", "--json")).out);
  assert.deepEqual(tables, control.directorTables);
  const pinned = await weir("l4", "maps", "--pins", "weir-test-none");
  assert.match(pinned.err, /there is no director weir-test-none in the kernel|may not look/);
});

const PACKET: TracedPacket = {
  at: Date.UTC(2026, 0, 1, 12, 30, 5, 250),
  ...{ what: "new", reason: undefined, protocol: 6, flags: "S", state: "SYN_RECV", bytes: 60 },
  ...{ client: "198.51.100.1", clientPort: 1000, address: "192.0.2.1", port: 80 },
  ...{ service: "web", server: "a", serverAddress: "10.0.0.1:80" },
};

it("l4 trace: a line a packet, until it ends", async () => {
  const running = weir("l4", "trace", "--client", "198.51.100.1", "--count", "3");
  await until("somebody looks on", () => control.traceSink !== undefined);
  assert.deepEqual(control.wishes, [
    { client: "198.51.100.1", service: undefined, count: 3, seconds: 30 },
  ]);
  const sink = control.traceSink!;
  sink.packets([PACKET, { ...PACKET, what: "reply", flags: "SA", clientPort: 1001 }]);
  sink.packets([{ ...PACKET, what: "rejected", reason: "NO_SERVER", server: "", state: "" }]);
  sink.end({ why: "3 packets", leftOut: 2 });
  const { code, out, err } = await running;
  assert.equal(code, EXIT.OK);
  assert.deepEqual(
    out.split("\n").map((line) => line.replace(/^\d\d:\d\d:05\.250000 /, "")),
    [
      "TCP 198.51.100.1:1000 > 192.0.2.1:80 [S] 60 B web new connection → a 10.0.0.1:80 SYN_RECV",
      "TCP 198.51.100.1:1001 < 192.0.2.1:80 [SA] 60 B web reply ← a 10.0.0.1:80 SYN_RECV",
      "TCP 198.51.100.1:1000 > 192.0.2.1:80 [S] 60 B web rejected: no server",
      "",
    ],
  );
  assert.equal(err, "(3 packets; 2 packets were too many to be shown)\n");
});

it("l4 trace: who leaves ends it, and only one may look", async () => {
  const abort = new AbortController();
  const left = fetchLines(abort.signal);
  await until("somebody looks on", () => control.traceSink !== undefined);
  abort.abort();
  await left;
  await until("nobody does", () => control.traceSink === undefined);
  const message = "somebody traces already";
  control.traceRefusal = { ok: false, code: "RESOURCE_EXHAUSTED", message };
  const { code, err } = await weir("l4", "trace");
  assert.deepEqual([code, err], [EXIT.FAILED, `weir: ${message}\n`]);
});

/** Asks for a trace as somebody who may go away. */
function fetchLines(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const path = "/api/v1/director/trace";
    request({ socketPath: join(folder, "s"), path, signal }, (response) => {
      response.on("error", () => resolve()).resume();
    })
      .on("error", () => resolve())
      .end();
  });
}
