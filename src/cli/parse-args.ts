import { WeirError } from "#base/errors.ts";
import { nearest } from "#base/nearest.ts";
import { Report } from "#schema/index.ts";
import type { InferOptions, Option, Options } from "./option.ts";

export interface ParsedArgs<O extends Options> {
  readonly options: InferOptions<O>;
  readonly args: readonly string[];
}

const usage = (message: string): WeirError => new WeirError("USAGE", message);

/**
 * Reads a command's words: `--name value`, `--name=value`, `--no-flag`, `-f value`, `-fvalue`,
 * several flags as `-qv`; after `--` everything is an argument. Throws USAGE at the first thing
 * wrong.
 */
export function parseArgs<O extends Options>(options: O, words: readonly string[]): ParsedArgs<O> {
  const texts = new Map<string, string[]>();
  const args: string[] = [];
  const give = (name: string, text: string): void => {
    const known = texts.get(name);
    if (known) known.push(text);
    else texts.set(name, [text]);
  };
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const next = (shown: string): string => {
      if (at + 1 >= words.length) throw usage(`${shown} needs a value`);
      return words[++at]!;
    };
    if (word === "--") {
      args.push(...words.slice(at + 1));
      break;
    }
    if (word.startsWith("--")) readLong(options, word, next, give);
    else if (word.startsWith("-") && word.length > 1) readShort(options, word, next, give);
    else args.push(word);
  }
  return { options: readTexts(options, texts), args };
}

type Next = (shown: string) => string;
type Give = (name: string, text: string) => void;

function readLong(options: Options, word: string, next: Next, give: Give): void {
  const equals = word.indexOf("=");
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
  const negated = name.startsWith("no-") ? name.slice(3) : undefined;
  if (!Object.hasOwn(options, name) && negated !== undefined && isFlag(options, negated)) {
    give(negated, "false");
    return;
  }
  if (!Object.hasOwn(options, name)) {
    const near = nearest(name, Object.keys(options));
    throw usage(`unknown option --${name}${near ? `; did you mean --${near}?` : ""}`);
  }
  if (isFlag(options, name)) give(name, equals < 0 ? "true" : word.slice(equals + 1));
  else give(name, equals < 0 ? next(`--${name}`) : word.slice(equals + 1));
}

function readShort(options: Options, word: string, next: Next, give: Give): void {
  for (let i = 1; i < word.length; i++) {
    const letter = word[i]!;
    const name = Object.keys(options).find((n) => options[n]!.short === letter);
    if (name === undefined) throw usage(`unknown option -${letter}`);
    if (isFlag(options, name)) give(name, "true");
    else {
      give(name, i + 1 < word.length ? word.slice(i + 1) : next(`-${letter}`));
      return;
    }
  }
}

const isFlag = (options: Options, name: string): boolean =>
  Object.hasOwn(options, name) && options[name]!.value === undefined;

function readTexts<O extends Options>(
  options: O,
  texts: ReadonlyMap<string, string[]>,
): InferOptions<O> {
  const report = new Report();
  const values = Object.entries<Option>(options).map(([name, option]) => [
    name,
    option.read(texts.get(name) ?? [], `--${name}`, report),
  ]);
  const fault = report.faults[0];
  if (fault) throw usage(`${fault.path}: ${fault.message}`);
  return Object.fromEntries(values) as InferOptions<O>;
}
