import { VERSION } from "#base/version.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { flag } from "../option.ts";

export const version = command({
  name: "version",
  group: "misc",
  summary: "says which weir this is",
  options: {
    verbose: flag("also what it runs on", "v"),
    json: flag("as JSON"),
  },
  async run(context, options) {
    const facts = {
      version: VERSION,
      node: process.versions.node,
      openssl: process.versions.openssl,
      platform: `${process.platform} ${process.arch}`,
    };
    if (options.json) context.write(`${JSON.stringify(facts)}\n`);
    else if (!options.verbose) context.write(`weir ${facts.version}\n`);
    else {
      context.write(`weir ${facts.version}\nnode ${facts.node}\nopenssl ${facts.openssl}\n`);
      context.write(`${facts.platform}\n`);
    }
    return EXIT.OK;
  },
});
