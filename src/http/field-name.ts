// @hot
import { FIELD_NAMES } from "./head.ts";
import { NameTable } from "./name-table.ts";

const names = new NameTable(FIELD_NAMES);

/** FIELD.* of a field name in any case; 0 (OTHER) when it has no meaning to us. */
export function fieldId(bytes: Uint8Array, from: number, to: number): number {
  const id = names.find(bytes, from, to);
  return Math.max(id, 0);
}

/** As fieldId, but -FIELD.* for a known name spelt with `_` in place of `-`. */
export function fieldIdOrAlias(bytes: Uint8Array, from: number, to: number): number {
  return names.find(bytes, from, to);
}
