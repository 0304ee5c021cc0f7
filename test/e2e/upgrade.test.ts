import assert from "node:assert/strict";
import { get, type ServerResponse } from "node:http";
import { test } from "node:test";
import { startLoad } from "#kit/load.ts";
import { startOrigin } from "#kit/origin.ts";
import { gone } from "#kit/processes.ts";
import { until } from "#kit/until.ts";
import { startWeir } from "#kit/weir.ts";

const configOf = (web: number, origin: number, threads = 2): string => `
frontends:
  web: { bind: 127.0.0.1:${web}, default: app }
backends:
  app: { servers: { a: 127.0.0.1:${origin} } }
engine: { threads: ${threads} }
log: none
`;

interface Status {
  readonly engine: { readonly pid: number };
  readonly workers: readonly { readonly index: number }[];
  readonly frontends: readonly { readonly requests: number }[];
}

test("a new engine takes over under load; what the old one had begun, it ends", async (t) => {
  const late: ServerResponse[] = [];
  const origin = await startOrigin(t, (request, response) => {
    if (request.url === "/late") late.push(response);
    else response.end("now\n");
  });
  const weir = await startWeir(t, (g) => configOf(g.port("web"), origin.port));
  const status = async () => (await weir.adminJson("/api/v1/status")) as Status;
  const before = (await status()).engine.pid;
  const slow = new Promise<string>((resolve, reject) => {
    get({ host: "127.0.0.1", port: weir.port(), path: "/late", agent: false }, (response) => {
      response.setEncoding("utf8").on("data", resolve);
    }).on("error", reject);
  });
  await until("the slow request arrives", () => late.length === 1);
  const load = startLoad(t, weir.port(), 8);
  await load.more(100);

  const upgraded = await weir.cli("upgrade");
  assert.deepEqual([upgraded.code, upgraded.err], [0, ""]);
  assert.match(upgraded.out, /^upgraded: engine \d+ took over\n$/);
  assert.notEqual((await status()).engine.pid, before);
  const refused = await weir.cli("upgrade");
  assert.equal(refused.code, 7, "the old one still has a request");
  await load.more(100);
  late[0]!.end("late\n");
  assert.equal(await slow, "late\n");
  await gone(before);
  const { good, failures } = await load.stop();
  // A kept connection of the old engine may be closed just when a client uses it again.
  assert.ok(failures.length <= 8, failures.join(", "));
  await until("all are counted", async () => {
    const { frontends } = await status();
    return frontends[0]!.requests >= good + 1;
  });
  const workers = (await status()).workers.map((worker) => worker.index);
  assert.deepEqual(workers, [2, 3], "the other half of the Board's rows");

  const again = await weir.cli("upgrade", "--json");
  assert.equal(again.code, 0, again.err);
  assert.equal((await weir.stop()).code, 0);
});

test("an upgrade brings what is fixed at start, and a broken one changes nothing", async (t) => {
  const origin = await startOrigin(t);
  const weir = await startWeir(t, (g) => configOf(g.port("web"), origin.port));
  const status = async () => (await weir.adminJson("/api/v1/status")) as Status;
  const before = (await status()).engine.pid;
  weir.configure(`${configOf(weir.port(), origin.port)}\nnonsense: 1\n`);
  const refused = await weir.cli("upgrade");
  assert.equal(refused.code, 3);
  assert.match(refused.err, /unknown keyword "nonsense"/);
  assert.equal((await status()).engine.pid, before);

  weir.configure(configOf(weir.port(), origin.port, 1));
  assert.equal((await weir.cli("upgrade")).code, 0);
  assert.equal((await status()).workers.length, 1);
  const load = startLoad(t, weir.port(), 4);
  await load.more(200);
  assert.deepEqual((await load.stop()).failures, [], "both sockets of the port are accepted on");
  assert.equal((await weir.stop()).code, 0);
});
