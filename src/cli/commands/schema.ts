import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { flag } from "../option.ts";

export const schema = command({
  name: "schema",
  group: "config",
  summary: "prints the JSON Schema of the configuration, for editors and checkers",
  details: [
    "Draft 2020-12. Editors take it from the first line of a file:",
    "  # yaml-language-server: $schema=./weir.schema.json",
  ].join("\n"),
  options: { json: flag("as JSON, which it always is") },
  examples: ["weir schema > weir.schema.json"],
  async run(context) {
    const { configSchema } = await import("#config/json-schema.ts");
    context.write(`${JSON.stringify(configSchema(), undefined, 2)}\n`);
    return EXIT.OK;
  },
});
