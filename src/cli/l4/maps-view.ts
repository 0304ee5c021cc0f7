import type { DirectorTable } from "#control/api.ts";
import { bytes } from "../figures.ts";
import type { Style } from "../style.ts";
import { type Column, formatTable, left, right } from "../table.ts";

const COLUMNS: readonly Column[] = [
  left("TABLE"),
  left("KIND"),
  right("USED"),
  right("SIZE"),
  right("ROW"),
  right("MEMORY"),
  left("FOR"),
];

/** The director's tables, a line each, and their memory in all. */
export function mapsView(tables: readonly DirectorTable[], style: Style): string {
  const rows = tables.map(({ name, kind, used, size, rowBytes, memoryBytes, purpose }) => [
    name,
    kind,
    used === null ? "-" : String(used),
    String(size),
    used === null ? "-" : `${rowBytes} B`,
    bytes(memoryBytes),
    purpose,
  ]);
  const all = tables.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  const odd = tables.flatMap(({ name, size, wanted }) =>
    wanted === undefined ? [] : `${name} keeps ${size} rows, wanted: ${wanted}`,
  );
  const remark = `${odd.join("; ")}. \`weir director flush\` has them made anew, without connections`;
  const last = odd.length > 0 ? `${style.yellow(remark)}\n` : "";
  return `${formatTable(COLUMNS, rows, style.dim)}\n\n${style.bold(bytes(all))} in all\n${last}`;
}
