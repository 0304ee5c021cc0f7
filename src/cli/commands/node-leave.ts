import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { mustBeRoot, placeOptions, statePath } from "../node-options.ts";
import { flag } from "../option.ts";

export const nodeLeave = command({
  name: "node leave",
  group: "node",
  summary: "undoes what weir node join did, and nothing else",
  details:
    "Take the machine out of its pool first (weir server drain): what is under way ends here.",
  options: { ...placeOptions, json: flag("as JSON") },
  async run(context, options) {
    mustBeRoot("node leave");
    const { leave } = await import("#node/leave.ts");
    const left = leave(statePath(options.state, context), options.pins);
    if (options.json) {
      context.write(`${JSON.stringify(left, null, 2)}\n`);
      return EXIT.OK;
    }
    const said = [...left.changes, ...left.kept];
    const lines = said.length > 0 ? said : ["nothing was joined: nothing to undo"];
    context.write(lines.map((line) => `${line}\n`).join(""));
    return EXIT.OK;
  },
});
