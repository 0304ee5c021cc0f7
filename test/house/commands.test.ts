import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "#cli/command.ts";
import { commands } from "#cli/commands/index.ts";
import { option } from "#cli/option.ts";
import { text } from "#schema/index.ts";

/** Commands without --json, each with its reason. One that has it fails the test too. */
const WITHOUT_JSON: Readonly<Record<string, string>> = {
  run: "standard output is the access log's, whose format the configuration says",
  demo: "a show for people; what it runs is asked with the other commands",
};

type Named = Pick<Command, "name" | "options">;

const hasJson = ({ options }: Named): boolean =>
  // A flag, so that no script has to know which command wants a value there.
  Object.hasOwn(options, "json") && options["json"]!.value === undefined;

const faulty = (all: readonly Named[]): string[] =>
  all
    .filter((command) => hasJson(command) === Object.hasOwn(WITHOUT_JSON, command.name))
    .map((command) => command.name);

test("every command that writes something has --json, or says why not", () => {
  assert.ok(commands.length > 10, "looked at nothing");
  assert.deepEqual(faulty(commands), []);
  const names = commands.map((command) => command.name);
  for (const name of Object.keys(WITHOUT_JSON)) assert.ok(names.includes(name), name);
});

test("what it would catch", () => {
  const json = option(text({ help: "a flag with a value" }), "TEXT");
  const [flagged] = commands.filter(hasJson);
  assert.deepEqual(faulty([{ name: "new", options: {} }]), ["new"]);
  assert.deepEqual(faulty([{ name: "new", options: { json } }]), ["new"]);
  assert.deepEqual(faulty([{ name: "run", options: flagged!.options }]), ["run"]);
});
