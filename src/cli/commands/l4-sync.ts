import { WeirError } from "#base/errors.ts";
import { askJson } from "../client.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { flag } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";

export const l4Sync = command({
  name: "l4 sync",
  group: "l4",
  summary: "shows what other directors are told of connections, and who they are",
  details: [
    "As `ipvsadm -L --daemon`, with counts. A director of weir that comes later is told everything by",
    "itself; for an IPVS that does, which nobody can see, there is --send.",
  ].join("\n"),
  options: {
    send: flag("send the whole table first, at the pace of the configuration"),
    socket: socketOption,
    json: flag("as JSON: the part `sync` of what GET /api/v1/director answers"),
  },
  examples: ["weir l4 sync", "weir l4 sync --send"],
  async run(context, options) {
    const { fetchDirector } = await import("../l4/fetch.ts");
    const { syncView } = await import("../l4/sync-view.ts");
    const socket = adminSocketPath(options.socket, context.env);
    if (options.send) await askJson(socket, "/api/v1/director/sync", { method: "POST" });
    const { sync } = await fetchDirector(context, socket);
    if (!sync) throw new WeirError("USAGE", "director.sync is not configured");
    context.write(
      options.json ? `${JSON.stringify(sync, null, 2)}\n` : syncView(sync, context.style),
    );
    return EXIT.OK;
  },
});
