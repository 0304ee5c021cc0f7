import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLan, type Lan, VIP } from "./lan.ts";
import { NAMES, startDirector } from "./lan-services.ts";
import { inNetns, runInNetns, runProgram } from "./netns.ts";
import type { Owner } from "./owner.ts";
import { nodePlace } from "./tunnel-lan.ts";
import { startWeir, WEIR_COMMAND, type Weir } from "./weir.ts";

/*
 * What docs/layer-4.md tells people to do, done: a section's configuration is run, and its commands
 * are, where their first line says.
 */

const DOCS = new URL("../../docs/", import.meta.url);
const PAGE = "layer-4.md";

export interface Block {
  readonly language: string;
  readonly text: string;
}

export const pageText = (page = PAGE): string => readFileSync(new URL(page, DOCS), "utf8");

/** Of a section of a page, or of what is before all of them. */
export function blocksOf(section?: string, page = PAGE): Block[] {
  const whole = pageText(page);
  const from = section === undefined ? 0 : whole.indexOf(`\n## ${section}\n`);
  assert.ok(from >= 0, `section ${section} of ${page}`);
  const to = whole.indexOf("\n## ", from + 4);
  const text = whole.slice(from, to < 0 ? undefined : to);
  return [...text.matchAll(/^( *)```(\w+)\n(.*?)```/gms)].map(([, indent, language, body]) => ({
    language: language!,
    text: body!.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  }));
}

/** Blocks of shell whose first line says that it is for them. */
export const commandsOf = (whom: string, section?: string): string[] =>
  blocksOf(section)
    .filter(({ language, text }) => language === "sh" && text.startsWith(`# on ${whom}\n`))
    .map(({ text }) => text);

/** A folder with a `weir` that does what the user's would, in a test's own places. */
export function weirFor(owner: Owner, lan: Lan, place: readonly string[], weir?: Weir): string {
  const folder = mkdtempSync(join(tmpdir(), "weir-manual-"));
  owner.after(() => rmSync(folder, { recursive: true, force: true }));
  const words = WEIR_COMMAND.map((word) => `'${word}'`).join(" ");
  const nodes = place.map((word) => `'${word}'`).join(" ");
  const own = weir ? `export WEIR_SOCKET='${weir.socket}'` : "";
  writeFileSync(
    join(folder, "weir"),
    `#!/bin/sh
${own}
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

/** Runs a block in a namespace, and in that folder; what it printed. */
export function shell(netns: string, folder: string, text: string): string {
  const [program, ...words] = [
    ...inNetns(netns),
    ...["env", "-C", folder, `PATH=${folder}:${process.env["PATH"]}`],
  ];
  return runProgram(program!, ...words, "sh", "-ec", text);
}

/** The yaml of a section, with places of the Lan's own. */
export const configurationIn = (lan: Lan, yaml: string): string =>
  yaml
    .replace(/^director:\n {2}interfaces: .*$/m, (text) => `${text}\n  pins: ${lan.pins}`)
    .replace(/^director: \{ (.*) \}$/m, `director: { $1, pins: ${lan.pins} }`);

export interface Followed {
  readonly lan: Lan;
  readonly weir: Weir;
  /** Where the director's weir is, and that of each server. */
  readonly folder: string;
  readonly folders: readonly string[];
  /** Runs what the section has for the client, once; what it printed. */
  readonly ask: () => string;
  /** The same for somebody else; `server`: at one of them. */
  readonly on: (whom: string, server?: number) => string[];
}

/**
 * Prepares what a section wants to be prepared, and runs its weir. `start`: what else is there by
 * then. `edit`: what this reader writes otherwise.
 */
export async function follow(
  t: Owner,
  section: string,
  start: (lan: Lan) => unknown,
  edit = (yaml: string): string => yaml,
): Promise<Followed> {
  const lan = createLan(t, "director");
  runInNetns(lan.director, "ip", "address", "del", `${VIP[4]}/32`, "dev", lan.device);
  for (const text of commandsOf("the director")) shell(lan.director, tmpdir(), text);
  await start(lan);
  const folders = lan.servers.map((_, i) => weirFor(t, lan, nodePlace(t, `${lan.pins}-${i}`)));
  for (const [i, netns] of lan.servers.entries()) {
    for (const whom of ["each server", `server ${NAMES[i]}`]) {
      for (const text of commandsOf(whom, section)) shell(netns, folders[i]!, text);
    }
  }
  const configurations = blocksOf(section).filter(({ language }) => language === "yaml");
  const theirs = configurations.find(({ text }) => text.startsWith("# on each server\n"));
  if (theirs) {
    for (const netns of lan.servers) await startWeir(t, () => theirs.text, { netns, ports: [] });
  }
  const weir = await startDirector(t, lan, configurationIn(lan, edit(configurations[0]!.text)));
  const folder = weirFor(t, lan, [], weir);
  const ask = (): string =>
    commandsOf("the client", section)
      .map((text) => shell(lan.client, folder, text))
      .join("");
  const on = (whom: string, server?: number): string[] =>
    commandsOf(whom, section).map((text) =>
      server === undefined
        ? shell(lan.director, folder, text)
        : shell(lan.servers[server]!, folders[server]!, text),
    );
  return { lan, weir, folder, folders, ask, on };
}
