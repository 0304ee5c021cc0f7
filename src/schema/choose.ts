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
} from "./field.ts";
import { fallbacks, fieldsSchema, formatFields, readFields } from "./maps.ts";
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
 * Chooses one member of a registry: the bare name (`leastconn`), or a map with the name under `key` and
 * the options beside it (`{ type: random, draws: 3 }`). New members need no change here.
 */
export function choose<C extends Choice, K extends string, B extends Fields = NoFields>(
  choices: readonly C[],
  options: Common<ChosenBeside<B>> & Options<K, B>,
): Field<ChosenBeside<B>, ChoiceInput<C, K, B>> {
  const { key, what, beside = {} as B } = options;
  const names = choices.map((c) => c.name);
  const expected = `a ${what}: one of ${names.join(", ")}`;
  for (const choice of choices) {
    const clash = Object.keys(choice.options).find((k) => k === key || Object.hasOwn(beside, k));
    assert(clash === undefined, `${what} ${choice.name} has an option "${clash}" of every ${what}`);
  }

  /** Reads `dict`, which no longer holds the name, as the options of the member `name`. */
  const take = (name: string, at: Tree, dict: Dict, path: string, report: Report) => {
    const choice = choices.find((c) => c.name === name);
    if (!choice) return unknownChoice(at, path, report, name, what, names);
    const all = readFields({ ...beside, ...choice.options }, dict, path, report);
    if (all === undefined) return undefined;
    const only = (fields: Fields) =>
      Object.fromEntries(Object.keys(fields).map((k) => [k, (all as Record<string, unknown>)[k]]));
    return { name, options: only(choice.options), beside: only(beside) as InferFields<B> };
  };

  return {
    ...common(options),
    type: names.join(" | "),
    expected,
    choices,
    choiceKey: key,
    fields: beside,
    read(tree, path, report) {
      if (tree.kind === "scalar" && typeof tree.value === "string") {
        const empty: Dict = { kind: "dict", place: tree.place, entries: [] };
        return take(tree.value, tree, empty, path, report);
      }
      if (tree.kind !== "dict") {
        const found = describeTree(tree);
        report.error(tree, path, `expected ${expected}, found ${found}`, { expected, found });
        return undefined;
      }
      const name = tree.entries.find((e) => e.key === key);
      if (name?.value.kind !== "scalar") {
        const at = name?.value ?? tree;
        report.error(at, `${path}.${key}`, `"${key}" is missing: ${expected}`, { expected });
        return undefined;
      }
      const rest = { ...tree, entries: tree.entries.filter((e) => e !== name) };
      return take(scalarText(name.value), name.value, rest, path, report);
    },
    jsonSchema: () => ({
      anyOf: [
        { enum: names },
        ...choices.map((c) => {
          const fields = { ...beside, ...c.options };
          const schema = fieldsSchema(fields) as { properties: object; required?: string[] };
          return {
            ...schema,
            description: c.summary,
            properties: { [key]: { const: c.name }, ...schema.properties },
            required: [key, ...(schema.required ?? [])],
          };
        }),
      ],
    }),
    format(value) {
      const fields = { ...beside, ...choices.find((c) => c.name === value.name)?.options };
      const values = { ...value.beside, ...value.options };
      if (isDeepStrictEqual(values, fallbacks(fields))) return value.name;
      return formatFields(fields, values).replace("{", `{ ${key}: ${value.name},`);
    },
  };
}

/** The member called `name` with every option at its fallback: for a choice that is there unwritten. */
export function chosenByDefault(choices: readonly Choice[], name: string): ChosenBeside<NoFields> {
  const choice = choices.find((c) => c.name === name);
  assert(choice, `no member "${name}" to choose by default`);
  return { name, options: fallbacks(choice.options), beside: {} };
}

function unknownChoice(
  tree: Tree,
  path: string,
  report: Report,
  name: string,
  what: string,
  names: readonly string[],
): undefined {
  const near = nearest(name, names);
  report.error(tree, path, `unknown ${what} ${JSON.stringify(name)}`, {
    expected: `one of ${names.join(", ")}`,
    found: name,
    ...(near === undefined ? {} : { nearest: near }),
  });
}
