import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startOrigin } from "#kit/origin.ts";
import { runWeir } from "#kit/weir.ts";

function scratch(t: TestContext, files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), "weir-exit-"));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

const good = (port: number): string => `\
frontends:
  web: { bind: 127.0.0.1:${port}, default: app }
backends:
  app: { servers: { a: 127.0.0.1:9 } }
monitor: { bind: off }
`;
const bad = good(1).replace("default", "defualt");

test("weir check: 0 when good, 3 with all faults when not, 2 for a wrong line", async (t) => {
  const cwd = scratch(t, { "weir.yaml": good(8080), "bad.yaml": `${bad}nonsense: 1\n` });
  const check = (...words: string[]) => runWeir(["check", ...words], { cwd });
  assert.deepEqual(await check(), {
    code: 0,
    signal: null,
    out: "weir.yaml: good\n",
    err: "",
  });
  const faulty = await check("-f", "bad.yaml");
  assert.equal(faulty.code, 3);
  assert.match(faulty.err, /bad\.yaml:2:\d+: error: .*unknown keyword "defualt"/);
  assert.match(faulty.err, /bad\.yaml:6:1: error: .*unknown keyword "nonsense"/);
  assert.deepEqual(await check("-q", "bad.yaml"), { code: 3, signal: null, out: "", err: "" });
  const json = await check("--format", "json", "bad.yaml");
  assert.equal(json.code, 3);
  assert.equal((JSON.parse(json.out) as { line: number }[])[0]!.line, 2);
  assert.deepEqual(await check("--json", "bad.yaml"), json);
  assert.equal((await check("--json", "--format", "github")).code, 2);
  assert.equal((await check("nowhere.yaml")).code, 3);
  assert.equal((await check("--nonsense")).code, 2);
  const old = await runWeir(["-c", "-f", "bad.yaml"], { cwd });
  assert.equal(old.code, 3);
});

test("weir run: 3 for a bad configuration, 1 for an address that is taken", async (t) => {
  const stranger = await startOrigin(t);
  const cwd = scratch(t, { "bad.yaml": bad, "taken.yaml": good(stranger.port) });
  const env = { ...(process.env as Record<string, string>), WEIR_SOCKET: join(cwd, "a.sock") };
  const refused = await runWeir(["run", "-f", "bad.yaml"], { cwd, env });
  assert.equal(refused.code, 3);
  assert.match(refused.err, /bad\.yaml:2:\d+: error: .*unknown keyword "defualt"/);
  const taken = await runWeir(["run", "-f", "taken.yaml"], { cwd, env });
  assert.equal(taken.code, 1);
  assert.match(taken.err, new RegExp(`listen on 127.0.0.1:${stranger.port}: EADDRINUSE`));
});

test("nobody there is 6, an unknown command 2", async (t) => {
  const cwd = scratch(t, {});
  const env = { ...(process.env as Record<string, string>), WEIR_SOCKET: join(cwd, "a.sock") };
  assert.equal((await runWeir(["reload"], { cwd, env })).code, 6);
  assert.equal((await runWeir(["relaod"], { cwd, env })).code, 2);
});

test("weir fmt prints, writes, checks; weir explain answers; weir schema is a schema", async (t) => {
  const cwd = scratch(t, {
    "weir.yaml": good(8080),
    "odd.yaml": "frontends:   {}\n\n\n\nx-a:  1\n",
  });
  const odd = await runWeir(["fmt", "--check", "odd.yaml"], { cwd });
  assert.deepEqual([odd.code, odd.out], [1, "odd.yaml\n"]);
  const listed = await runWeir(["fmt", "--check", "--json", "odd.yaml"], { cwd });
  assert.deepEqual([listed.code, listed.out], [1, '["odd.yaml"]\n']);
  assert.equal((await runWeir(["fmt", "--json", "odd.yaml"], { cwd })).code, 2);
  const printed = await runWeir(["fmt", "odd.yaml"], { cwd });
  assert.equal((await runWeir(["fmt", "-w", "odd.yaml"], { cwd })).code, 0);
  assert.equal((await runWeir(["fmt", "--check", "odd.yaml"], { cwd })).code, 0);
  assert.equal((await runWeir(["fmt", "--check", "--json", "odd.yaml"], { cwd })).out, "[]\n");
  const piped = await runWeir(["fmt", "-"], { cwd, input: "x-a:    1\n" });
  assert.equal(piped.out, "x-a: 1\n");
  assert.match(printed.out, /^frontends: \{\}\n/);
  assert.equal((await runWeir(["fmt", "-"], { cwd, input: "a: [\n" })).code, 3);

  const explained = await runWeir(["explain", "POST", "/cart?x=1", "--json"], { cwd });
  assert.equal(explained.code, 0, explained.err);
  const { outcome, pick } = JSON.parse(explained.out) as {
    outcome: { backend: string };
    pick: { server: string };
  };
  assert.deepEqual([outcome.backend, pick.server], ["app", "a"]);
  assert.match((await runWeir(["explain", "/"], { cwd })).out, /server a +would take/);
  const word = await runWeir(["explain", "GET"], { cwd });
  assert.equal(word.code, 2);
  assert.match(word.err, /"GET" is no URL; a path begins with "\/"/);

  const printedSchema = await runWeir(["schema", "--json"], { cwd });
  const schema = JSON.parse(printedSchema.out) as { $schema: string };
  assert.match(schema.$schema, /2020-12/);
});
