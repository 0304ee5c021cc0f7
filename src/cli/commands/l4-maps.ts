import { WeirError } from "#base/errors.ts";
import type { DirectorTable } from "#control/api.ts";
import type { TablesDocument } from "#monitor/document.ts";
import { text } from "#schema/index.ts";
import { askJson } from "../client.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { PINS } from "../flush.ts";
import { flag, option } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";

export const l4Maps = command({
  name: "l4 maps",
  group: "l4",
  summary: "lists the tables of layer 4 in the kernel, with their rows in use and their memory",
  details: [
    "A director stays in the kernel when its weir ends: --pins looks at what is there, without asking",
    "any weir. Bytes a row are those of a key and its value, for every processor where a table has them.",
  ].join("\n"),
  options: {
    pins: option(text({ ...PINS, help: `${PINS.help}; no weir is asked` }), "NAME"),
    socket: socketOption,
    json: flag("as JSON: what the admin API answers"),
  },
  examples: ["weir l4 maps", "weir l4 maps --pins weir"],
  async run(context, options) {
    const { pins, json } = options;
    const { mapsView } = await import("../l4/maps-view.ts");
    const tables =
      pins === undefined
        ? await running(adminSocketPath(options.socket, context.env))
        : await pinned(pins);
    if (json) context.write(`${JSON.stringify({ tables } satisfies TablesDocument, null, 2)}\n`);
    else context.write(mapsView(tables, context.style));
    return EXIT.OK;
  },
});

async function running(socket: string): Promise<readonly DirectorTable[]> {
  const { tables } = (await askJson(socket, "/api/v1/director/maps")) as TablesDocument;
  if (tables.length > 0) return tables;
  throw new WeirError("USAGE", "that weir has no director in the kernel");
}

async function pinned(pins: string): Promise<readonly DirectorTable[]> {
  const { readPinnedTables } = await import("#control/pinned-director.ts");
  const tables = readPinnedTables(pins);
  if (tables.length > 0) return tables;
  throw new WeirError("USAGE", `there is no director ${pins} in the kernel`);
}
