import { assert } from "#base/assert.ts";
import { bool, type Field, type Report, type Scalar } from "#schema/index.ts";

/** One option of a command: how it is written and how its texts are read. T is what `run` gets. */
export interface Option<T = unknown> {
  readonly help: string;
  /** One letter, for `-f`. */
  readonly short: string | undefined;
  /** Name of its value in help, such as FILE; undefined for a flag, which takes none. */
  readonly value: string | undefined;
  readonly repeats: boolean;
  /** For help; undefined when there is nothing to say. */
  readonly fallback: string | undefined;
  /** From the texts given, in order; none when the option is absent. Faults go to the report. */
  read(texts: readonly string[], name: string, report: Report): T | undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: a record of options of any type
export type Options = { readonly [name: string]: Option<any> };

export type InferOptions<O extends Options> = {
  readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never;
};

/** A word of the command line as configuration knows scalars. */
function scalarOf(text: string): Scalar {
  const place = { file: "command line", line: 0, column: 0, length: Math.max(1, text.length) };
  const value = text === "true" ? true : text === "false" ? false : numberOf(text);
  return { kind: "scalar", place, value, text };
}

const numberOf = (text: string): string | number =>
  /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;

/** `--quiet`: true when given. `--no-quiet` takes it back. */
export function flag(help: string, short?: string): Option<boolean> {
  const field = bool({ help });
  return {
    help,
    short,
    value: undefined,
    repeats: false,
    fallback: undefined,
    read: (texts, name, report) =>
      texts.length > 0 && field.read(scalarOf(texts.at(-1)!), name, report) === true,
  };
}

/** `--user nobody`: the last one given counts; undefined when absent, unless the field says. */
export function option<T>(field: Field<T>, value: string, short?: string): Option<T | undefined> {
  return {
    help: field.help,
    short,
    value,
    repeats: false,
    fallback: field.fallback === undefined ? undefined : field.format(field.fallback),
    read: (texts, name, report) =>
      texts.length === 0 ? field.fallback : field.read(scalarOf(texts.at(-1)!), name, report),
  };
}

/** `--port 8080`, for a field with a fallback: there is always a value. */
export function defaulted<T>(field: Field<T>, value: string, short?: string): Option<T> {
  assert(field.fallback !== undefined, `an option "${field.help}" without a fallback`);
  return option(field, value, short) as Option<T>;
}

/** `-f a -f b`: every one given, in order. */
export function repeated<T>(field: Field<T>, value: string, short?: string): Option<readonly T[]> {
  return {
    help: field.help,
    short,
    value,
    repeats: true,
    fallback: undefined,
    read: (texts, name, report) =>
      texts.map((text) => field.read(scalarOf(text), name, report) as T),
  };
}
