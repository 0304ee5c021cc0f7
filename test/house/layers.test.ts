import assert from "node:assert/strict";
import { globSync, readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, posix } from "node:path";
import { test } from "node:test";
import { LAYERS } from "./layers.ts";
import { importsOf, isTest, parse, type SourceFile, sourceFiles } from "./source.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** Folders of plain computation: what they need of the system is handed to them. */
const PURE = ["base", "schema", "plan", "http", "balance", "rules", "traffic", "cluster"];

/** Parts of Node that only compute. */
const HARMLESS = ["node:util", "node:url"];

const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const DEPENDENCIES: readonly string[] = Object.keys(manifest.dependencies);
const DEV_DEPENDENCIES: readonly string[] = Object.keys(manifest.devDependencies);

const folderOf = (path: string): string => path.split("/")[1]!;

/** The dashboard runs in browsers, on nothing but its own files. */
const WEB = "src/monitor/web/";

/** What is wrong with one import, or undefined. `path` lies in src/. */
function fault(path: string, specifier: string): string | undefined {
  if (path.startsWith(WEB)) return specifier.startsWith("./") ? undefined : "not of the dashboard";
  const folder = folderOf(path);
  const relaxed = isTest(path);
  if (isBuiltin(specifier)) {
    const pure = PURE.includes(folder) && !relaxed && !HARMLESS.includes(specifier);
    return pure ? "a pure folder needs nothing of the system" : undefined;
  }
  if (specifier.startsWith(".")) {
    const target = posix.join(posix.dirname(path), specifier);
    if (target === "package.json") return undefined;
    return target.startsWith(`src/${folder}/`)
      ? undefined
      : "leaves its folder: use #folder/file.ts";
  }
  if (specifier.startsWith("#")) {
    const target = specifier.slice(1).split("/")[0]!;
    if (target === "kit" && relaxed) return undefined;
    if (target === folder) return "its own folder: use ./file.ts";
    return LAYERS[folder]!.includes(target) ? undefined : `${folder} may not import ${target}`;
  }
  const allowed = relaxed ? [...DEPENDENCIES, ...DEV_DEPENDENCIES] : DEPENDENCIES;
  return allowed.includes(specifier) ? undefined : "a package that package.json does not name";
}

function faults(file: SourceFile): string[] {
  return importsOf(file)
    .map((specifier) => [specifier, fault(file.path, specifier)] as const)
    .filter(([, what]) => what !== undefined)
    .map(([specifier, what]) => `${file.path} imports ${specifier}: ${what}`);
}

/** The files of src a file imports, as paths. */
function targets({ path, program, text }: SourceFile): string[] {
  return importsOf({ path, program, text })
    .map((specifier) => {
      if (specifier.startsWith(".")) return posix.join(posix.dirname(path), specifier);
      return specifier.startsWith("#") ? `src/${specifier.slice(1)}` : "";
    })
    .filter((target) => target.startsWith("src/"));
}

/** The first ring of files that import each other, if there is one. */
function cycle(edges: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] | undefined => {
    const seen = path.indexOf(file);
    if (seen >= 0) return [...path.slice(seen), file];
    if (done.has(file)) return undefined;
    path.push(file);
    for (const next of edges.get(file) ?? []) {
      const ring = visit(next);
      if (ring) return ring;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of edges.keys()) {
    const ring = visit(file);
    if (ring) return ring;
  }
  return undefined;
}

const files = sourceFiles("src");

test("every file of src was looked at, and every folder has its row in the table", () => {
  const there = globSync("src/**/*.{ts,mts,cts,js,mjs,cjs,tsx,jsx}", { cwd: ROOT });
  const looked = new Set(files.map(({ path }) => path));
  const missed = there.filter((path) => !looked.has(path) && !path.includes(".gen."));
  assert.deepEqual(missed, []);
  assert.ok(files.length > 100, `${files.length} files`);
  // The table may have rows for folders to come; git keeps no empty ones.
  const folders = readdirSync(join(ROOT, "src"));
  assert.deepEqual(
    folders.filter((folder) => !Object.hasOwn(LAYERS, folder)),
    [],
  );
  const count = files.reduce((sum, file) => sum + importsOf(file).length, 0);
  assert.ok(count > files.length, `${count} imports`);
});

test("files import what their folder may import, and nothing else", () => {
  assert.deepEqual(files.flatMap(faults), []);
});

test("no files import each other in a ring", () => {
  const edges = new Map(files.map((file) => [file.path, targets(file)]));
  assert.equal(cycle(edges)?.join(" → "), undefined);
});

test("the table itself has no ring: a folder imports only folders that do not import it", () => {
  assert.equal(cycle(new Map(Object.entries(LAYERS)))?.join(" → "), undefined);
});

test("each kind of forbidden import is seen", () => {
  const seen = (path: string, text: string): number => faults(parse(path, text)).length;
  assert.equal(seen("src/base/x.ts", 'import { y } from "#io/y.ts";'), 1);
  assert.equal(seen("src/base/x.ts", 'import type { Y } from "#io/y.ts";'), 1);
  assert.equal(seen("src/base/x.ts", 'export { y } from "#io/y.ts"; export * from "#io/z.ts";'), 2);
  assert.equal(seen("src/base/x.ts", 'const y = await import("#io/y.ts");'), 1);
  assert.equal(seen("src/base/x.ts", 'type Y = import("#io/y.ts").Y;'), 1);
  assert.equal(seen("src/base/x.ts", 'import "node:fs"; import "fs";'), 2);
  assert.equal(seen("src/io/x.ts", 'import { y } from "../base/y.ts";'), 1);
  assert.equal(seen("src/io/x.ts", 'import { y } from "#io/y.ts";'), 1);
  assert.equal(seen("src/io/x.ts", 'import fc from "fast-check"; import "#kit/x.ts";'), 2);
  assert.equal(seen("src/io/x.test.ts", 'import fc from "fast-check"; import "#kit/x.ts";'), 0);
  assert.equal(seen(`${WEB}x.js`, 'import "../api.ts"; import "node:fs"; import "./y.js";'), 2);
  assert.equal(seen("src/io/x.ts", 'import "node:fs"; import "#base/y.ts"; import "./z.ts";'), 0);
});

test("a ring is found", () => {
  const edges = new Map([
    ["a", ["b"]],
    ["b", ["c", "d"]],
    ["c", []],
    ["d", ["b"]],
  ]);
  assert.deepEqual(cycle(edges), ["b", "d", "b"]);
});
