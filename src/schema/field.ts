import type { Report, Tree } from "./tree.ts";

/** JSON Schema, draft 2020-12, as far as we write it. */
export type JsonSchema = { readonly [key: string]: unknown };

/**
 * One keyword's value: how to read it, what it may be, what it is when absent. Everything a user ever
 * sees of a keyword (check, schema, docs, help, types) derives from its Field.
 */
export interface Field<T> {
  /** Short name of the kind of value, for tables: "duration". */
  readonly type: string;
  /** Completes "expected …": "a duration such as 500ms or 5s". */
  readonly expected: string;
  readonly help: string;
  /** Value when the keyword is absent; undefined with `required` false means "absent is meaningful". */
  readonly fallback: T | undefined;
  readonly required: boolean;
  /** Whether a change is applied by reload, or needs a restart. */
  readonly reload: "live" | "restart";
  /** Reads a value; on a fault reports it and returns undefined. `path` is the value's dotted path. */
  read(tree: Tree, path: string, report: Report): T | undefined;
  jsonSchema(): JsonSchema;
  /** As a user would write it; for docs and `weir fmt`. */
  format(value: T): string;
  /** Sub-fields, when the value is a map of keywords: docs and nearest-keyword walk them. */
  readonly fields?: Fields;
  /** Element, when the value is a list or a map of names. */
  readonly element?: Field<unknown>;
}

// biome-ignore lint/suspicious/noExplicitAny: a record of fields of any type
export type Fields = { readonly [keyword: string]: Field<any> };

/** The type a Field reads. */
export type Infer<F> = F extends Field<infer T> ? T : never;

/** The type a group of Fields reads: absent optional keywords are undefined. */
export type InferFields<F extends Fields> = { readonly [K in keyof F]: Infer<F[K]> };

/** What every field constructor takes besides its own bounds. */
export interface Common<T> {
  readonly help: string;
  readonly fallback?: T;
  readonly required?: boolean;
  readonly reload?: "live" | "restart";
}

export function common<T>(options: Common<T>) {
  return {
    help: options.help,
    fallback: options.fallback,
    required: options.required ?? false,
    reload: options.reload ?? ("live" as const),
  };
}
