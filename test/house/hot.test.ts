import assert from "node:assert/strict";
import { test } from "node:test";
import { breaches, isHot } from "./hot-rules.ts";
import { parse, sourceFiles } from "./source.ts";

const hot = sourceFiles("src").filter(({ text }) => isHot(text));

test("hot files were looked at, in every folder that has a hot path", () => {
  assert.ok(hot.length >= 20, `${hot.length} hot files`);
  for (const folder of ["io", "http", "proxy", "balance", "rules"]) {
    assert.ok(
      hot.some(({ path }) => path.startsWith(`src/${folder}/`)),
      folder,
    );
  }
});

test("hot files keep the rules for hot code", () => {
  assert.deepEqual(hot.flatMap(breaches), []);
});

const found = (text: string): string[] =>
  breaches(parse("x.ts", text)).map((line) => line.replace(/^x\.ts:/, ""));

test("each forbidden thing is seen where code is hot", () => {
  const cases: readonly (readonly [body: string, what: string])[] = [
    ["g(() => 1);", "a closure"],
    ["const h = function () {};", "a closure"],
    ["function h() {}", "a closure"],
    ["g(...x);", "spread"],
    ["const y = { ...x };", "spread"],
    ["const { a } = x;", "destructuring"],
    ["const [a] = x;", "destructuring"],
    ["for (const a of x) g(a);", "for…of"],
    ["for (const a in x) g(a);", "for…in"],
    ["try { g(); } finally { h(); }", "try"],
    ["g(`a`);", "a template string"],
    ["g(new Map());", "new"],
    ["throw x;", "throw"],
    ["const C = class {};", "a class"],
  ];
  for (const [body, what] of cases) {
    assert.deepEqual(found(`function f(x) {\n${body}\n}`), [`2: ${what}`], body);
    assert.deepEqual(found(`class K { m(x) {\n${body}\n} }`), [`2: ${what}`], body);
    assert.deepEqual(found(`const k = { m: (x) => {\n${body}\n} };`), [`2: ${what}`], body);
  }
  assert.deepEqual(found("function f({ a }) {}"), ["1: destructuring"]);
  assert.deepEqual(found("function f(...a) {}"), ["1: a rest parameter"]);
});

test("async and generators are seen anywhere", () => {
  assert.deepEqual(found("async function createX() { await y; }"), ["1: async", "1: await"]);
  assert.deepEqual(found("const z = await y;"), ["1: await"]);
});

test("set-up code is free, what it sets up is not", () => {
  assert.deepEqual(
    found("const { a } = x; const f = (y) => y + 1; const m = new Map([...a]);"),
    [],
  );
  assert.deepEqual(
    found("class K { a = [1].map((n) => new M(n)); constructor() { new M(); } }"),
    [],
  );
  assert.deepEqual(
    found("function createX(a) { a.map((n) => new M(n)); return (b) => b + 1; }"),
    [],
  );
  assert.deepEqual(found("const x = { create: (a) => ({ pick: (b) => b }) };"), []);
  assert.deepEqual(found("function createX() { return { pick: () => new M() }; }"), ["1: new"]);
  assert.deepEqual(found("const createX = () => { const g = () => `a`; return g; };"), [
    "1: a template string",
  ]);
});

test("a function only set-up code calls is set-up, unless it may be called otherwise", () => {
  const helper = "function h() { return new M(); }\n";
  assert.deepEqual(found(`${helper}const m = h();`), []);
  assert.deepEqual(found(`${helper}function g() { return h(); }\nconst m = g();`), []);
  assert.deepEqual(found(`const h = () => new M();\nfunction createX() { return h(); }`), []);
  assert.deepEqual(found("class K { a = this.#b(); #b() { return new M(); } }"), []);
  assert.deepEqual(found(helper), ["1: new"]);
  assert.deepEqual(found(`${helper}h();\nfunction g() { h(); }`), ["1: new"]);
  assert.deepEqual(found(`${helper}const table = { pick: h };`), ["1: new"]);
  assert.deepEqual(found(`export ${helper}h();`), ["1: new"]);
  assert.deepEqual(found("class K { a = this.b(); b() { return new M(); } }"), ["1: new"]);
});

test("types and comments are not code", () => {
  assert.deepEqual(found("function f(g: (a: number) => void, h: { b: `x` }): void { g(1); }"), []);
  assert.deepEqual(found("function f() { // new Map()\n return 1; }"), []);
});

test("the mark is the first line or it is none", () => {
  assert.ok(isHot("// @hot\nconst x = 1;"));
  assert.ok(!isHot("/** @hot */"));
  assert.ok(!isHot("\n// @hot"));
  assert.ok(!isHot("// @hottest"));
});
