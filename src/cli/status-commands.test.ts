import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { MonitorServer } from "#control/api.ts";
import { runCli } from "#kit/cli.ts";
import { openDoors } from "#kit/doors.ts";
import { FakeControl } from "#kit/fake-control.ts";
import { startMonitor } from "#monitor/server.ts";
import { EXIT } from "./exit-codes.ts";

let control: FakeControl;
let monitor: MonitorServer;
let folder: string;

const weir = (...words: string[]) => runCli(join(folder, "s"), ...words);

beforeEach(async () => {
  control = new FakeControl();
  folder = mkdtempSync(join(tmpdir(), "weir-cli-"));
  monitor = await startMonitor(control, openDoors(join(folder, "s")).listeners);
  control.timers.advance(5000);
});

afterEach(async () => {
  await monitor.close();
  rmSync(folder, { recursive: true });
});

describe("weir status", () => {
  it("shows the whole of it", async () => {
    control.serve(42);
    control.timers.advance(1000);
    const { code, out } = await weir("status");
    assert.equal(code, EXIT.OK);
    assert.match(out, /^weir 0\.0\.0-test {2}● running, configuration 1, up /);
    assert.match(out, /www +● open +127\.0\.0\.1:8080 +0\/20\.0k +42 /);
    assert.match(out, /app\/a +● up +10\.0\.0\.1:80 +1 +0 +0 +42 .*connection accepted in 10 ms/);
  });

  it("says where layer 4 takes packets", async () => {
    assert.doesNotMatch((await weir("status")).out, /layer 4/);
    control.apply(`
director: { interfaces: [eth0, eth1, eth2] }
services: { web: { bind: 192.0.2.1:80, method: dr, backend: app } }
backends: { app: { servers: { a: 10.0.0.1:80 } } }
`);
    control.directorChange = {
      interfaces: [
        { device: "eth0", hook: "tcx", problem: undefined },
        { device: "eth1", hook: "clsact", problem: undefined },
        { device: "eth2", hook: undefined, problem: "there is none" },
      ],
      xdp: { packets: 0, interfaces: [{ device: "eth0", problem: undefined }] },
    };
    const { out } = await weir("status");
    assert.match(out, /^layer 4 takes packets of eth0 by XDP \(native\) and tcx, eth1 by clsact$/m);
    assert.match(out, /packets of eth2 are not taken: there is none/);
  });

  it("is the API's document with --json", async () => {
    const { out } = await weir("status", "--json");
    assert.equal(JSON.parse(out).backends.length, 2);
  });

  it("shouts when a reload was refused or a backend is empty", async () => {
    control.reloadResult = { ok: false, message: "2 faults" };
    await control.reload();
    control.setServer("api", "c", { admin: "maint", force: true });
    const { out } = await weir("status");
    assert.match(out, /▼ the last reload was refused: 2 faults/);
    assert.match(out, /▼ backend api has no server left/);
  });

  it("ends with 6 when nobody answers", async () => {
    const { code, err } = await weir("status", "--socket", join(folder, "nobody"));
    assert.equal(code, EXIT.UNREACHABLE);
    assert.match(err, /no weir runs there/);
  });
});

describe("weir healthcheck", () => {
  it("is 0 when ready, 1 when not, 6 when nobody answers", async () => {
    assert.deepEqual(await weir("healthcheck"), { code: EXIT.OK, out: "ready\n", err: "" });
    control.state = "draining";
    const { code, out } = await weir("healthcheck");
    assert.equal(code, EXIT.FAILED);
    assert.match(out, /^not ready: the engine is draining/);
    const nobody = await weir("healthcheck", "--socket", join(folder, "nobody"));
    assert.deepEqual([nobody.code, nobody.out], [EXIT.UNREACHABLE, ""]);
  });

  it("says it with --json too", async () => {
    assert.equal((await weir("healthcheck", "--json")).out, '{"ready":true,"why":[]}\n');
    control.state = "draining";
    const { ready, why } = JSON.parse((await weir("healthcheck", "--json")).out);
    assert.deepEqual([ready, why[0]], [false, "the engine is draining"]);
  });
});

describe("weir server", () => {
  it("lists one backend or all", async () => {
    assert.equal((await weir("server", "list")).out.split("\n").length, 5);
    assert.equal((await weir("server", "list", "api")).out.split("\n").length, 3);
    const { code, err } = await weir("server", "list", "appp");
    assert.equal(code, EXIT.USAGE);
    assert.match(err, /did you mean "app"/);
  });

  it("says what changed and how to undo it", async () => {
    const drained = await weir("server", "drain", "app/a");
    assert.equal(drained.code, EXIT.OK);
    assert.match(drained.out, /^app\/a: ready → drain; 0 requests under way go on\n/);
    assert.match(drained.out, /undo: weir server ready app\/a\n$/);
    assert.match((await weir("server", "drain", "a")).out, /drain already/);
    assert.match((await weir("server", "ready", "a")).out, /drain → ready; it takes requests/);
    assert.match((await weir("server", "weight", "a", "7")).out, /weight 1 → weight 7; .*/);
    assert.equal(control.health()[0]!.servers[0]!.weight, 7);
  });

  it("refuses the last server with 7, unless forced", async () => {
    const refused = await weir("server", "maint", "api/c");
    assert.equal(refused.code, EXIT.SAFETY);
    assert.match(refused.err, /last usable server/);
    assert.equal((await weir("server", "maint", "api/c", "--force")).code, EXIT.OK);
  });

  it("changes nothing in a dry run", async () => {
    const { out } = await weir("server", "maint", "app/a", "--dry-run");
    assert.match(out, /^would go: app\/a: ready → maint/);
    assert.equal(control.health()[0]!.servers[0]!.admin, "ready");
  });

  it("knows a slip of the pen", async () => {
    const { code, err } = await weir("server", "drain", "app/aa");
    assert.equal(code, EXIT.USAGE);
    assert.match(err, /did you mean "app\/a"/);
    assert.equal((await weir("server", "weight", "a", "1000")).code, EXIT.USAGE);
  });
});

describe("weir top", () => {
  it("prints one frame with --once", async () => {
    control.serve(12);
    control.timers.advance(1000);
    const { code, out } = await weir("top", "--once");
    assert.equal(code, EXIT.OK);
    assert.match(out, /12 req\/s {3}0 in flight/);
    assert.match(out, /█ req\/s, last minute/);
  });

  it("prints a frame as one line of JSON with --json", async () => {
    const { code, out } = await weir("top", "--once", "--json");
    assert.equal(code, EXIT.OK);
    assert.match(out, /^[^\n]+\n$/);
    assert.equal(JSON.parse(out).backends.length, 2);
  });
});
