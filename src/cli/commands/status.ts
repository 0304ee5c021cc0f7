import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { flag } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";

export const status = command({
  name: "status",
  group: "daemon",
  summary: "says how a running weir and its servers are",
  options: { socket: socketOption, json: flag("as JSON: the whole document of the admin API") },
  async run(context, options) {
    const { fetchStatus } = await import("../status-client.ts");
    const tables = await import("../status-tables.ts");
    const now = await fetchStatus(adminSocketPath(options.socket, context.env));
    if (options.json) {
      context.write(`${JSON.stringify(now, null, 2)}\n`);
      return EXIT.OK;
    }
    const { style } = context;
    const parts = [
      [tables.headline(now, style), ...tables.takings(now), ...tables.warnings(now, style)].join(
        "\n",
      ),
      tables.workersTable(now.workers, style),
      tables.frontendsTable(now.frontends, style),
      ...(now.director ? [tables.servicesTable(now.director.services, style)] : []),
      tables.serversTable(tables.serverRows(now.backends), style),
    ];
    context.write(`${parts.join("\n\n")}\n`);
    return EXIT.OK;
  },
});
