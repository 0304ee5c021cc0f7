import { nearest } from "#base/nearest.ts";
import { type Common, common, type Field, type JsonSchema } from "./field.ts";
import { describeTree, type Report, scalarText, type Tree } from "./tree.ts";

/** What tells one kind of scalar from another. */
export interface ScalarKind<T> {
  readonly type: string;
  readonly expected: string;
  readonly schema: JsonSchema;
  /** The value, or undefined when it is not one. `text` is the scalar as it was written. */
  parse(value: string | number | boolean, text: string): T | undefined;
  /** A closer "expected …" for a value that `parse` refused. */
  explain?(text: string): string | undefined;
  format(value: T): string;
  /** Words to look for a near miss among. */
  readonly words?: readonly string[];
}

/** A field whose value is one scalar. */
export function scalar<T, I>(options: Common<T>, kind: ScalarKind<T>): Field<T, I> {
  return {
    ...common(options),
    type: kind.type,
    expected: kind.expected,
    read(tree: Tree, path: string, report: Report): T | undefined {
      let expected = kind.expected;
      let near: string | undefined;
      if (tree.kind === "scalar" && tree.value !== null) {
        const written = scalarText(tree);
        const value = kind.parse(tree.value, written);
        if (value !== undefined) return value;
        expected = kind.explain?.(written) ?? expected;
        near = kind.words && nearest(written, kind.words);
      }
      const found = describeTree(tree);
      report.error(tree, path, `expected ${expected}, found ${found}`, {
        expected,
        found,
        ...(near === undefined ? {} : { nearest: near }),
      });
      return undefined;
    },
    jsonSchema: () => kind.schema,
    format: kind.format,
  };
}

const MISREAD = /^(true|false|null|0x[0-9a-f]+|0o[0-7]+|\d+(\.\d*)?(e[+-]?\d+)?)$/i;

/** Text as YAML: in quotes where it would otherwise be read as something else. */
export const formatText = (value: string): string =>
  /^[A-Za-z0-9/][\w./@:+-]*$/.test(value) && !/:$/.test(value) && !MISREAD.test(value)
    ? value
    : JSON.stringify(value);
