import { nearest } from "#base/nearest.ts";
import {
  type Common,
  common,
  type Field,
  type Fields,
  type InferFields,
  type JsonSchema,
} from "./field.ts";
import { describeTree, type Report, type Tree } from "./tree.ts";

/** Reads the keywords of a map: unknown ones are faults with the nearest keyword, absent ones default. */
export function readFields<F extends Fields>(
  fields: F,
  tree: Tree,
  path: string,
  report: Report,
): InferFields<F> | undefined {
  if (tree.kind !== "dict") {
    report.error(tree, path, `expected a map of keywords, found ${describeTree(tree)}`, {
      expected: "a map of keywords",
      found: describeTree(tree),
    });
    return undefined;
  }
  const out: Record<string, unknown> = {};
  const at = (key: string) => (path === "" ? key : `${path}.${key}`);
  const before = report.faults.length;
  const seen = new Set<string>();
  for (const entry of tree.entries) {
    const field = Object.hasOwn(fields, entry.key) ? fields[entry.key] : undefined;
    if (!field) {
      const near = nearest(entry.key, Object.keys(fields));
      report.error({ place: entry.keyPlace }, at(entry.key), `unknown keyword "${entry.key}"`, {
        expected: `one of ${Object.keys(fields).join(", ")}`,
        found: entry.key,
        ...(near === undefined ? {} : { nearest: near }),
      });
      continue;
    }
    seen.add(entry.key);
    out[entry.key] = field.read(entry.value, at(entry.key), report);
  }
  for (const [keyword, field] of Object.entries(fields)) {
    if (seen.has(keyword)) continue;
    if (field.required) {
      report.error(tree, at(keyword), `"${keyword}" is missing: ${field.expected}`, {
        expected: field.expected,
      });
    }
    out[keyword] = field.fallback;
  }
  const failed = report.faults.slice(before).some((f) => f.severity === "error");
  return failed ? undefined : (out as InferFields<F>);
}

/** The values a group has when nothing is written. Asserts nothing about required keywords. */
export function fallbacks<F extends Fields>(fields: F): InferFields<F> {
  const entries = Object.entries(fields).map(([k, f]) => [k, f.fallback]);
  return Object.fromEntries(entries) as InferFields<F>;
}

export function fieldsSchema(fields: Fields): JsonSchema {
  const required = Object.entries(fields).filter(([, f]) => f.required);
  return {
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(
      Object.entries(fields).map(([k, f]) => [
        k,
        {
          ...f.jsonSchema(),
          description: f.help,
          ...(f.fallback === undefined || typeof f.fallback === "object"
            ? {}
            : {
                default:
                  f.type === "duration" || f.type === "size" ? f.format(f.fallback) : f.fallback,
              }),
        },
      ]),
    ),
    ...(required.length ? { required: required.map(([k]) => k) } : {}),
  };
}

/** A map of known keywords. */
export function group<F extends Fields>(
  fields: F,
  options: Common<InferFields<F>>,
): Field<InferFields<F>> {
  return {
    ...common(options),
    type: "map",
    expected: "a map of keywords",
    read: (tree, path, report) => readFields(fields, tree, path, report),
    jsonSchema: () => fieldsSchema(fields),
    format: () => "",
    fields,
  };
}

/** A list; with `single`, one bare element is taken as a list of one. */
export function list<T>(
  element: Field<T>,
  options: Common<readonly T[]> & { min?: number; max?: number; single?: boolean },
): Field<readonly T[]> {
  const { min = 0, max = 100_000, single = false } = options;
  const expected = min > 0 ? `a list of at least ${min}` : "a list";
  return {
    ...common(options),
    type: "list",
    expected,
    read(tree, path, report) {
      if (tree.kind !== "list" && !single) {
        report.error(tree, path, `expected ${expected}, found ${describeTree(tree)}`, {
          expected,
          found: describeTree(tree),
        });
        return undefined;
      }
      const items = tree.kind === "list" ? tree.items : [tree];
      if (items.length < min || items.length > max) {
        report.error(tree, path, `expected ${expected}, found ${items.length}`, { expected });
        return undefined;
      }
      const out = items.map((item, i) =>
        element.read(item, tree.kind === "list" ? `${path}[${i}]` : path, report),
      );
      return out.some((v) => v === undefined) ? undefined : (out as T[]);
    },
    jsonSchema() {
      const array = {
        type: "array",
        items: element.jsonSchema(),
        ...(min ? { minItems: min } : {}),
      };
      return single ? { anyOf: [array, element.jsonSchema()] } : array;
    },
    format: (v) => `[${v.map((x) => element.format(x)).join(", ")}]`,
    element: element as Field<unknown>,
  };
}

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}$/;

