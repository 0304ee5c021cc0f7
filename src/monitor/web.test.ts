import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { diff } from "./diff.ts";

const folder = new URL("./web/", import.meta.url);
const files = new Map(
  readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), "utf8")]),
);
const html = files.get("index.html")!;
const { TEXTS } = (await import(new URL("texts.js", folder).href)) as {
  TEXTS: Record<string, Record<string, string>>;
};
const { merge } = (await import(new URL("merge.js", folder).href)) as {
  merge: (before: unknown, change: unknown) => unknown;
};

describe("the status page", () => {
  it("says the same in English and Chinese", () => {
    assert.deepEqual(Object.keys(TEXTS["zh"]!), Object.keys(TEXTS["en"]!));
    const holes = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
    for (const [key, text] of Object.entries(TEXTS["en"]!)) {
      assert.deepEqual(holes(TEXTS["zh"]![key]!), holes(text), key);
    }
  });

  it("uses every text it has, and has every text it uses", () => {
    const used = new Set(
      [...html.matchAll(/data-(?:text|label|hint|tip)="(\w+)"/g)].map((m) => m[1]!),
    );
    const scripts = [...files].filter(([name]) => name.endsWith(".js") && name !== "texts.js");
    const code = scripts.map(([, text]) => text).join("\n");
    for (const key of used) assert.ok(key in TEXTS["en"]!, key);
    for (const key of Object.keys(TEXTS["en"]!)) {
      const inCode = new RegExp(`["'\\s{]${key}["':\\s]`).test(code);
      assert.ok(used.has(key) || inCode, `${key} is never used`);
    }
    for (const [, key] of code.matchAll(/\btext\("(\w+)"/g)) assert.ok(key! in TEXTS["en"]!, key);
  });

  it("keeps to its policy: nothing inline, nothing from elsewhere", () => {
    assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/);
    for (const [name, text] of files) {
      const links = text.replaceAll("http://www.w3.org/2000/svg", "");
      assert.doesNotMatch(links, /https?:\/\//, name);
      assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|eval\(/, name);
    }
  });

  it("fills as many cells as its tables have columns", () => {
    const columns = Object.fromEntries(
      [...html.matchAll(/<table id="(\w+)">(.*?)<\/thead>/gs)].map(([, id, head]) => [
        id,
        head!.split("<th ").length - 1,
      ]),
    );
    const cells = (file: string): number =>
      Number(
        /COLUMNS = (\d+)|createRow\("\w+", (\d+)\)/
          .exec(files.get(file)!)
          ?.find((m, i) => i > 0 && m),
      );
    for (const [id, count] of Object.entries(columns)) assert.equal(cells(`${id}.js`), count, id);
    assert.deepEqual(Object.keys(columns), ["pool", "services", "frontends"]);
  });

  it("is small", () => {
    const bytes = [...files.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    assert.ok(bytes < 60 * 1024, `${bytes} bytes`);
  });

  it("has every file that it names", () => {
    for (const [name, text] of files) {
      for (const [, file] of text.matchAll(/(?:href|src)="([\w.]+)"|from "\.\/([\w.]+)"/g)) {
        if (file) assert.ok(files.has(file), `${name} names ${file}`);
      }
    }
  });
});

describe("diff and merge", () => {
  /** Documents of one shape, as ours are: only values, and the lengths of lists, differ. */
  const leaf = fc.oneof(fc.integer(), fc.constant(null), fc.string(), fc.boolean());
  const document = fc.record({
    a: leaf,
    map: fc.record({ b: leaf, c: fc.oneof(leaf, fc.record({ d: leaf })) }),
    list: fc.array(fc.record({ name: leaf, deep: fc.array(leaf, { maxLength: 3 }) }), {
      maxLength: 4,
    }),
  });

  it("make the one document of the other", () => {
    fc.assert(
      fc.property(document, document, (before, after) => {
        const change = JSON.stringify(diff(before, after) ?? {});
        const merged = merge(JSON.parse(JSON.stringify(before)), JSON.parse(change));
        assert.deepEqual(merged, JSON.parse(JSON.stringify(after)));
      }),
    );
  });

  it("send nothing when nothing changed, and little when little did", () => {
    const before = { a: 1, list: [{ n: 1 }, { n: 2 }] };
    assert.equal(diff(before, structuredClone(before)), undefined);
    assert.deepEqual(diff(before, { a: 1, list: [{ n: 1 }, { n: 3 }] }), { list: { 1: { n: 3 } } });
  });
});
