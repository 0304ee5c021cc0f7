import { isDeepStrictEqual } from "node:util";
import type { Field, Fields } from "#schema/index.ts";
import { documentFields, type Model } from "./model/document.ts";

/** One keyword, or one named thing, that differs between two configurations. */
export interface Change {
  /** Keywords and names from the top down: names may hold dots. */
  readonly at: readonly string[];
  readonly kind: "added" | "removed" | "changed";
  /** As a user would write it; undefined where there was, or is, nothing. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** Whether a reload applies it. */
  readonly reload: "live" | "restart";
}

/**
 * Every difference between two configurations in force, `defaults` and fallbacks worked in, in the
 * order of the language. A thing that came or went is one change, not one for each of its keywords.
 */
export function compareModels(before: Model, after: Model): Change[] {
  // `defaults` and `log` are in force in frontends and backends only.
  const { defaults: _, log: __, version: ___, ...fields } = documentFields;
  return compareFields(fields, before, after, []);
}

/** One line for each change: `~ backends.web.servers.a.weight: 1 → 9`, `+ …`, `- …`. */
export function describeChange({ at, kind, before, after, reload }: Change): string {
  const path = at.join(".");
  const note = reload === "restart" ? " (needs a restart)" : "";
  if (kind === "added") return `+ ${path}: ${after}${note}`;
  if (kind === "removed") return `- ${path}: ${before}${note}`;
  return `~ ${path}: ${before} → ${after}${note}`;
}

function compareFields(
  fields: Fields,
  before: object,
  after: object,
  at: readonly string[],
): Change[] {
  const a = before as Readonly<Record<string, unknown>>;
  const b = after as Readonly<Record<string, unknown>>;
  return Object.entries(fields).flatMap(([keyword, field]) =>
    compareValues(field, a[keyword], b[keyword], [...at, keyword]),
  );
}

function compareValues(
  field: Field<unknown>,
  before: unknown,
  after: unknown,
  at: readonly string[],
): Change[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (before instanceof Map && after instanceof Map && field.element) {
    return compareMaps(field.element, before, after, at);
  }
  // The options of a choice differ from member to member: it is compared as a whole.
  const isMap = field.fields && !field.choices && isObject(before) && isObject(after);
  if (isMap) return compareFields(field.fields!, before, after, at);
  const written = (value: unknown) => (value === undefined ? undefined : field.format(value));
  const kind = before === undefined ? "added" : after === undefined ? "removed" : "changed";
  return [{ at, kind, before: written(before), after: written(after), reload: field.reload }];
}

function compareMaps(
  element: Field<unknown>,
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
  at: readonly string[],
): Change[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) =>
    compareValues(element, before.get(name), after.get(name), [...at, name]),
  );
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
