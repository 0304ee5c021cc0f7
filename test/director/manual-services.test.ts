import assert from "node:assert/strict";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { followMarks, MARKS, seesFtp } from "#kit/ftp-lan.ts";
import { startHttps } from "#kit/https.ts";
import { type Lan, startNamed } from "#kit/lan.ts";
import { NAMES, startServers } from "#kit/lan-services.ts";
import { blocksOf, commandsOf, configurationIn, follow, shell } from "#kit/manual.ts";
import { noNetns, noProgram } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { startSip } from "#kit/sip.ts";
import { until } from "#kit/until.ts";

/* Sections of docs/layer-4.md whose services are of a kind, followed. */

const startAll = (
  lan: Lan,
  start: (netns: string, name: string, i: number) => Promise<unknown>,
): Promise<unknown> => Promise.all(lan.servers.map((netns, i) => start(netns, NAMES[i]!, i)));

/** A server's state in what `weir server list` prints. */
const isThere = (list: string, server: string, state: string): boolean =>
  new RegExp(`\\b${server}\\b.*\\b${state}\\b`).test(list);

/** tc makes folders of its own where BPF objects have names, whether it needs them or not. */
function forgetFoldersOfTc(owner: Owner): void {
  const made = ["tc", "ip", "xdp"].map((name) => `/sys/fs/bpf/${name}`);
  const fresh = made.filter((path) => !existsSync(path));
  owner.after(() => {
    for (const path of fresh) rmSync(path, { recursive: true, force: true });
  });
}

describe("the manual's page of layer 4", {
  skip: noNetns() || noBpf() || noProgram("curl", "openssl", "nft", "clang", "tc"),
}, () => {
  test("Checks by the way of packets", async (t) => {
    const section = "Checks by the way of packets";
    const { lan, weir, folders, ask, on } = await follow(t, section, (lan) => startServers(t, lan));
    const all = (states: readonly string[]) => (): boolean => {
      const [list] = on("the director");
      return states.every((state, i) => isThere(list!, NAMES[i]!, state));
    };
    await until("all are up", all(["up", "up", "up"]));
    assert.match(ask(), /^[abc]\n$/);
    on("one server", 1);
    await until("the one is down", all(["up", "down", "up"]));
    for (let i = 0; i < 4; i++) assert.match(ask(), /^[ac]\n$/);
    for (const text of commandsOf("each server", section)) {
      shell(lan.servers[1]!, folders[1]!, text);
    }
    await until("it is up again", all(["up", "up", "up"]));

    const [, other] = blocksOf(section).filter(({ language }) => language === "yaml");
    weir.configure(configurationIn(lan, other!.text));
    assert.equal((await weir.cli("reload")).code, 0);
    const become = (states: readonly string[]): Promise<void> =>
      until(`they are ${states.join(" and ")}`, async () => {
        const { out } = await weir.cli("server", "list", "calls");
        return states.every((state, i) => isThere(out, NAMES[i]!, state));
      });
    await become(["down", "down"]);
    on("each server, for the other family", 0);
    await become(["up", "down"]);
  });

  test("Persistence", async (t) => {
    const { ask, on } = await follow(t, "Persistence", (lan) =>
      startAll(lan, async (netns, name) => {
        await startNamed(t, netns, name, 80);
        await startHttps(t, netns, name, 443);
      }),
    );
    const [first, ...others] = [1, 2, 3].map(ask);
    assert.match(first!, /^([ab])\n\1\n$/);
    for (const text of others) assert.equal(text, first);
    const server = first!.startsWith("a") ? "10.2.0.11" : "10.2.0.12";
    assert.match(on("the director").join(""), new RegExp(`NONE +10\\.1\\.0\\.0:0 .* ${server}:0`));
  });

  test("Calls of SIP", async (t) => {
    const { ask, on } = await follow(t, "Calls of SIP", (lan) =>
      startAll(lan, (netns, name) => startSip(t, netns, name, 5060)),
    );
    const answers = [...ask().matchAll(/^Server: (.)\r\nCall-ID: (\w+)\r\n/gm)];
    const seen = answers.map(([, server, call]) => `${call} ${server}`);
    assert.equal(seen.length, 6);
    assert.deepEqual(seen.slice(3), seen.slice(0, 3));
    assert.deepEqual(new Set(answers.map(([, server]) => server)), new Set(NAMES));
    const [plain] = on("the director");
    assert.match(plain!, /^UDP {2}10\.1\.0\.100:5060 .* pe sip ops$/m);
    assert.equal([...plain!.matchAll(/-> 10\.2\.0\.1\d:5060 +\d+ +2 +2 /g)].length, 3);
  });

  test("Services by mark, by a program", async (t) => {
    forgetFoldersOfTc(t);
    const followed = await followMarks(t);
    const { text } = blocksOf(MARKS).find(({ language }) => language === "c")!;
    writeFileSync(join(followed.folder, "mark.c"), text);
    assert.throws(followed.ask, /curl/, "no mark yet");
    followed.on("the director, by a program");
    seesFtp(followed);
  });

  test("Services by mark, by nftables", async (t) => {
    const followed = await followMarks(t, "br0");
    assert.throws(followed.ask, /curl/, "no mark yet");
    followed.on("the director, by nftables");
    seesFtp(followed);
  });
});
