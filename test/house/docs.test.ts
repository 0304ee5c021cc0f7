import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { commands } from "#cli/commands/index.ts";
import { compileConfig } from "#config/compile.ts";
import { renderFaults } from "#config/faults.ts";
import { PAGES } from "../../scripts/docs/pages.ts";
import { complete } from "./doc-config.ts";
import {
  codeBlocks,
  exists,
  headings,
  inlineCode,
  type Page,
  pages,
  prose,
  readPage,
  tableRows,
} from "./pages.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const all = pages();

test("there are pages to look at", () => {
  assert.ok(all.length > 15, `${all.length} pages`);
});

for (const [path, write] of PAGES) {
  test(`${path} is as the declarations say: npm run docs`, () => {
    assert.ok(readPage(path).text === write(), `${path} is out of date`);
  });
}

test("every configuration shown is without fault", () => {
  const blocks = all.flatMap(codeBlocks).filter(({ language }) => language === "yaml");
  assert.ok(blocks.length > 15, `${blocks.length} blocks`);
  for (const { path, line, text } of blocks) {
    const whole = complete(text);
    const { faults } = compileConfig([{ file: `${path}:${line}`, text: whole }], {
      env: { STATUS_PORT: "8404" },
      readFile: () => "text of a file",
    });
    const errors = faults.filter((fault) => fault.severity === "error");
    assert.equal(renderFaults(errors, { textOf: () => whole }), "", `${path}:${line}`);
  }
});

/** Targets of links and pictures that lie in the repository, as [file, anchor]. */
const linksOf = (page: Page): [string, string | undefined][] =>
  [...prose(page).matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g)]
    .map((match) => match[1] ?? match[2]!)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file, anchor] = target.split("#");
      return [file === "" ? page.path : normalize(join(dirname(page.path), file!)), anchor];
    });

/** As GitHub makes anchors of headings. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");

test("every link within the repository leads somewhere", () => {
  const links = all.flatMap((page) => linksOf(page).map((link) => [page.path, ...link] as const));
  assert.ok(links.length > 60, `${links.length} links`);
  const broken = links.filter(([, file, anchor]) => {
    if (!exists(file)) return true;
    return anchor !== undefined && !headings(readPage(file)).map(anchorOf).includes(anchor);
  });
  assert.deepEqual(broken, []);
});

test("every file of the repository that a page names is there", () => {
  const named = all.flatMap((page) =>
    inlineCode(page)
      .filter((name) => /^(bench|bin|docs|packaging|scripts|src|test)\/[^\s…]+$/.test(name))
      .map((name) => [page.path, name] as const),
  );
  assert.ok(named.length > 80, `${named.length} names`);
  // Figures of benches are not in the repository.
  const absent = named.filter(([, name]) => !/\/results\//.test(name) && !isThere(name));
  assert.deepEqual(absent, []);
});

const isThere = (name: string): boolean => exists(name) || globSync(name, { cwd: ROOT }).length > 0;

/** What is wrong with `weir …` as typed, or undefined. */
function commandFault(line: string): string | undefined {
  const words = line.split(/\s+/).slice(1);
  const [first = "", second = ""] = words;
  // Words of other balancers; a name in capitals stands for any.
  if (first === "" || /^(-|[A-Z])/.test(first)) return undefined;
  const command =
    commands.find(({ name }) => name === `${first} ${second}`) ??
    commands.find(({ name }) => name === first);
  if (!command) return `there is no command ${first}`;
  const known = new Set(
    Object.entries(command.options).flatMap(([name, { short }]) => [`--${name}`, `-${short}`]),
  );
  const isKnown = (word: string) => known.has(word) || ["--help", "--no-color"].includes(word);
  const unknown = words.find((word) => /^--?[a-z]/.test(word) && !isKnown(word.split("=")[0]!));
  return unknown && `${command.name} has no option ${unknown}`;
}

/** Command lines that begin with weir: in code among the prose, in shell blocks. */
function commandLines(page: Page): string[] {
  const blocks = codeBlocks(page).filter(({ language }) => language === "sh");
  const lines = [...inlineCode(page), ...blocks.flatMap(({ text }) => text.split("\n"))];
  return lines
    .map((line) => line.replace(/^(sudo |[A-Z_]+=\S+ )*/, "").replace(/ +# .*| [|>&].*/, ""))
    .map((line) => line.replace(/^\S*bin\/weir /, "weir "))
    .filter((line) => /^weir /.test(line));
}

test("every command named is one, and has the options named", () => {
  const units = globSync("packaging/*.{service,conf}", { cwd: ROOT });
  assert.ok(units.length > 1);
  const started = units
    .map((unit) => readFileSync(join(ROOT, unit), "utf8"))
    .flatMap((unit) => [...unit.matchAll(/^Exec\w+=\S*\/(weir .*)$/gm)])
    .map((match) => match[1]!);
  assert.ok(started.length > units.length);
  const lines = [...all.flatMap(commandLines), ...started];
  assert.ok(lines.length > 60, `${lines.length} lines`);
  assert.deepEqual(
    lines.map(commandFault).filter((fault) => fault !== undefined),
    [],
  );
});

test("the two READMEs say the same, as far as that can be counted", () => {
  const [english, chinese] = ["README.md", "README.zh.md"].map(readPage) as [Page, Page];
  const shape = (page: Page) => ({
    headings: headings(page).length,
    rows: tableRows(page.text).map((cells) => cells.length),
    code: codeBlocks(page).map(({ text }) => text.replaceAll(/ *#.*$/gm, "")),
    links: linksOf(page)
      .map(([file]) => file)
      .filter((file) => file.endsWith(".md") && !file.startsWith("README"))
      .sort(),
  });
  assert.ok(shape(english).rows.length > 5);
  assert.deepEqual(shape(chinese), shape(english));
});
