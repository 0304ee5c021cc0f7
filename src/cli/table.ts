import { unstyled } from "./style.ts";

export interface Column {
  readonly title: string;
  /** Numbers stand right, words left (the default). */
  readonly align?: "left" | "right";
}

export const left = (title: string): Column => ({ title });
export const right = (title: string): Column => ({ title, align: "right" });

/** Columns two spaces apart, as wide as their widest cell; cells may carry a Style's codes. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paintTitle: (text: string) => string = (text) => text,
): string {
  const widths = columns.map((column, i) =>
    Math.max(column.title.length, ...rows.map((row) => unstyled(row[i] ?? "").length)),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, i) => {
        const cell = cells[i] ?? "";
        const room = " ".repeat(widths[i]! - unstyled(cell).length);
        return column.align === "right" ? room + cell : cell + room;
      })
      .join("  ")
      .trimEnd();
  return [line(columns.map((c) => paintTitle(c.title))), ...rows.map(line)].join("\n");
}
