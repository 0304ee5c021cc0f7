import type { ConnectionsDocument } from "#monitor/document.ts";
import { CONNECTIONS } from "#monitor/limits.ts";
import { int, text } from "#schema/index.ts";
import { askJson } from "../client.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { defaulted, flag, option } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";

export const l4Connections = command({
  name: "l4 connections",
  group: "l4",
  summary: "lists connections that layer 4 tracks in the columns of ipvsadm -L -c",
  details: [
    "Behind connections come templates of persistence, as a client without a port in the state NONE:",
    "connections of that client, or of its network, go to that server. In JSON they have `template`.",
  ].join("\n"),
  options: {
    limit: defaulted(int({ help: "so many at most", min: 1, ...CONNECTIONS }), "N"),
    service: option(text({ help: "only of this service: its name, or its address" }), "SERVICE"),
    client: option(text({ help: "only of this client" }), "ADDRESS"),
    templates: flag("only templates of persistence"),
    numeric: flag("as it is anyway", "n"),
    socket: socketOption,
    json: flag("as JSON: what the admin API answers"),
  },
  examples: ["weir l4 connections --client 192.0.2.7"],
  async run(context, options) {
    const { connectionsView } = await import("../l4/connections-view.ts");
    const { limit, service, client, templates, json } = options;
    const query = new URLSearchParams({
      limit: String(limit),
      ...(service === undefined ? {} : { service }),
      ...(client === undefined ? {} : { client }),
      ...(templates ? { templates: "only" } : {}),
    });
    const socket = adminSocketPath(options.socket, context.env);
    const path = `/api/v1/director/connections?${query}`;
    const found = (await askJson(socket, path)) as ConnectionsDocument;
    if (json) context.write(`${JSON.stringify(found, null, 2)}\n`);
    else {
      context.write(connectionsView(found.connections));
      if (!found.complete) context.warn(context.warnStyle.dim("(there may be more)\n"));
    }
    return EXIT.OK;
  },
});
