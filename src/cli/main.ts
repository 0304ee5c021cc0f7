import { WeirError } from "#base/errors.ts";
import { nearest } from "#base/nearest.ts";
import type { Command, Context } from "./command.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import { commandHelp, mainHelp } from "./help.ts";
import { translate } from "./old-hands.ts";
import { parseArgs } from "./parse-args.ts";
import { createStyle } from "./style.ts";

/** Runs one command line (without `node` and the script) and returns the exit code. */
export async function runCommandLine(
  words: readonly string[],
  commands: readonly Command[],
  context: Context,
): Promise<number> {
  const { words: meant, hint } = translate(words);
  if (hint) context.warn(`${context.warnStyle.dim(`(here: ${hint})`)}\n`);
  const { painted, rest } = takeNoColor(meant, context);
  try {
    return await dispatch(rest, commands, painted);
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    context.warn(`${painted.warnStyle.red("weir:")} ${error.message}\n`);
    return exitCodeOf(error.code);
  }
}

async function dispatch(
  words: readonly string[],
  commands: readonly Command[],
  context: Context,
): Promise<number> {
  if (words[0] === "help") return help(words.slice(1), commands, context);
  const found = find(words, commands);
  if (!found) throw new WeirError("USAGE", unknownCommand(words, commands));
  const { command, rest } = found;
  const end = rest.indexOf("--");
  const before = end < 0 ? rest : rest.slice(0, end);
  if (before.includes("--help") || before.includes("-h")) {
    context.write(commandHelp(command, context.style));
    return EXIT.OK;
  }
  const { options, args } = parseArgs(command.options, rest);
  checkArguments(command, args);
  return command.run(context, options, args);
}

function help(words: readonly string[], commands: readonly Command[], context: Context): number {
  const found = find(words, commands);
  if (words.length > 0 && !found) throw new WeirError("USAGE", unknownCommand(words, commands));
  const { style } = context;
  context.write(found ? commandHelp(found.command, style) : mainHelp(commands, style));
  return EXIT.OK;
}

/** The command whose name the words begin with; two-word names first. */
function find(
  words: readonly string[],
  commands: readonly Command[],
): { command: Command; rest: readonly string[] } | undefined {
  for (const length of [2, 1]) {
    const name = words.slice(0, length).join(" ");
    const command = commands.find((c) => c.name === name);
    if (command && words.length >= length) return { command, rest: words.slice(length) };
  }
  return undefined;
}

function unknownCommand(words: readonly string[], commands: readonly Command[]): string {
  const [first = ""] = words;
  const verbs = commands.filter((c) => c.name.startsWith(`${first} `)).map((c) => c.name);
  if (verbs.length > 0) {
    return `"${first}" needs a verb: ${verbs.map((v) => v.slice(first.length + 1)).join(", ")}`;
  }
  const names = commands.map((c) => c.name);
  const near = nearest(words.slice(0, 2).join(" "), names) ?? nearest(first, names);
  return `unknown command "${first}"${near ? `; did you mean "${near}"?` : "; see weir --help"}`;
}

function checkArguments(command: Command, args: readonly string[]): void {
  const declared = command.arguments ?? [];
  const missing = declared.find((a, i) => a.required && args.length <= i);
  const usage = `see weir ${command.name} --help`;
  if (missing)
    throw new WeirError("USAGE", `${missing.name} is missing: ${missing.help}; ${usage}`);
  if (args.length > declared.length && !declared.at(-1)?.repeats) {
    throw new WeirError("USAGE", `unexpected "${args[declared.length]}"; ${usage}`);
  }
}

/** `--no-color` may stand anywhere before `--`. */
function takeNoColor(
  words: readonly string[],
  context: Context,
): { painted: Context; rest: readonly string[] } {
  const at = words.indexOf("--no-color");
  const end = words.indexOf("--");
  if (at < 0 || (end >= 0 && end < at)) return { painted: context, rest: words };
  const plain = createStyle(false);
  return {
    painted: { ...context, style: plain, warnStyle: plain },
    rest: words.filter((_, i) => i !== at),
  };
}
