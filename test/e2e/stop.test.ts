import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { get, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { startOrigin } from "#kit/origin.ts";
import { until } from "#kit/until.ts";
import { startWeir, WEIR_COMMAND } from "#kit/weir.ts";

const configOf = (web: number, origin: number, times = "drain: 30s"): string => `
frontends:
  web: { bind: 127.0.0.1:${web}, default: app }
backends:
  app: { servers: { a: 127.0.0.1:${origin} } }
engine: { threads: 2, ${times} }
log: none
`;

/** An origin that answers when the test says so. */
async function startSlowOrigin(t: Parameters<typeof startOrigin>[0]) {
  const waiting: ServerResponse[] = [];
  const origin = await startOrigin(t, (_, response) => void waiting.push(response));
  return {
    port: origin.port,
    asked: (count: number) => until("requests arrive", () => waiting.length >= count),
    answer: () => {
      for (const response of waiting.splice(0)) response.end("late\n");
    },
  };
}

/** The answer's text, or the error's code. */
const fetchText = (port: number): Promise<string> =>
  new Promise((resolve) => {
    get({ host: "127.0.0.1", port, agent: false }, (response) => {
      let text = "";
      response.on("error", (error) => resolve((error as NodeJS.ErrnoException).code ?? "?"));
      response.setEncoding("utf8").on("data", (more) => {
        text += more;
      });
      response.on("end", () => resolve(text));
    }).on("error", (error) => resolve((error as NodeJS.ErrnoException).code ?? "?"));
  });

const isRefused = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(false);
    });
    socket.on("error", () => resolve(true));
  });

test("TERM lets requests under way end, refuses new ones, and says that it is not ready", async (t) => {
  const origin = await startSlowOrigin(t);
  const weir = await startWeir(t, (g) => configOf(g.port("web"), origin.port));
  assert.equal((await weir.admin("/readyz")).status, 200);
  const slow = fetchText(weir.port());
  await origin.asked(1);
  weir.signal("SIGTERM");
  await until("new connections are refused", () => isRefused(weir.port()));
  assert.equal((await weir.admin("/readyz")).status, 503);
  assert.equal((await weir.admin("/livez")).status, 200);
  origin.answer();
  assert.equal(await slow, "late\n");
  const { code, err } = await weir.ended();
  assert.equal(code, 0);
  assert.doesNotMatch(err, /cut/);
  assert.equal(existsSync(weir.socket), false);
  assert.deepEqual(readdirSync(weir.directory), ["weir.yaml"], "nothing is left behind");
});

test("what does not end within engine.drain is cut", async (t) => {
  const origin = await startSlowOrigin(t);
  const weir = await startWeir(t, (g) => configOf(g.port("web"), origin.port, "drain: 300ms"));
  const slow = fetchText(weir.port());
  await origin.asked(1);
  const { code, err } = await weir.stop("SIGQUIT");
  assert.equal(code, 0);
  assert.match(err, /1 request was cut after \d+ ms/);
  assert.notEqual(await slow, "late\n");
});

test("during engine.shutdownDelay it is not ready and serves; then it drains", async (t) => {
  const origin = await startOrigin(t, (_, response) => response.end("served\n"));
  const weir = await startWeir(t, (g) => configOf(g.port("web"), origin.port));
  weir.configure(configOf(weir.port(), origin.port, "shutdownDelay: 1h"));
  assert.equal((await weir.cli("reload")).code, 0, "a reload changes it");
  weir.signal("SIGTERM");
  await until("it is not ready", async () => (await weir.admin("/readyz")).status === 503);
  assert.equal(await fetchText(weir.port()), "served\n");
  assert.equal((await weir.stop("SIGTERM")).code, 143);
  weir.configure(configOf(weir.port(), origin.port, "shutdownDelay: 200ms"));
  await weir.start();
  const { code, err } = await weir.stop("SIGTERM");
  assert.equal(code, 0);
  assert.match(err, /connections are still accepted for 200 ms/);
  assert.equal(await isRefused(weir.port()), true);
});

test("a second TERM, --quick and --now do not wait for engine.shutdownDelay", async (t) => {
  const origin = await startOrigin(t);
  const weir = await startWeir(t, (g) => configOf(g.port("web"), origin.port, "shutdownDelay: 1h"));
  weir.signal("SIGTERM");
  await weir.said(/still accepted/);
  assert.equal((await weir.stop("SIGTERM")).code, 143);
  for (const how of ["--quick", "--now"]) {
    await weir.start();
    assert.equal((await weir.cli("stop", how)).code, 0, how);
    assert.equal((await weir.ended()).code, 0, how);
  }
  await weir.start();
  weir.signal("SIGTERM");
  await weir.said(/still accepted/);
  assert.equal((await weir.cli("stop", "--quick")).code, 0);
});

