import { isDeepStrictEqual } from "node:util";
import { nearest } from "#base/nearest.ts";
import {
  type Common,
  common,
  type Field,
  type Fields,
  type InferFields,
  type Input,
  type InputFields,
  type JsonSchema,
} from "./field.ts";
import { type Dict, describeTree, type Report, type Tree } from "./tree.ts";

/** Path of a keyword inside the map at `path`; the document's own path is empty. */
export const pathTo = (path: string, keyword: string): string =>
  path === "" ? keyword : `${path}.${keyword}`;

/** Reports that a map was wanted where something else stands. */
export function expectMap(tree: Tree, path: string, report: Report, what: string): tree is Dict {
  if (tree.kind === "dict") return true;
  const found = describeTree(tree);
  report.error(tree, path, `expected ${what}, found ${found}`, { expected: what, found });
  return false;
}

/** Reports a key that is no keyword here; returns the one that was probably meant. */
export function unknownKeyword(
  entry: Dict["entries"][number],
  path: string,
  known: readonly string[],
  report: Report,
): string | undefined {
  const near = nearest(entry.key, known);
  report.error(
    { place: entry.keyPlace },
    pathTo(path, entry.key),
    `unknown keyword "${entry.key}"`,
    {
      expected: `one of ${known.join(", ")}`,
      found: entry.key,
      ...(near === undefined ? {} : { nearest: near }),
    },
  );
  return near;
}

const isNothing = (tree: Tree): boolean => tree.kind === "scalar" && tree.value === null;

/** Reads the keywords of a map that can be read, and their fallbacks; undefined marks a fault. */
export function readEntries<F extends Fields>(
  fields: F,
  tree: Dict,
  path: string,
  report: Report,
): { readonly [K in keyof F]: InferFields<F>[K] | undefined } {
  const out: Record<string, unknown> = {};
  const meant = new Set<string | undefined>();
  for (const entry of tree.entries) {
    const field = Object.hasOwn(fields, entry.key) ? fields[entry.key] : undefined;
    if (!field) meant.add(unknownKeyword(entry, path, Object.keys(fields), report));
    else if (isNothing(entry.value) && mayBeBare(field)) out[entry.key] = field.fallback;
    else out[entry.key] = field.read(entry.value, pathTo(path, entry.key), report);
  }
  for (const [keyword, field] of Object.entries(fields)) {
    if (Object.hasOwn(out, keyword)) continue;
    // A required keyword that is only misspelt is told of once.
    if (field.required && !meant.has(keyword)) {
      report.error(tree, pathTo(path, keyword), `"${keyword}" is missing: ${field.expected}`, {
        expected: field.expected,
      });
    }
    out[keyword] = field.fallback;
  }
  return out as InferFields<F>;
}

/**
 * A map or list that need not be there may also have every line commented out: nothing stands
 * there.
 */
const mayBeBare = (field: Field<unknown>): boolean =>
  field.fallback !== undefined &&
  (field.collection !== undefined || field.fields !== undefined) &&
  field.choices === undefined;

/**
 * Reads the keywords of a map: unknown ones are faults with the nearest keyword, absent ones
 * default.
 */
export function readFields<F extends Fields>(
  fields: F,
  tree: Tree,
  path: string,
  report: Report,
): InferFields<F> | undefined {
  if (!expectMap(tree, path, report, "a map of keywords")) return undefined;
  const before = report.errors;
  const out = readEntries(fields, tree, path, report);
  return report.errors > before ? undefined : (out as InferFields<F>);
}

/** The values a group has when nothing is written. Asserts nothing about required keywords. */
export function fallbacks<F extends Fields>(fields: F): InferFields<F> {
  const entries = Object.entries(fields).map(([k, f]) => [k, f.fallback]);
  return Object.fromEntries(entries) as InferFields<F>;
}

