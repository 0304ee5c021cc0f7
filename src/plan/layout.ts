/**
 * Layouts of shared tables. A table is a run of equal rows in one typed array; a layout names the
 * columns. `LAYOUT.NAME` is the column's offset inside a row, `LAYOUT.size` the row's length in
 * elements, so a cell is `view[slot * LAYOUT.size + LAYOUT.NAME]`.
 */
export type Layout<C extends string> = { readonly [K in C]: number } & {
  readonly size: number;
  readonly columns: readonly C[];
};

/** A layout of the given columns; a column written `NAME:n` takes n elements. */
export function layout<const D extends readonly string[]>(
  ...definitions: D
): Layout<D[number] extends infer S ? (S extends `${infer N}:${string}` ? N : S & string) : never> {
  const out: Record<string, unknown> = {};
  const columns: string[] = [];
  let size = 0;
  for (const definition of definitions) {
    const [name, count] = definition.split(":");
    out[name!] = size;
    columns.push(name!);
    size += count === undefined ? 1 : Number(count);
  }
  return Object.freeze({ ...out, size, columns: Object.freeze(columns) }) as never;
}

/**
 * One row as words and numbers, for debugging and the monitor. Wide columns show their first
 * element.
 */
export function describeRow<C extends string>(
  table: Layout<C>,
  view: Int32Array | Float64Array,
  slot: number,
): Record<string, number> {
  const row: Record<string, number> = {};
  for (const column of table.columns) row[column] = view[slot * table.size + table[column]!]!;
  return row;
}
