import type { Field } from "./field.ts";
import { describeTree } from "./tree.ts";

/**
 * A field whose values must also pass `check`, which returns undefined for a good value or what was
 * expected instead.
 */
export function refine<T, I>(
  field: Field<T, I>,
  check: (value: T) => string | undefined,
  expected = field.expected,
): Field<T, I> {
  return {
    ...field,
    expected,
    read(tree, path, report) {
      const value = field.read(tree, path, report);
      const wanted = value === undefined ? undefined : check(value);
      if (wanted === undefined) return value;
      // Of a map or a list it is not the whole that is wrong.
      const found = tree.kind === "scalar" ? `, found ${describeTree(tree)}` : "";
      report.error(tree, path, `expected ${wanted}${found}`, { expected: wanted });
      return undefined;
    },
  };
}
