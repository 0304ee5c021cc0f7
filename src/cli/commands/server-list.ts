import { WeirError } from "#base/errors.ts";
import { nearest } from "#base/nearest.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { flag } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";

export const serverList = command({
  name: "server list",
  group: "objects",
  summary: "lists servers: state, weight, traffic, last check",
  arguments: [{ name: "BACKEND", help: "only this backend's" }],
  options: { socket: socketOption, json: flag("as JSON") },
  async run(context, options, [wanted]) {
    const { fetchStatus } = await import("../status-client.ts");
    const { serverRows, serversTable } = await import("../status-tables.ts");
    const { backends } = await fetchStatus(adminSocketPath(options.socket, context.env));
    const shown = backends.filter((backend) => wanted === undefined || backend.name === wanted);
    if (shown.length === 0 && wanted !== undefined) {
      const near = nearest(
        wanted,
        backends.map((backend) => backend.name),
      );
      const hint = near ? `; did you mean "${near}"?` : "";
      throw new WeirError("USAGE", `there is no backend "${wanted}"${hint}`);
    }
    const rows = serverRows(shown);
    if (options.json) {
      const flat = rows.map(({ backend, server }) => ({ backend: backend.name, ...server }));
      context.write(`${JSON.stringify(flat, null, 2)}\n`);
    } else context.write(`${serversTable(rows, context.style)}\n`);
    return EXIT.OK;
  },
});
