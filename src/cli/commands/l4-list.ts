import { WeirError } from "#base/errors.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { flag } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";

export const l4List = command({
  name: "l4 list",
  group: "l4",
  summary: "lists services of layer 4 and their servers in the columns of ipvsadm -L",
  details: [
    "Addresses are never resolved, so -n changes nothing. Of a service with several addresses each has",
    "its line, and counts stand in the first.",
  ].join("\n"),
  arguments: [
    { name: "SERVICE", help: "only this one: its name, or an address such as 10.0.0.1:80" },
  ],
  options: {
    numeric: flag("as it is anyway", "n"),
    stats: flag("connections, packets and bytes so far"),
    rate: flag("connections, packets and bytes a second"),
    thresholds: flag("limits of connections"),
    exact: flag("numbers in full, without K, M, G and T"),
    socket: socketOption,
    json: flag("as JSON: what GET /api/v1/director answers"),
  },
  examples: ["weir l4 list", "weir l4 list --stats --exact web"],
  async run(context, options, [wanted]) {
    const { chooseServices, fetchDirector } = await import("../l4/fetch.ts");
    const { listView } = await import("../l4/list-view.ts");
    const kinds = (["stats", "rate", "thresholds"] as const).filter((kind) => options[kind]);
    if (kinds.length > 1) {
      throw new WeirError("USAGE", "--stats, --rate or --thresholds, not several");
    }
    const status = await fetchDirector(context, adminSocketPath(options.socket, context.env));
    const services = chooseServices(status.services, wanted);
    if (options.json) context.write(`${JSON.stringify({ ...status, services }, null, 2)}\n`);
    else {
      const [kind = "plain"] = kinds;
      context.write(listView(status, services, { kind, exact: options.exact }));
    }
    return EXIT.OK;
  },
});
