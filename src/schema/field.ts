import type { Report, Tree } from "./tree.ts";

/** JSON Schema, draft 2020-12, as far as we write it. */
export type JsonSchema = { readonly [key: string]: unknown };

/**
 * One keyword's value: how to read it, what it may be, what it is when absent. Everything a user
 * ever sees of a keyword (check, schema, docs, help, types) derives from its Field.
 *
 * T is what it reads to, I what a user may write for it in TypeScript.
 */
export interface Field<T, I = unknown> {
  /** Short name of the kind of value, for tables: "duration". */
  readonly type: string;
  /** Completes "expected …": "a duration such as 500ms or 5s". */
  readonly expected: string;
  readonly help: string;
  /**
   * Value when the keyword is absent; undefined with `required` false means "absent is meaningful".
   */
  readonly fallback: T | undefined;
  readonly required: boolean;
  /** Whether a change is applied by reload, or needs a restart. */
  readonly reload: "live" | "restart";
  /**
   * Reads a value; on a fault reports it and returns undefined. `path` is the value's dotted path.
   */
  read(tree: Tree, path: string, report: Report): T | undefined;
  jsonSchema(): JsonSchema;
  /** As a user would write it on one line; for docs, `weir diff` and `weir fmt`. */
  format(value: T): string;
  /** The same field with `value` as its fallback; maps of keywords take it keyword by keyword. */
  inherit?(value: T): Field<T, I>;
  /** Sub-fields, when the value is a map of keywords: docs and nearest-keyword walk them. */
  readonly fields?: Fields;
  /** Element, when the value is a list or a map of names. */
  readonly element?: Field<unknown>;
  /** How the elements are held: in order, or under names the user chooses. */
  readonly collection?: "list" | "named";
  /** Members of the registry that the value chooses from, and the keyword that holds the name. */
  readonly choices?: readonly Choice[];
  readonly choiceKey?: string;
  /** Carries I; never set. */
  readonly input?: I;
}

/** A member of a registry that configuration can choose by name, with options of its own. */
export interface Choice {
  readonly name: string;
  readonly summary: string;
  readonly options: Fields;
}

// biome-ignore lint/suspicious/noExplicitAny: a record of fields of any type
export type Fields = { readonly [keyword: string]: Field<any, any> };

/** The type a Field reads. */
// biome-ignore lint/suspicious/noExplicitAny: whatever may be written
export type Infer<F> = F extends Field<infer T, any> ? T : never;

/** The type a group of Fields reads: absent optional keywords are undefined. */
export type InferFields<F extends Fields> = { readonly [K in keyof F]: Infer<F[K]> };

/** What a user may write for a Field. */
// biome-ignore lint/suspicious/noExplicitAny: whatever it reads to
export type Input<F> = F extends Field<any, infer I> ? I : never;

/** What a user may write for a group of Fields. */
export type InputFields<F extends Fields> = { readonly [K in keyof F]?: Input<F[K]> };

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

/** A keyword whose absence means something of its own: it reads to undefined then. */
export function optional<T, I>(field: Field<T, I>): Field<T | undefined, I> {
  const { inherit: _, ...rest } = field;
  return { ...rest, fallback: undefined, required: false };
}

/** Adds the word `off`, read as null, to a field: for what is on by default or inherited. */
export function orOff<T, I>(field: Field<T, I>): Field<T | null, I | "off" | false> {
  const { inherit: _, ...rest } = field;
  return {
    ...rest,
    type: `${field.type} | off`,
    expected: `${field.expected}, or off`,
    read: (tree, path, report) =>
      tree.kind === "scalar" && (tree.value === "off" || tree.value === false)
        ? null
        : field.read(tree, path, report),
    jsonSchema: () => ({ anyOf: [field.jsonSchema(), { enum: ["off", false] }] }),
    format: (value) => (value === null ? "off" : field.format(value)),
  } as Field<T | null, I | "off" | false>;
}
