import assert from "node:assert/strict";
import { test } from "node:test";
import { WeirError } from "#base/errors.ts";
import { duration, int, text } from "#schema/index.ts";
import { type Command, type Context, command } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { runCommandLine } from "./main.ts";
import { defaulted, flag, option, repeated } from "./option.ts";
import { createStyle } from "./style.ts";

/** A command that prints what it was given. */
const echo = (name: string): Command =>
  command({
    name,
    group: "misc",
    summary: `prints what ${name} was given`,
    arguments: [{ name: "WORD", help: "what to print", required: true, repeats: true }],
    options: {
      port: defaulted(int({ help: "a port", fallback: 80, max: 65_535 }), "N", "p"),
      wait: option(duration({ help: "how long" }), "TIME"),
      header: repeated(text({ help: "a header" }), "H", "H"),
      quiet: flag("say less", "q"),
      loud: flag("say more", "l"),
    },
    async run(context, options, args) {
      context.write(JSON.stringify({ ...options, args }));
      if (args[0] === "fail") throw new WeirError("SAFETY_REFUSED", "no");
      return 0;
    },
  });

async function run(...words: string[]) {
  let out = "";
  let err = "";
  const context: Context = {
    write: (s) => {
      out += s;
    },
    warn: (s) => {
      err += s;
    },
    env: {},
    cwd: "/",
    style: createStyle(false),
    warnStyle: createStyle(false),
  };
  const names = ["echo", "server drain", "server list", "check", "reload", "stop", "run"];
  const layer4 = ["l4 list", "l4 connections", "l4 save", "import"];
  const code = await runCommandLine(words, [...names, ...layer4].map(echo), context);
  return { code, out, err, read: () => JSON.parse(out) as Record<string, unknown> };
}

test("options in every spelling, the rest is arguments", async () => {
  const { code, read } = await run(
    ..."echo -ql --port=81 a --header x -Hy --wait 1m30s --no-loud b -- -p".split(" "),
  );
  assert.equal(code, 0);
  assert.deepEqual(read(), {
    port: 81,
    wait: 90_000,
    header: ["x", "y"],
    quiet: true,
    loud: false,
    args: ["a", "b", "-p"],
  });
});

test("absent options have their fallbacks", async () => {
  const { read } = await run("echo", "a");
  assert.deepEqual(read(), { port: 80, header: [], quiet: false, loud: false, args: ["a"] });
});

test("a wrong line is a usage fault that says what is wrong", async () => {
  const faults: [string, RegExp][] = [
    ["echo", /WORD is missing: what to print; see weir echo --help/],
    ["echo --prt 5 a", /unknown option --prt; did you mean --port\?/],
    ["echo -x a", /unknown option -x/],
    ["echo a --port", /--port needs a value/],
    ["echo a --port many", /--port: expected a whole number from 0 to 65535, found "many"/],
    ["echo a --wait 5", /--wait: expected a duration with a unit/],
    ["ecko a", /unknown command "ecko"; did you mean "echo"\?/],
    ["server", /"server" needs a verb: drain, list/],
    ["server dran a", /did you mean|needs a verb/],
  ];
  for (const [line, expected] of faults) {
    const { code, err } = await run(...line.split(" "));
    assert.equal(code, EXIT.USAGE, line);
    assert.match(err, expected, line);
  }
});

test("two-word commands", async () => {
  const { read } = await run("server", "drain", "web/a");
  assert.deepEqual(read()["args"], ["web/a"]);
});

test("a refusal gives its exit code and is said on standard error", async () => {
  const { code, err } = await run("echo", "fail");
  assert.equal(code, 7);
  assert.equal(err, "weir: no\n");
});

test("help of everything and of one", async () => {
  const { out, code } = await run("--help");
  assert.equal(code, 0);
  assert.match(out, /server drain +prints what server drain was given/);
  for (const line of ["echo --help", "help echo", "echo x -h"]) {
    const { out } = await run(...line.split(" "));
    assert.match(out, /weir echo \[options\] WORD…/);
    assert.match(out, / {2}-p, --port N +a port \(default 80\)/);
    assert.match(out, / {2}-H, --header H +a header \(may be repeated\)/);
  }
  assert.equal((await run()).code, 0);
});

test("old hands' words", async () => {
  const lines: [string, string][] = [
    ["-c x", "weir check x"],
    ["-t x", "weir check x"],
    ["validate x", "weir check x"],
    ["-s reload x", "weir reload x"],
    ["-L x", "weir l4 list x"],
    ["-Ln -t x", "weir l4 list x"],
    ["-lnc x", "weir l4 connections x"],
    ["-L -c x", "weir l4 connections x"],
    ["-S x", "weir l4 save x"],
    ["-R x", "weir import ipvsadm x"],
  ];
  for (const [line, hint] of lines) {
    const { code, err } = await run(...line.split(" "));
    assert.equal(code, 0, line);
    assert.equal(err, `(here: ${hint})\n`);
  }
});
