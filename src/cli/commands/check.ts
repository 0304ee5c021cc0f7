import { availableParallelism } from "node:os";
import { WeirError } from "#base/errors.ts";
import { oneOf } from "#schema/index.ts";
import { command } from "../command.ts";
import { fileOption } from "../config-files.ts";
import { EXIT } from "../exit-codes.ts";
import { defaulted, flag } from "../option.ts";

export const check = command({
  name: "check",
  group: "config",
  summary: "says what is wrong with a configuration, if anything",
  details: [
    "All faults are shown at once, each with its place. The exit code is 0 when the configuration is",
    "good, 3 when it is not, and with --strict 4 when it is good but there are warnings.",
  ].join("\n"),
  arguments: [{ name: "FILE", help: "as -f", repeats: true }],
  options: {
    file: fileOption,
    quiet: flag("say nothing: the exit code tells", "q"),
    strict: flag("warnings count: exit code 4"),
    format: defaulted(
      oneOf(["text", "json", "github"], {
        help: "how to show faults: text, json, or github's workflow commands",
        fallback: "text",
      }),
      "FORMAT",
    ),
    json: flag("as --format json"),
  },
  examples: ["weir check", "weir check -q -f /etc/weir/weir.yaml", "weir check --format github"],
  async run(context, options, args) {
    if (options.json && options.format === "github") {
      throw new WeirError("USAGE", "--json or --format github, not both");
    }
    const format = options.json ? "json" : options.format;
    const { loadConfig } = await import("#config/load.ts");
    const { renderFaults, renderGithub, renderJson } = await import("#config/faults.ts");
    const { plan, faults, files, textOf } = await loadConfig({
      files: [...options.file, ...args],
      cwd: context.cwd,
      env: context.env,
      cpus: availableParallelism(),
    });
    if (!options.quiet) {
      if (format === "json") context.write(renderJson(faults));
      else if (format === "github") context.write(renderGithub(faults));
      else {
        context.warn(renderFaults(faults, { textOf, colours: context.warnStyle.enabled }));
        if (plan) context.write(`${files.join(", ")}: ${context.style.green("good")}\n`);
      }
    }
    if (!plan) return EXIT.CONFIG_INVALID;
    return options.strict && faults.length > 0 ? EXIT.WARNINGS : EXIT.OK;
  },
});
