import { formatEndpoint } from "#base/address.ts";
import type { DirectorView } from "#control/api.ts";
import { printable, type Style } from "../style.ts";
import { type Column, formatTable, left } from "../table.ts";

type SyncView = NonNullable<DirectorView["sync"]>;

const COLUMNS: readonly Column[] = [left("PEER"), left("KIND"), left("ROLE"), left("HEARD")];

/** What another director is told, who is there, and what came of it: `ipvsadm -L --daemon`. */
export function syncView(sync: SyncView, style: Style): string {
  const { role, id, interface: device, to, port, problem, counts, waiting, isTellingAll } = sync;
  const where = to.map((host) => formatEndpoint(host, port));
  const refused = Object.entries(counts.refused).filter(([, count]) => count > 0);
  const told = `${counts.sentConnections} connections, ${counts.sentTemplates} templates, ${counts.sentMessages} messages`;
  const heard = `${counts.receivedConnections} connections, ${counts.receivedTemplates} templates, ${counts.receivedMessages} messages`;
  const lines = [
    `${style.bold(role)}, sync id ${id}, by ${device} to ${where.join(", ")}`,
    ...(problem === undefined ? [] : [style.red(printable(problem))]),
    "",
    peersView(sync, style),
    "",
    `sent      ${told}`,
    ...(waiting > 0 || isTellingAll
      ? [`          ${waiting} wait${isTellingAll ? ", the whole table is being sent" : ""}`]
      : []),
    ...(counts.untold > 0 ? [`          ${counts.untold} connections cannot be told`] : []),
    ...(counts.unsent > 0
      ? [`          ${counts.unsent} messages were not taken by the kernel`]
      : []),
    `received  ${heard}`,
    ...(refused.length > 0
      ? [`refused   ${refused.map(([reason, count]) => `${count} ${reason}`).join(", ")}`]
      : []),
  ];
  return `${lines.join("\n")}\n`;
}

function peersView({ peers }: SyncView, style: Style): string {
  if (peers.length === 0) return "nobody has been heard";
  const rows = peers.map(({ address, kind, role, isLost, silentMs }) => {
    const seconds = `${(silentMs / 1000).toFixed(1)} s ago`;
    return [address, kind, role ?? "-", isLost ? style.red(`${seconds}, lost`) : seconds];
  });
  return formatTable(COLUMNS, rows, style.dim);
}