test("a second TERM, and a second INT, stop at once", async (t) => {
  const origin = await startSlowOrigin(t);
  const weir = await startWeir(t, (g) => configOf(g.port("web"), origin.port));
  for (const [signal, expected] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const) {
    if (signal === "SIGINT") await weir.start();
    const slow = fetchText(weir.port());
    await origin.asked(1);
    weir.signal(signal);
    await weir.said(/stopping when requests have ended/);
    weir.signal(signal);
    const { code } = await weir.ended();
    assert.equal(code, expected);
    assert.notEqual(await slow, "late\n");
    origin.answer();
  }
});

test("weir stop --drain is the limit instead of engine.drain, also of a stop under way", async (t) => {
  const origin = await startSlowOrigin(t);
  const weir = await startWeir(t, (g) => configOf(g.port("web"), origin.port, "drain: 1h"));
  for (const isUnderWay of [false, true]) {
    if (isUnderWay) await weir.start();
    const slow = fetchText(weir.port());
    await origin.asked(1);
    if (isUnderWay)
      assert.equal((await weir.cli("stop", "--no-wait")).out, "stopping (graceful)\n");
    const { code, out } = await weir.cli("stop", "--drain", "300ms");
    assert.deepEqual([code, out], [0, "stopped\n"]);
    assert.notEqual(await slow, "late\n");
    const { err } = await weir.ended();
    assert.match(err, /1 request was cut after \d+ ms/);
    origin.answer();
  }
  const both = await weir.cli("stop", "--drain", "1s", "--quick");
  assert.equal(both.code, 2);
});

test("weir healthcheck: 0 while it serves, 1 while it stops, 6 afterwards", async (t) => {
  const origin = await startOrigin(t);
  const weir = await startWeir(t, (g) => configOf(g.port("web"), origin.port, "shutdownDelay: 1h"));
  assert.equal((await weir.cli("healthcheck")).code, 0);
  weir.signal("SIGTERM");
  await weir.said(/still accepted/);
  const stopping = await weir.cli("healthcheck");
  assert.deepEqual([stopping.code, stopping.out], [1, "not ready: the engine is draining\n"]);
  await weir.stop("SIGTERM");
  assert.equal((await weir.cli("healthcheck")).code, 6);
});

test("weir stop waits until all has ended; afterwards nobody answers", async (t) => {
  const origin = await startOrigin(t);
  const weir = await startWeir(t, (g) => configOf(g.port("web"), origin.port));
  const stopped = await weir.cli("stop");
  assert.deepEqual([stopped.code, stopped.out, stopped.err], [0, "stopped\n", ""]);
  await weir.ended();
  await weir.start();
  const { out } = await weir.cli("stop", "--quick", "--json");
  assert.deepEqual(JSON.parse(out), { state: "stopped", mode: "quick" });
  assert.equal((await weir.ended()).code, 0);
  for (const command of ["stop", "reload", "upgrade", "status"]) {
    const { code, err } = await weir.cli(command);
    assert.equal(code, 6, command);
    assert.match(err, /admin\.sock: no weir runs there/);
  }
});

test("weir stop ends also when nobody reaps the supervisor, as in a container", async (t) => {
  const origin = await startOrigin(t);
  const weir = await startWeir(t, (g) => configOf(g.port("web"), origin.port));
  await weir.stop();
  // The shell becomes a `sleep`, which knows nothing of the child it got that way.
  const script = '"$@" & echo $!; exec sleep 600';
  const words = [...WEIR_COMMAND, "run", "-f", weir.configFile, "--socket", weir.socket];
  const parent = spawn("sh", ["-c", script, "sh", ...words], { detached: true });
  const ended = once(parent, "exit");
  t.after(async () => {
    process.kill(-parent.pid!, "SIGKILL");
    await ended;
  });
  const [text] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(text.toString());
  const isReady = () => weir.admin("/readyz").then(({ status }) => status === 200);
  await until("it serves", () => isReady().catch(() => false));
  const { code, out } = await weir.cli("stop");
  assert.deepEqual([code, out], [0, "stopped\n"]);
  process.kill(pid, 0);
});
