import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { mustBeRoot, placeOptions, statePath } from "../node-options.ts";
import { flag } from "../option.ts";

export const nodeStatus = command({
  name: "node status",
  group: "node",
  summary: "says what this machine has joined, and what came through tunnels",
  options: { ...placeOptions, json: flag("as JSON") },
  async run(context, options) {
    mustBeRoot("node status");
    const { nodeStatus: look } = await import("#node/status.ts");
    const { statusText } = await import("../node-text.ts");
    const now = look(statePath(options.state, context));
    const text = options.json ? JSON.stringify(now, null, 2) : statusText(now, context.style);
    context.write(`${text}\n`);
    return EXIT.OK;
  },
});
