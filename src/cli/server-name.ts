import { WeirError } from "#base/errors.ts";
import { nearest } from "#base/nearest.ts";
import type { StatusDocument } from "#monitor/document.ts";
import { type ServerRow, serverRows } from "./status-tables.ts";

/** The argument of every command that changes a server. */
export const serverArgument = {
  name: "SERVER",
  help: "BACKEND/SERVER, or the server's name alone where only one has it",
  required: true,
} as const;

/** The server that is meant. Throws USAGE, with the nearest name, when there is none or several. */
export function findServer(status: StatusDocument, name: string): ServerRow {
  const rows = serverRows(status.backends);
  const full = ({ backend, server }: ServerRow) => `${backend.name}/${server.name}`;
  const matching = rows.filter((row) => full(row) === name || row.server.name === name);
  if (matching.length === 1) return matching[0]!;
  if (matching.length > 1) {
    throw new WeirError("USAGE", `"${name}" may be ${matching.map(full).join(" or ")}`);
  }
  const near = nearest(
    name,
    rows.flatMap((row) => [full(row), row.server.name]),
  );
  const hint = near ? `; did you mean "${near}"?` : "; see weir server list";
  throw new WeirError("USAGE", `there is no server "${name}"${hint}`);
}
