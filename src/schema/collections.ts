import { type Common, common, type Field } from "./field.ts";
import { expectMap, pathTo } from "./maps.ts";
import { describeTree } from "./tree.ts";

/** A list; with `single`, one bare element is taken as a list of one. */
export function list<T, I>(
  element: Field<T, I>,
  options: Common<NoInfer<readonly T[]>> & { min?: number; max?: number; single?: boolean },
): Field<readonly T[], readonly I[] | I> {
  const { min = 0, max = 100_000, single = false } = options;
  const several = min > 0 ? `a list of at least ${min}` : "a list";
  const expected = single ? `${element.expected}, or a list of such` : several;
  return {
    ...common(options),
    type: single ? `${element.type}, or a list` : `list of ${element.type}`,
    expected,
    element: element as Field<unknown>,
    collection: "list",
    read(tree, path, report) {
      if (tree.kind !== "list") {
        if (single) {
          const value = element.read(tree, path, report);
          return value === undefined ? undefined : [value];
        }
        const found = describeTree(tree);
        report.error(tree, path, `expected ${several}, found ${found}`, {
          expected: several,
          found,
        });
        return undefined;
      }
      const { length } = tree.items;
      if (length < min || length > max) {
        const bound = length < min ? several : `a list of at most ${max}`;
        report.error(tree, path, `expected ${bound}, found ${length}`, { expected: bound });
        return undefined;
      }
      const out = tree.items.map((item, i) => element.read(item, `${path}[${i}]`, report));
      return out.some((v) => v === undefined) ? undefined : (out as T[]);
    },
    jsonSchema() {
      const items = element.jsonSchema();
      const array = { type: "array", items, ...(min ? { minItems: min } : {}) };
      return single ? { anyOf: [items, array] } : array;
    },
    format: (v) =>
      single && v.length === 1
        ? element.format(v[0]!)
        : `[${v.map((x) => element.format(x)).join(", ")}]`,
  };
}

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}$/;
const NAME_EXPECTED = "1 to 64 letters, digits, _ . : or -, the first a letter, digit or _";

/**
 * A map from names the user chooses to values of one kind, order kept. `what` names the values in
 * the plural; `name` and `nameExpected` replace what may be a name.
 */
export function named<T, I>(
  element: Field<T, I>,
  options: Common<ReadonlyMap<string, NoInfer<T>>> & {
    what: string;
    name?: RegExp;
    nameExpected?: string;
  },
): Field<ReadonlyMap<string, T>, Readonly<Record<string, I>>> {
  const { what, name = NAME, nameExpected = NAME_EXPECTED } = options;
  const expected = `a map of ${what}`;
  return {
    ...common(options),
    type: `map of ${what}`,
    expected,
    element: element as Field<unknown>,
    collection: "named",
    read(tree, path, report) {
      if (!expectMap(tree, path, report, expected)) return undefined;
      const out = new Map<string, T>();
      for (const entry of tree.entries) {
        const at = pathTo(path, entry.key);
        if (!name.test(entry.key)) {
          report.error({ place: entry.keyPlace }, at, `"${entry.key}" cannot be a name here`, {
            expected: nameExpected,
            found: entry.key,
          });
          continue;
        }
        const value = element.read(entry.value, at, report);
        if (value !== undefined) out.set(entry.key, value);
      }
      // Those that could be read, so that checks across them see all they can.
      return out;
    },
    jsonSchema: () => ({
      type: "object",
      propertyNames: { pattern: name.source },
      additionalProperties: element.jsonSchema(),
    }),
    format: (v) => {
      const parts = [...v].map(([key, value]) => `${key}: ${element.format(value)}`);
      return parts.length === 0 ? "{}" : `{ ${parts.join(", ")} }`;
    },
  };
}
