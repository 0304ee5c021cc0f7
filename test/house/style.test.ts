import assert from "node:assert/strict";
import { test } from "node:test";
import { EXCEPTIONS } from "./exceptions.ts";
import { isTest, parse, type SourceFile, sourceFiles } from "./source.ts";
import {
  type Breach,
  badName,
  barrels,
  clockReads,
  longFiles,
  longFunctions,
  wideComments,
} from "./style-rules.ts";

const files = sourceFiles("src", "bin", "test", "bench", "scripts");
const isBrowser = ({ path }: SourceFile): boolean => path.startsWith("src/monitor/web/");
const product = files.filter((file) => file.path.startsWith("src/") && !isTest(file.path));

/** Every breach must be excepted by name, and every exception must be a breach. */
function check(breaches: readonly Breach[], excepted: Readonly<Record<string, string>> = {}): void {
  const bad = breaches.filter(({ place }) => !Object.hasOwn(excepted, place));
  assert.deepEqual(
    bad.map(({ text }) => text),
    [],
  );
  const places = new Set(breaches.map(({ place }) => place));
  const stale = Object.keys(excepted).filter((place) => !places.has(place));
  assert.deepEqual(stale, [], "exceptions that are needed no more");
}

test("there is something to look at", () => {
  assert.ok(product.length > 100, `${product.length} files of the product`);
  assert.ok(files.length > product.length + 50, `${files.length} files`);
});

test("no file is longer than 500 lines, no test longer than 800", () => {
  check(files.flatMap(longFiles), EXCEPTIONS.longFiles);
});

test("half of the files are no longer than 150 lines", () => {
  const counts = product.map(({ text }) => text.split("\n").length).sort((a, b) => a - b);
  const median = counts[counts.length >> 1]!;
  assert.ok(median <= 150, `the median is ${median}`);
});

test("no function is longer than 70 lines", () => {
  check(files.flatMap(longFunctions), EXCEPTIONS.longFunctions);
});

test("no comment is wider than 100 columns", () => {
  check(files.flatMap(wideComments));
});

test("files are named in kebab-case", () => {
  check(files.flatMap(badName));
});

test("only io/ reads a clock, makes a timer or draws a number", () => {
  const others = product.filter((file) => !file.path.startsWith("src/io/") && !isBrowser(file));
  assert.ok(others.length > 100);
  check(others.flatMap(clockReads), EXCEPTIONS.clockReaders);
});

test("no file only re-exports others", () => {
  check(files.flatMap(barrels), EXCEPTIONS.barrels);
});

test("each breach is seen", () => {
  const seen = (rule: (file: SourceFile) => Breach[], text: string, path = "src/x/y.ts"): number =>
    rule(parse(path, text)).length;
  assert.equal(seen(longFiles, "\n".repeat(501)), 1);
  assert.equal(seen(longFiles, "\n".repeat(501), "src/x/y.test.ts"), 0);
  assert.equal(seen(longFunctions, `function f() {${"\n".repeat(70)}}`), 1);
  assert.equal(seen(longFunctions, `function f() {${"\n".repeat(69)}}`), 0);
  assert.equal(seen(longFunctions, `const f = () => {${"\n".repeat(70)}};`), 1);
  assert.equal(seen(longFunctions, `test("", () => {${"\n".repeat(99)}});`, "test/a.test.ts"), 0);
  assert.equal(seen(wideComments, `// ${"x ".repeat(50)}`), 1);
  assert.equal(seen(wideComments, `/**\n * ${"x ".repeat(50)} */`), 1);
  assert.equal(seen(wideComments, `// https://example.org/${"x".repeat(99)}`), 0);
  assert.equal(seen(badName, "", "src/x/fooBar.ts"), 1);
  assert.equal(seen(badName, "", "src/x/foo-bar.test.ts"), 0);
  for (const text of [
    "Math.random();",
    "Date.now();",
    "new Date();",
    "performance.now();",
    "setTimeout(f, 1);",
    "const later = setImmediate;",
    "process.hrtime.bigint();",
    'import { setTimeout as wait } from "node:timers/promises";',
  ]) {
    assert.ok(seen(clockReads, text) > 0, text);
  }
  const allowed = "new Date(ms).toISOString(); Date.UTC(1970); x.performance; ({ setTimeout: 1 });";
  assert.equal(seen(clockReads, allowed), 0);
  assert.equal(seen(barrels, 'export * from "./a.ts"; export { b } from "./b.ts";'), 1);
  assert.equal(seen(barrels, 'export * from "./a.ts"; export const c = 1;'), 0);
});
