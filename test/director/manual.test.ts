import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { HeldConnection, type Lan, VIP } from "#kit/lan.ts";
import { startDirector, startServers } from "#kit/lan-services.ts";
import {
  blocksOf,
  commandsOf,
  configurationIn,
  follow,
  pageText,
  shell,
  weirFor,
} from "#kit/manual.ts";
import { noNetns, noProgram, runInNetns, runProgram } from "#kit/netns.ts";
import { inPrivateRoot } from "#kit/private-root.ts";
import { createSyncLan } from "#kit/sync-lan.ts";
import { until } from "#kit/until.ts";

/* Sections of docs/layer-4.md, followed. */

/** Sections whose service any server of HTTP serves. */
const PLAIN = [
  ...["nat", "IPv6", "dr", "tun", "fullnat", "fullnat with the client's address", "XDP"],
  ...["Methods mixed in one service", "SYN floods", "In front of layer 7"],
];
/** Those that tests of their own follow, here and in manual-services.test.ts. */
const SPECIAL = [
  ...["From nothing", "Two directors", "When weir stops", "Checks by the way of packets"],
  ...["Persistence", "Services by mark", "Calls of SIP"],
];

/** Of weir check, doctor, status and explain. */
const EACH = [
  /yaml: good$/m,
  /^ok +director-interfaces/m,
  /^layer 4 takes .* eth0/m,
  /^ +service web /m,
];

describe("the manual's page of layer 4", {
  skip: noNetns() || noBpf() || noProgram("curl"),
}, () => {
  for (const section of PLAIN) {
    test(section, async (t) => {
      const { ask, on } = await follow(t, section, (lan) => startServers(t, lan));
      const printed = [1, 2, 3, 4].map(ask);
      for (const text of printed) assert.match(text, /^[abc]\n$/);
      if (section !== "tun") assert.ok(new Set(printed).size > 1, "several servers answer");
      on("the director");
    });
  }

  test("no section with commands is left out", () => {
    const sections = [...pageText().matchAll(/^## (.*)$/gm)].map(([, name]) => name!);
    const withCommands = sections.filter((name) =>
      blocksOf(name).some(({ language }) => language === "sh"),
    );
    assert.deepEqual(withCommands.toSorted(), [...PLAIN, ...SPECIAL].toSorted());
  });

  test("From nothing", async (t) => {
    const { lan, weir, folder } = await follow(t, "nat", (lan) => startServers(t, lan));
    const looking = blocksOf("From nothing").filter(({ text }) => /^(sudo )?weir/.test(text));
    assert.equal(looking.length, 2);
    const script = `
      ln -s ${weir.configFile} /etc/weir/weir.yaml
      ln -s ${weir.socket} /run/weir/admin.sock
      cd /
      sudo() { "$@"; }
      ${looking.map(({ text }) => text).join("")}`;
    await until("checks are over", () => shell(lan.director, folder, "weir status").includes("up"));
    const path = `PATH=${folder}:${process.env["PATH"]}`;
    const printed = runInNetns(lan.director, "env", path, ...inPrivateRoot(script));
    for (const said of EACH) assert.match(printed, said);
  });

  test("Two directors", async (t) => {
    const { first, second } = createSyncLan(t, "director");
    await startServers(t, first);
    const blocks = blocksOf("Two directors");
    const yaml = blocks.find(({ language }) => language === "yaml")!.text;
    const on = (whom: string): string => commandsOf(whom, "Two directors")[0]!;
    const start = async (lan: Lan) => {
      const weir = await startDirector(t, lan, configurationIn(lan, yaml));
      return { lan, weir, folder: weirFor(t, lan, [], weir) };
    };
    const [one, other] = [await start(first), await start(second)];
    const held = await HeldConnection.open(t, first.client, VIP[4], 80);
    const name = await held.ask();
    await until("it is told", () =>
      shell(second.director, other.folder, on("both directors")).includes("ESTABLISHED"),
    );
    shell(first.director, one.folder, on("the director that gives up"));
    shell(second.director, other.folder, on("the director that takes over"));
    for (const netns of [first.client, ...first.servers]) {
      runProgram("ip", "-n", netns, "neigh", "flush", "all");
    }
    assert.equal(await held.ask(), name);
    assert.match(
      shell(second.director, other.folder, "weir l4 list --stats --exact"),
      / 10.2.0.11/,
    );
  });

  test("When weir stops", async (t) => {
    const { lan, folder, ask } = await follow(t, "nat", (lan) => startServers(t, lan));
    const [stop, flush] = commandsOf("the director", "When weir stops");
    shell(lan.director, folder, stop!);
    assert.match(ask(), /^[abc]\n$/, "packets go on");
    shell(lan.director, folder, flush!);
    assert.equal(existsSync(`/sys/fs/bpf/${lan.pins}`), false);
  });
});
