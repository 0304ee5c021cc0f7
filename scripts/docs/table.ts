import { row } from "#config/docs-tables.ts";

/** Said at the top of every generated page. */
export const GENERATED =
  "<!-- Written by `npm run docs` from the declarations in src/. Change those. -->";

/** A Markdown table. */
export const table = (titles: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(titles), row(titles.map(() => "---")), ...rows.map(row)].join("\n");
