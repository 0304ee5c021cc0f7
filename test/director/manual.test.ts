import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { createLan, HeldConnection, type Lan, VIP } from "#kit/lan.ts";
import { NAMES, startDirector, startServers } from "#kit/lan-services.ts";
import { inNetns, noNetns, noProgram, runInNetns, runProgram } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { createSyncLan } from "#kit/sync-lan.ts";
import { nodePlace } from "#kit/tunnel-lan.ts";
import { until } from "#kit/until.ts";
import { startWeir, WEIR_COMMAND, type Weir } from "#kit/weir.ts";

/*
 * What docs/layer-4.md tells people to do, done: a section's configuration is run, and its commands
 * are, where their first line says.
 */

const PAGE = readFileSync(new URL("../../docs/layer-4.md", import.meta.url), "utf8");

interface Block {
  readonly language: string;
  readonly text: string;
}

/** Of a section, or of what is before all of them. */
function blocksOf(section?: string): Block[] {
  const from = section === undefined ? 0 : PAGE.indexOf(`\n## ${section}\n`);
  assert.ok(from >= 0, `section ${section}`);
  const to = PAGE.indexOf("\n## ", from + 4);
  const text = PAGE.slice(from, to < 0 ? undefined : to);
  return [...text.matchAll(/```(\w+)\n(.*?)```/gs)].map(([, language, body]) => ({
    language: language!,
    text: body!,
  }));
}

/** A folder with a `weir` that does what the user's would, in a test's own places. */
function weirFor(owner: Owner, lan: Lan, place: readonly string[], weir?: Weir): string {
  const folder = mkdtempSync(join(tmpdir(), "weir-manual-"));
  owner.after(() => rmSync(folder, { recursive: true, force: true }));
  const words = WEIR_COMMAND.map((word) => `'${word}'`).join(" ");
  const nodes = place.map((word) => `'${word}'`).join(" ");
  const socket = weir ? `export WEIR_SOCKET='${weir.socket}'` : "";
  writeFileSync(
    join(folder, "weir"),
    `#!/bin/sh
${socket}
case "$1" in
  node | doctor) exec ${words} "$@" ${nodes} ;;
  director) exec ${words} "$@" --pins '${lan.pins}' ;;
  *) exec ${words} "$@" ;;
esac
`,
  );
  chmodSync(join(folder, "weir"), 0o755);
  return folder;
}

const shell = (netns: string, folder: string, text: string): string => {
  const [program, ...words] = [...inNetns(netns), "env", `PATH=${folder}:${process.env["PATH"]}`];
  return runProgram(program!, ...words, "sh", "-ec", text);
};

const commandsOf = (whom: string, section?: string): string[] =>
  blocksOf(section)
    .filter(({ language, text }) => language === "sh" && text.startsWith(`# on ${whom}\n`))
    .map(({ text }) => text);

interface Followed {
  /** By its client. */
  readonly printed: readonly string[];
  readonly lan: Lan;
  /** Where its weir is. */
  readonly folder: string;
}

/** Runs a section. */
async function follow(t: Owner, section: string): Promise<Followed> {
  const lan = createLan(t, "director");
  runInNetns(lan.director, "ip", "address", "del", `${VIP[4]}/32`, "dev", lan.device);
  for (const text of commandsOf("the director")) shell(lan.director, "/nonexistent", text);
  await startServers(t, lan);
  const blocks = blocksOf(section);
  const places = lan.servers.map((_, i) => nodePlace(t, `${lan.pins}-${i}`));
  const on = (whom: string): string[] => commandsOf(whom, section);
  for (const [i, netns] of lan.servers.entries()) {
    for (const text of [...on("each server"), ...on(`server ${NAMES[i]}`)]) {
      shell(netns, weirFor(t, lan, places[i]!), text);
    }
  }
  const configurations = blocks.filter(({ language }) => language === "yaml");
  const theirs = configurations.find(({ text }) => text.startsWith("# on each server\n"));
  if (theirs) {
    for (const netns of lan.servers) await startWeir(t, () => theirs.text, { netns, ports: [] });
  }
  const yaml = configurations[0]!.text;
  const weir = await startDirector(t, lan, yaml.replace("eth0\n", `eth0\n  pins: ${lan.pins}\n`));
  const folder = weirFor(t, lan, [], weir);
  const printed = [1, 2, 3, 4].flatMap(() =>
    on("the client").map((c) => shell(lan.client, folder, c)),
  );
  for (const text of on("the director")) shell(lan.director, folder, text);
  return { printed, lan, folder };
}

describe("the manual's page of layer 4", {
  skip: noNetns() || noBpf() || noProgram("curl"),
}, () => {
  for (const section of [
    "nat",
    "IPv6",
    "dr",
    "tun",
    "fullnat",
    "fullnat with the client's address",
    "Methods mixed in one service",
    "XDP",
    "SYN floods",
    "In front of layer 7",
  ]) {
    test(section, async (t) => {
      const { printed } = await follow(t, section);
      assert.equal(printed.length, 4);
      for (const text of printed) assert.match(text, /^[abc]\n$/);
      if (section !== "tun") assert.ok(new Set(printed).size > 1, "several servers answer");
    });
  }

  test("Two directors", async (t) => {
    const { first, second } = createSyncLan(t, "director");
    await startServers(t, first);
    const blocks = blocksOf("Two directors");
    const yaml = blocks.find(({ language }) => language === "yaml")!.text;
    const on = (whom: string): string =>
      blocks.find(({ text }) => text.startsWith(`# on ${whom}\n`))!.text;
    const start = async (lan: Lan) => {
      const weir = await startDirector(
        t,
        lan,
        yaml.replace("eth0\n", `eth0\n  pins: ${lan.pins}\n`),
      );
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
    const { lan, folder } = await follow(t, "nat");
    const [stop, flush] = commandsOf("the director", "When weir stops");
    shell(lan.director, folder, stop!);
    const [ask] = commandsOf("the client", "nat");
    assert.match(shell(lan.client, folder, ask!), /^[abc]\n$/, "packets go on");
    shell(lan.director, folder, flush!);
    assert.equal(existsSync(`/sys/fs/bpf/${lan.pins}`), false);
  });
});