/** A map from names the user chooses to values of one kind, order kept. */
export function named<T>(
  element: Field<T>,
  options: Common<ReadonlyMap<string, T>> & { what: string },
): Field<ReadonlyMap<string, T>> {
  const expected = `a map of ${options.what} by name`;
  return {
    ...common(options),
    type: `map of ${options.what}`,
    expected,
    read(tree, path, report) {
      if (tree.kind !== "dict") {
        report.error(tree, path, `expected ${expected}, found ${describeTree(tree)}`, {
          expected,
          found: describeTree(tree),
        });
        return undefined;
      }
      const out = new Map<string, T>();
      for (const entry of tree.entries) {
        const at = `${path}.${entry.key}`;
        if (!NAME.test(entry.key)) {
          report.error({ place: entry.keyPlace }, at, `"${entry.key}" cannot be a name`, {
            expected: "1 to 64 letters, digits, _ . : or -, the first a letter, digit or _",
          });
          continue;
        }
        const value = element.read(entry.value, at, report);
        if (value !== undefined) out.set(entry.key, value);
      }
      return out;
    },
    jsonSchema: () => ({
      type: "object",
      propertyNames: { pattern: NAME.source },
      additionalProperties: element.jsonSchema(),
    }),
    format: () => "",
    element: element as Field<unknown>,
  };
}

/** A member of a registry that configuration can choose by name, with options of its own. */
export interface Choice {
  readonly name: string;
  readonly summary: string;
  readonly options: Fields;
}

/** What choosing one reads to: its name and its options, defaults filled in. */
export interface Chosen {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Chooses one member of a registry: the bare name (`leastconn`), or a map with the name under `key` and
 * the options beside it (`{ type: random, draws: 3 }`). New members need no change here.
 */
export function choose(
  choices: readonly Choice[],
  options: Common<Chosen> & { key: string; what: string },
): Field<Chosen> & { readonly choices: readonly Choice[]; readonly key: string } {
  const names = choices.map((c) => c.name);
  const expected = `${options.what}: one of ${names.join(", ")}`;
  const unknown = (tree: Tree, path: string, report: Report, name: string): undefined => {
    const near = nearest(name, names);
    report.error(tree, path, `unknown ${options.what} ${JSON.stringify(name)}`, {
      expected,
      found: name,
      ...(near === undefined ? {} : { nearest: near }),
    });
  };
  return {
    ...common(options),
    type: names.join(" | "),
    expected,
    choices,
    key: options.key,
    read(tree, path, report) {
      if (tree.kind === "scalar" && typeof tree.value === "string") {
        const choice = choices.find((c) => c.name === tree.value);
        if (!choice) return unknown(tree, path, report, tree.value);
        const empty = { kind: "dict", place: tree.place, entries: [] } as const;
        const read = readFields(choice.options, empty, path, report);
        return read && { name: choice.name, options: read };
      }
      if (tree.kind !== "dict") {
        report.error(tree, path, `expected ${expected}, found ${describeTree(tree)}`, { expected });
        return undefined;
      }
      const named = tree.entries.find((e) => e.key === options.key);
      if (named?.value.kind !== "scalar") {
        report.error(tree, `${path}.${options.key}`, `"${options.key}" is missing: ${expected}`, {
          expected,
        });
        return undefined;
      }
      const name = String(named.value.value);
      const choice = choices.find((c) => c.name === name);
      if (!choice) return unknown(named.value, `${path}.${options.key}`, report, name);
      const rest = { ...tree, entries: tree.entries.filter((e) => e !== named) };
      const read = readFields(choice.options, rest, path, report);
      return read && { name, options: read };
    },
    jsonSchema: () => ({
      anyOf: [
        { enum: names },
        ...choices.map((c) => {
          const schema = fieldsSchema(c.options) as { properties: object; required?: string[] };
          return {
            ...schema,
            description: c.summary,
            properties: { [options.key]: { const: c.name }, ...schema.properties },
            required: [options.key, ...(schema.required ?? [])],
          };
        }),
      ],
    }),
    format: (v) => v.name,
  };
}
