import { isShort } from "#plan/table-count.ts";
import { check, type Finding, warning } from "../check.ts";

export const connectionTable = check({
  name: "connection-table",
  of: "director",
  summary: "the connection table has room, and the size that the configuration says",
  look: ({ director }) => {
    const table = director!.connections;
    if (!table) return [];
    const { count, size, wanted } = table;
    const found: Finding[] = [];
    if (wanted !== undefined && wanted !== size) {
      found.push(
        warning(
          `the connection table keeps the ${size} entries it was made with, not ${wanted}`,
          "stop weir, weir director flush, start it: its connections are lost by that",
        ),
      );
    }
    if (isShort(table)) {
      found.push(
        warning(
          `the connection table has ${count} of ${size} entries: a full one throws out connections`,
          "raise director.connections, or lower director.timeouts",
        ),
      );
    }
    return found;
  },
});
