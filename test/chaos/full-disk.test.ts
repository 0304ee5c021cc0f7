/**
 * A log that cannot be written: requests go on, what is lost is counted and said, and lines are
 * written again when there is room.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { rests } from "#kit/measure.ts";
import { startOrigin } from "#kit/origin.ts";
import { Pressure } from "#kit/pressure.ts";
import { until } from "#kit/until.ts";
import { startWeir, type Weir } from "#kit/weir.ts";

interface Status {
  readonly engine: { readonly pid: number };
}

async function world(t: TestContext, target: (directory: string) => string): Promise<Weir> {
  const origin = await startOrigin(t);
  return startWeir(
    t,
    (g) => `
engine: { threads: 2 }
log: { format: httplog, target: "${target(g.directory)}" }
frontends:
  web: { bind: "127.0.0.1:${g.port("web")}", default: app }
backends:
  app: { servers: { a: "127.0.0.1:${origin.port}" } }
`,
  );
}

async function pressed(t: TestContext, weir: Weir, count: number): Promise<void> {
  const pressure = new Pressure(t, weir.port(), { connections: 8 });
  await pressure.more(count);
  const { failures, slowestMs } = await pressure.stop();
  assert.deepEqual(failures, []);
  t.diagnostic(`${count} requests, the slowest ${Math.round(slowestMs)} ms`);
}

const saysOf = (weir: Weir): number => weir.err.match(/ENOSPC|no space left/gi)?.length ?? 0;

test("a device that is always full", async (t) => {
  const weir = await world(t, () => "/dev/full");
  await pressed(t, weir, 3000);
  await until("it is said", () => saysOf(weir) > 0);
  const { engine } = (await weir.adminJson("/api/v1/status")) as Status;
  // Who tried again and again without a rest would never have one.
  await rests(engine.pid);
  assert.ok(saysOf(weir) <= 4, `said ${saysOf(weir)} times:\n${weir.err}`);
  await pressed(t, weir, 500);
});

test("a file system that is full, and then has room", async (t) => {
  if (process.getuid!() !== 0) return t.skip("only root can mount");
  const place = join("/tmp", `weir-full-${process.pid}`);
  mkdirSync(place);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "weir-test", place]);
  t.after(() => {
    spawnSync("umount", ["-l", place]);
    rmSync(place, { recursive: true, force: true });
  });
  if (mounted.status !== 0) return t.skip(`no mount here: ${mounted.stderr}`);
  const log = join(place, "access.log");
  const weir = await world(t, () => log);
  await pressed(t, weir, 3000);
  await until("it is said", () => saysOf(weir) > 0);
  assert.ok(statSync(log).size <= 65_536);
  await pressed(t, weir, 500);

  writeFileSync(log, "");
  await pressed(t, weir, 100);
  await until("lines are written again", () => statSync(log).size > 1000);
  const lines = readFileSync(log, "latin1")
    .split("\n")
    .filter((line) => line !== "");
  const whole = lines.filter((line) => /"GET \/ HTTP\/1\.1"$/.test(line));
  assert.ok(whole.length >= lines.length - 1, "no line is cut, but for the one that met the end");
  assert.equal((await weir.stop()).code, 0);
});
