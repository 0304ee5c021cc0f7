import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { renderFaults } from "./faults.ts";
import { type LoadOptions, loadConfig } from "./load.ts";

const folder = mkdtempSync(join(tmpdir(), "weir-load-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const load = (files: readonly string[], more: Partial<LoadOptions> = {}) =>
  loadConfig({ files, cwd: folder, env: {}, ...more });

const yaml = `
frontends: { web: { bind: ":80", default: web } }
backends: { web: { servers: { a: 10.0.0.1:80 } } }
`;

describe("loading from the disk", () => {
  it("YAML, with files named relative to it", async () => {
    write("page.html", "<h1>sorry</h1>");
    write("web.yaml", yaml.replace(':80",', ':80", errorPages: { 503: { file: page.html } },'));
    const { plan, files, textOf } = await load(["web.yaml"]);
    assert.equal(plan?.frontends[0]?.errorPages[503]?.body, "<h1>sorry</h1>");
    assert.deepEqual(files, ["web.yaml"]);
    assert.match(textOf("web.yaml")!, /errorPages/);
  });

  it("TypeScript, run anew each time, with `weir/config` found from anywhere", async () => {
    const source = (port: number): string => `
      import { defineConfig } from "weir/config";
      const port: number = ${port};
      export default defineConfig({
        frontends: { web: { bind: ":80", default: "web" } },
        backends: { web: { servers: { a: \`10.0.0.1:\${port}\` } } },
      });`;
    for (const port of [81, 82]) {
      write("weir.config.ts", source(port));
      const { plan, faults } = await load([]);
      assert.deepEqual(faults, []);
      assert.deepEqual(plan?.backends[0]?.servers[0]?.address, {
        kind: "inet",
        host: "10.0.0.1",
        port,
      });
    }
  });

  it("a function that returns the configuration will do", async () => {
    write("later.ts", "export default async () => ({ frontends: {}, backends: {} });");
    assert.ok((await load(["later.ts"])).plan);
  });

  const broken: readonly (readonly [string, string, RegExp])[] = [
    ["throws.ts", "throw new Error('my mistake');", /cannot read it: my mistake$/],
    ["syntax.ts", "export default {;", /cannot read it: /],
    ["nothing.ts", "export const a = 1;", /it has no default export$/],
    ["function.ts", "export default { frontends: () => 1 };", /could not be cloned/],
    ["exits.ts", "process.exit(0);", /it ended before it exported anything$/],
    ["class.ts", "export default { frontends: new Date() };", /expected plain data, found a Date$/],
  ];
  for (const [name, text, message] of broken) {
    it(`${name} is a fault, not a crash`, async () => {
      write(name, text);
      const { plan, faults } = await load([name]);
      assert.equal(plan, undefined);
      assert.match(faults[0]!.message, message);
      assert.equal(faults[0]!.place.file, name);
    });
  }

  const shown = async (name: string, text: string): Promise<string> => {
    write(name, text);
    const { faults, textOf } = await load([name]);
    return renderFaults(faults, { textOf });
  };

  it("a fault of syntax in TypeScript has its place and the lines", async () => {
    assert.equal(
      await shown("place-syntax.ts", "const a: number = 1;\nexport default {\n  a: ;\n};\n"),
      [
        "place-syntax.ts:3:6: error: cannot read it: Expression expected",
        "  1 | const a: number = 1;",
        "  2 | export default {",
        "  3 |   a: ;",
        "    |      ^",
        "",
      ].join("\n"),
    );
    const missing = 'import { no } from "./later.ts";\nexport default no;\n';
    assert.match(await shown("place-import.ts", missing), /^place-import\.ts:1:\d+: error: /);
  });

  it("what a script throws has the place of the call, also in a file that it imports", async () => {
    write("part.ts", "type T = { b?: { c: number } };\nexport const c = (t: T) => t.b!.c;\n");
    const uses = 'import { c } from "./part.ts";\nexport default { a: c({}) };\n';
    assert.match(
      await shown("place-uses.ts", uses),
      /^part\.ts:2:33: error: cannot read it: Cannot read properties of undefined.*\n {2}1 \|/,
    );
    const throws = "export default () => {\n  throw new Error('mine');\n};\n";
    assert.match(await shown("place-throws.ts", throws), /^place-throws\.ts:2:9: error: .*mine\n/);
  });

  it("keywords and values of a script have their places", async () => {
    const script = `export default {
  frontends: { web: { bind: ":80", defualt: "web" } },
  backends: {
    web: { servers: { a: "10.0.0.1:80" }, retries: "many" },
  },
};
`;
    const text = await shown("place-keys.ts", script);
    assert.match(
      text,
      /^place-keys\.ts:2:36: error: .*\n.*\n.*defualt.*\n +\| +\^{7}\n +did you mean/,
    );
    assert.match(text, /^place-keys\.ts:4:52: error: backends\.web\.retries: /m);
  });

  it("a file that is not there is a fault at its name", async () => {
    const { faults } = await load(["none.yaml", "also-none.yaml"]);
    assert.deepEqual(
      faults.map((f) => `${f.place.file}: ${f.message}`),
      ["none", "also-none"].map((n) => `${n}.yaml: cannot read it: there is no such file`),
    );
  });

  it("a file without end is not read", async () => {
    const { faults } = await load(["/dev/zero"]);
    assert.match(faults[0]!.message, /cannot read it: it is larger than 16 MiB/);
  });

  it("bytes that are no text are a fault", async () => {
    writeFileSync(join(folder, "bytes.yaml"), Uint8Array.of(0x61, 0xff, 0xfe));
    const { faults } = await load(["bytes.yaml"]);
    assert.match(faults[0]!.message, /cannot read it: it is not text in UTF-8/);
  });
});