/** The same fields with other fallbacks: `values[keyword]` wherever that is given. */
export function inheritFields<F extends Fields>(
  fields: F,
  values: { readonly [K in keyof F]?: unknown },
): F {
  const entries = Object.entries(fields).map(([keyword, field]) => {
    const value = values[keyword];
    if (value === undefined) return [keyword, field];
    return [keyword, field.inherit?.(value) ?? { ...field, fallback: value, required: false }];
  });
  return Object.fromEntries(entries) as F;
}

/** JSON Schema of one keyword: its value's, with the help and what it is when absent. */
export function keywordSchema(field: Field<unknown>): JsonSchema {
  const { fallback } = field;
  const plain = typeof fallback === "number" ? field.format(fallback) : fallback;
  const isUnit = typeof plain === "string" && String(fallback) !== plain;
  const schema = field.jsonSchema();
  return {
    ...(mayBeBare(field) ? { anyOf: [schema, { type: "null" }] } : schema),
    description: field.help,
    ...(fallback === undefined || typeof fallback === "object"
      ? {}
      : { default: isUnit ? plain : fallback }),
  };
}

export function fieldsSchema(fields: Fields): JsonSchema {
  const required = Object.entries(fields).filter(([, f]) => f.required);
  return {
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(Object.entries(fields).map(([k, f]) => [k, keywordSchema(f)])),
    ...(required.length ? { required: required.map(([k]) => k) } : {}),
  };
}

/** Keywords whose value is not their fallback's, each as it would be written. */
function written(fields: Fields, value: Readonly<Record<string, unknown>>): [string, string][] {
  return Object.entries(fields).flatMap(([keyword, field]): [string, string][] => {
    const v = value[keyword];
    const isSaid = v !== undefined && !isDeepStrictEqual(v, field.fallback);
    return isSaid ? [[keyword, field.format(v)]] : [];
  });
}

/** Keywords on one line, those left at their fallback not repeated. */
export function formatFields(fields: Fields, value: Readonly<Record<string, unknown>>): string {
  const parts = written(fields, value).map(([keyword, text]) => `${keyword}: ${text}`);
  return parts.length === 0 ? "{}" : `{ ${parts.join(", ")} }`;
}

type Group<F extends Fields, S extends keyof F> = Field<
  InferFields<F>,
  InputFields<F> | Input<F[S]>
>;

/** A map of known keywords. With `short`, a bare value is taken as that one keyword's. */
export function group<F extends Fields, S extends keyof F & string = never>(
  fields: F,
  options: Common<InferFields<F>> & { short?: S },
): Group<F, S> {
  const { short } = options;
  const single = short === undefined ? undefined : fields[short]!;
  const expected = single ? `${single.expected}, or a map of keywords` : "a map of keywords";
  return {
    ...common(options),
    type: single ? `${single.type} or map` : "map",
    expected,
    fields,
    read(tree, path, report) {
      if (short !== undefined && tree.kind !== "dict" && !isNothing(tree)) {
        const entry = { key: short, keyPlace: tree.place, value: tree };
        const dict: Dict = { kind: "dict", place: tree.place, entries: [entry] };
        return readFields(fields, dict, path, report);
      }
      return readFields(fields, tree, path, report);
    },
    jsonSchema: () =>
      single ? { anyOf: [single.jsonSchema(), fieldsSchema(fields)] } : fieldsSchema(fields),
    format(value) {
      const parts = written(fields, value);
      return parts.length === 1 && parts[0]![0] === short
        ? parts[0]![1]
        : formatFields(fields, value);
    },
  };
}

/**
 * A map of keywords that is there even when it is not written: each keyword has a fallback of its
 * own.
 */
export function section<F extends Fields, S extends keyof F & string = never>(
  fields: F,
  options: Omit<Common<InferFields<F>>, "fallback" | "required"> & { short?: S },
): Group<F, S> {
  return {
    ...group(fields, { ...options, fallback: fallbacks(fields) }),
    inherit: (value) => section(inheritFields(fields, value), options),
  };
}
