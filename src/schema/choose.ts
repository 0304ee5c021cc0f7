import { isDeepStrictEqual } from "node:util";
import { assert } from "#base/assert.ts";
import { nearest } from "#base/nearest.ts";
import {
  type Choice,
  type Common,
  common,
  type Field,
  type Fields,
  type InferFields,
  type InputFields,
  type JsonSchema,
} from "./field.ts";
import { fallbacks, fieldsSchema, formatFields, pathTo, readFields } from "./maps.ts";
import { type Dict, describeTree, type Report, scalarText, type Tree } from "./tree.ts";

/** What choosing one reads to: its name and its options, defaults filled in. */
export interface Chosen {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** No keywords at all. */
export type NoFields = Record<never, never>;

/** A choice with the keywords that stand beside the member's own options. */
export type ChosenBeside<B extends Fields> = Chosen & { readonly beside: InferFields<B> };

/** What may be written: a bare name, or a map with the name under K. */
type ChoiceInput<C extends Choice, K extends string, B extends Fields> =
  | C["name"]
  | (C extends Choice
      ? { readonly [P in K]: C["name"] } & InputFields<C["options"]> & InputFields<B>
      : never);

interface Options<K extends string, B extends Fields> {
  /** Keyword that holds the name in a map. */
  readonly key: K;
  /** What one is, in the singular: "scheduler". */
  readonly what: string;
  /** Keywords that every member takes, read to `beside`. */
  readonly beside?: B;
}

/**
 * Chooses one member of a registry: the bare name (`leastconn`), or a map with the name under `key`
 * and the options beside it (`{ type: random, draws: 3 }`). New members need no change here.
 */
export function choose<C extends Choice, K extends string, B extends Fields = NoFields>(
  choices: readonly C[],
  options: Common<ChosenBeside<B>> & Options<K, B>,
): Field<ChosenBeside<B>, ChoiceInput<C, K, B>> {
  const { key, what, beside = {} as B } = options;
  const names = choices.map((c) => c.name);
  const expected = `${article(what)} ${what}: one of ${names.join(", ")}`;
  for (const choice of choices) {
    const clash = Object.keys(choice.options).find((k) => k === key || Object.hasOwn(beside, k));
    assert(clash === undefined, `${what} ${choice.name} has an option "${clash}" of every ${what}`);
  }

  return {
    ...common(options),
    type: names.join(" | "),
    expected,
    choices,
    choiceKey: key,
    fields: beside,
    read(tree, path, report) {
      const naming = readName(tree, key, expected, path, report);
      if (!naming) return undefined;
      const choice = choices.find((c) => c.name === naming.name);
      if (!choice) return unknownChoice(naming, what, names, path, report);
      const all = readFields({ ...beside, ...choice.options }, naming.rest, path, report);
      if (all === undefined) return undefined;
      const only = (fields: Fields): Record<string, unknown> =>
        Object.fromEntries(Object.keys(fields).map((k) => [k, all[k]]));
      return {
        name: naming.name,
        options: only(choice.options),
        beside: only(beside) as InferFields<B>,
      };
    },
    jsonSchema: () => ({
      anyOf: [{ enum: names }, ...choices.map((choice) => memberSchema(choice, key, beside))],
    }),
    format(value) {
      const fields = { ...beside, ...choices.find((c) => c.name === value.name)?.options };
      const values = { ...value.beside, ...value.options };
      if (isDeepStrictEqual(values, fallbacks(fields))) return value.name;
      return formatFields(fields, values).replace("{", `{ ${key}: ${value.name},`);
    },
  };
}

/** The name of a member as it was written, and the keywords beside it. */
interface Naming {
  readonly name: string;
  readonly at: Tree;
  readonly rest: Dict;
}

function readName(
  tree: Tree,
  key: string,
  expected: string,
  path: string,
  report: Report,
): Naming | undefined {
  if (tree.kind === "scalar" && typeof tree.value === "string") {
    return { name: tree.value, at: tree, rest: { ...tree, kind: "dict", entries: [] } };
  }
  if (tree.kind !== "dict") {
    const found = describeTree(tree);
    report.error(tree, path, `expected ${expected}, found ${found}`, { expected, found });
    return undefined;
  }
  const entry = tree.entries.find((e) => e.key === key);
  if (entry?.value.kind !== "scalar") {
    const at = entry?.value ?? tree;
    report.error(at, pathTo(path, key), `"${key}" is missing: ${expected}`, { expected });
    return undefined;
  }
  const rest = { ...tree, entries: tree.entries.filter((e) => e !== entry) };
  return { name: scalarText(entry.value), at: entry.value, rest };
}

function memberSchema({ summary, name, options }: Choice, key: string, beside: Fields): JsonSchema {
  const schema = fieldsSchema({ ...beside, ...options });
  return {
    ...schema,
    description: summary,
    properties: { [key]: { const: name }, ...(schema["properties"] as object) },
    required: [key, ...((schema["required"] as string[] | undefined) ?? [])],
  };
}

/**
 * The member called `name` with every option at its fallback: for a choice that is there unwritten.
 */
export function chosenByDefault(choices: readonly Choice[], name: string): ChosenBeside<NoFields> {
  const choice = choices.find((c) => c.name === name);
  assert(choice, `no member "${name}" to choose by default`);
  return { name, options: fallbacks(choice.options), beside: {} };
}

function unknownChoice(
  { name, at }: Naming,
  what: string,
  names: readonly string[],
  path: string,
  report: Report,
): undefined {
  const near = nearest(name, names);
  report.error(at, path, `unknown ${what} ${JSON.stringify(name)}`, {
    expected: `one of ${names.join(", ")}`,
    found: name,
    ...(near === undefined ? {} : { nearest: near }),
  });
}

const article = (noun: string): string => (/^[aeiou]/.test(noun) ? "an" : "a");
