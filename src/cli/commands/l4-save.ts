import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { flag } from "../option.ts";
import { adminSocketPath, socketOption } from "../socket-path.ts";

export const l4Save = command({
  name: "l4 save",
  group: "l4",
  summary: "prints the services of layer 4 as rules of ipvsadm, as ipvsadm -S -n does",
  details: [
    "What IPVS does not have is said in lines that begin with #. For the way back there is",
    "`weir import ipvsadm`.",
  ].join("\n"),
  options: {
    numeric: flag("as it is anyway", "n"),
    socket: socketOption,
    json: flag("as JSON, a list of the lines"),
  },
  examples: ["weir l4 save | grep -v '^#' | ipvsadm -R"],
  async run(context, options) {
    const { fetchDirector } = await import("../l4/fetch.ts");
    const { saveRules } = await import("../l4/save-rules.ts");
    const status = await fetchDirector(context, adminSocketPath(options.socket, context.env));
    const rules = saveRules(status);
    const lines = rules.split("\n").filter((line) => line !== "");
    context.write(options.json ? `${JSON.stringify(lines)}\n` : rules);
    return EXIT.OK;
  },
});
