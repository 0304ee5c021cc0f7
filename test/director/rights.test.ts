import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { describe, test } from "node:test";
import { prepareFolder } from "#director/folder.ts";
import { noBpf } from "#kit/bpf.ts";
import { askFrom, createLan, type Lan, VIP } from "#kit/lan.ts";
import { configurationOf, startDirector, startServers, type Way } from "#kit/lan-services.ts";
import { noNetns, noProgram } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { until } from "#kit/until.ts";
import { startWeir, type Weir } from "#kit/weir.ts";

/* Layer 4 with what rights there are: exactly those it needs, or one less. */

const NAT: Way = { method: "nat", port: 80 };
const ALL = ["NET_ADMIN", "PERFMON", "BPF"];
const SKIP = noNetns() || noBpf() || noProgram("setpriv");
/** In none of a machine's accounts. */
const UID = 64_200;

const WEB = `
frontends: { web: { bind: "127.0.0.1:0", default: app } }
`;

async function start(
  t: Owner,
  lan: Lan,
  capabilities: readonly string[],
  more = "",
): Promise<Weir> {
  const text = `${configurationOf(lan, NAT, { servers: ["b", "c"] })}${more}`;
  const account = { uid: UID, capabilities };
  return startWeir(t, () => text, { netns: lan.director, ports: [], account });
}

const problemOf = async (weir: Weir): Promise<string | undefined> =>
  ((await weir.adminJson("/api/v1/director")) as { problem?: string }).problem;

const ask = (lan: Lan, count: number): string[] =>
  askFrom(lan.client, "tcp", VIP[4], NAT.port, count).map((answer) => answer.split(" ")[0]!);

/** Of every thread of a process: its name, and its capabilities in effect. */
const threadsOf = (pid: number): (readonly [name: string, capabilities: bigint])[] =>
  readdirSync(`/proc/${pid}/task`).map((thread) => {
    const read = (file: string) => readFileSync(`/proc/${pid}/task/${thread}/${file}`, "utf8");
    const [, effective] = /^CapEff:\t([0-9a-f]+)$/m.exec(read("status"))!;
    return [read("comm").trim(), BigInt(`0x${effective}`)];
  });

describe("rights", { skip: SKIP }, () => {
  test("an ordinary account with the three capabilities, in a folder of its own", async (t) => {
    const lan = createLan(t, "director");
    await startServers(t, lan);
    prepareFolder(lan.pins, UID, UID);
    const weir = await start(t, lan, ALL);
    assert.equal(await problemOf(weir), undefined);
    assert.deepEqual(new Set(ask(lan, 4)), new Set(["b", "c"]));
    const pid = await weir.enginePid();
    assert.match(readFileSync(`/proc/${pid}/status`, "utf8"), /^CapAmb:\t0{16}$/m);
    await until("workers have no rights", () => {
      const workers = threadsOf(pid).filter(([name]) => /worker/.test(name));
      return workers.length > 0 && workers.every(([, capabilities]) => capabilities === 0n);
    });
    await weir.kill();
    assert.deepEqual(new Set(ask(lan, 4)), new Set(["b", "c"]), "without any process of ours");
    await weir.start();
    assert.match(weir.err, /goes on with the connections that are there/);
    weir.configure(`${WEB}backends: { app: { servers: { a: 127.0.0.1:1 } } }\n`);
    assert.equal((await weir.cli("reload")).code, 0);
    const folder = `/sys/fs/bpf/${lan.pins}`;
    assert.deepEqual(readdirSync(folder), [], "nothing is left but the folder, which is root's");
    assert.equal(statSync(folder).uid, UID);
  });

  for (const missing of ALL) {
    test(`without CAP_${missing} that is said, in one line`, async (t) => {
      const lan = createLan(t, "director");
      prepareFolder(lan.pins, UID, UID);
      const weir = await start(
        t,
        lan,
        ALL.filter((name) => name !== missing),
      );
      const text = `programs in the kernel need CAP_${missing}, which this process does not have`;
      assert.equal(await problemOf(weir), text);
      await weir.said(new RegExp(`No packets are directed: ${text}\\n`));
      assert.match((await weir.cli("status")).out, new RegExp(`layer 4: ${text}`));
    });
  }

  test("without a folder of its own that is said, and how to get one", async (t) => {
    const lan = createLan(t, "director");
    const weir = await start(t, lan, ALL);
    const folder = `/sys/fs/bpf/${lan.pins}`;
    assert.equal(
      await problemOf(weir),
      `${folder} may not be used by this account (user ${UID}): root has to make it first, for ` +
        `that user to own: weir director prepare --user NAME --pins ${lan.pins}`,
    );
  });

  test("a folder whose tables are root's is not taken", async (t) => {
    const lan = createLan(t, "director");
    const roots = await startDirector(t, lan, configurationOf(lan, NAT));
    await roots.kill();
    const weir = await start(t, lan, ALL);
    assert.match((await problemOf(weir))!, /may not be used by this account/);
    await weir.kill();
    prepareFolder(lan.pins, UID, UID);
    await weir.start();
    assert.match(weir.err, /goes on with the connections that are there/);
  });

  test("without any rights layer 7 is served, and what layer 4 misses is said", async (t) => {
    const lan = createLan(t, "director");
    const account = { uid: UID, capabilities: [] };
    const weir = await startWeir(
      t,
      ({ port }) =>
        `${configurationOf(lan, NAT)}
frontends:
  web:
    bind: 127.0.0.1:${port("web")}
    rules: [{ redirect: { to: /there, status: 308 } }]
`,
      { account },
    );
    const { status } = await fetch(`http://127.0.0.1:${weir.port()}/`, { redirect: "manual" });
    assert.equal(status, 308);
    const needs = "need CAP_NET_ADMIN and CAP_PERFMON and CAP_BPF";
    assert.match((await problemOf(weir))!, new RegExp(needs));
    assert.match((await weir.cli("status")).out, new RegExp(`layer 4: .*${needs}`));
    await weir.said(new RegExp(needs));
  });

  test("of root's rights workers keep what layer 7 needs", async (t) => {
    const lan = createLan(t, "director");
    await startServers(t, lan);
    const weir = await startDirector(t, lan, configurationOf(lan, NAT));
    assert.equal(new Set(ask(lan, 3)).size, 3);
    const pid = await weir.enginePid();
    await until("who serves has dropped the others, not who stands by", () => {
      const workers = threadsOf(pid).filter(([name]) => /worker/.test(name));
      // CAP_DAC_OVERRIDE, CAP_SYS_RESOURCE.
      const whole = workers.filter(([, set]) => (set & ~0x1000002n) !== 0n);
      return workers.length === 2 && whole.length === 1;
    });
  });
});
