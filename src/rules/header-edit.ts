import { latin1 } from "#base/bytes.ts";
import { fieldId } from "./header-field.ts";
import type { HeaderEdit } from "./types.ts";

/**
 * Makes one edit of a header field. Values are static now; a value with samples will be an edit
 * whose `line` is rendered by its action into storage of the thread before it is added to the
 * verdict.
 */
export function createEdit(op: HeaderEdit["op"], name: string, value = ""): HeaderEdit {
  return Object.freeze({
    op,
    name: latin1(name.toLowerCase()),
    id: fieldId(name),
    line: latin1(op === "delete" ? "" : `${name}: ${value}\r\n`),
  });
}

export const createSettings = (edits: ReadonlyMap<string, string>): readonly HeaderEdit[] =>
  [...edits].map(([name, value]) => createEdit("set", name, value));

export const createAdditions = (
  edits: ReadonlyMap<string, readonly string[]>,
): readonly HeaderEdit[] =>
  [...edits].flatMap(([name, values]) => values.map((value) => createEdit("add", name, value)));

export const createDeletions = (names: readonly string[]): readonly HeaderEdit[] =>
  names.map((name) => createEdit("delete", name));
