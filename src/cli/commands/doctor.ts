import { availableParallelism } from "node:os";
import { WeirError } from "#base/errors.ts";
import { int, text } from "#schema/index.ts";
import type { Context } from "../command.ts";
import { command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { mustBeRoot, placeOptions, readAddress, statePath } from "../node-options.ts";
import { defaulted, flag, repeated } from "../option.ts";

export const doctor = command({
  name: "doctor",
  group: "node",
  summary:
    "says what is wrong with this machine as a real server or as a director, and how to mend it",
  details: [
    "A real server is one that weir node join prepared, or that --vip says has these addresses. A",
    "director is one whose tables are in the kernel, or that -f says is one. The exit code is 0 when",
    "there is no problem, 1 when there is one, and with --strict 4 when there are warnings.",
  ].join("\n"),
  options: {
    vip: repeated(
      text({ help: "address that this machine should answer for behind a director" }),
      "ADDRESS",
    ),
    port: repeated(int({ help: "something should listen there", min: 1, max: 65_535 }), "PORT"),
    client: repeated(text({ help: "answers should find this client; else any" }), "ADDRESS"),
    file: repeated(text({ help: "configuration of the director, to compare with" }), "FILE", "f"),
    "director-pins": defaulted(
      text({
        help: "the director's folder in /sys/fs/bpf, where no configuration says it",
        fallback: "weir",
      }),
      "NAME",
    ),
    ...placeOptions,
    strict: flag("warnings count: exit code 4"),
    json: flag("as JSON"),
  },
  examples: [
    "weir doctor",
    "weir doctor --vip 10.0.0.1 --port 80",
    "weir doctor -f /etc/weir/weir.yaml",
  ],
  async run(context, options) {
    mustBeRoot("doctor");
    const { withFacts } = await import("#node/facts.ts");
    const { examine } = await import("#node/examine.ts");
    const { doctorText } = await import("../node-text.ts");
    const questions = {
      statePath: statePath(options.state, context),
      vips: options.vip.map(readAddress),
      clients: options.client.map(readAddress),
      ports: options.port,
      directorPins: options["director-pins"],
      plan: options.file.length > 0 ? await planOf(context, options.file) : undefined,
    };
    const examined = withFacts(questions, examine);
    if (options.json) context.write(`${JSON.stringify(examined, null, 2)}\n`);
    else context.write(`${doctorText(examined, context.style)}\n`);
    const found = examined.flatMap(({ findings }) => findings);
    if (found.some(({ severity }) => severity === "problem")) return EXIT.FAILED;
    return options.strict && found.length > 0 ? EXIT.WARNINGS : EXIT.OK;
  },
});

async function planOf({ cwd, env }: Context, files: readonly string[]) {
  const { loadConfig } = await import("#config/load.ts");
  const { plan } = await loadConfig({ files, cwd, env, cpus: availableParallelism() });
  if (plan) return plan;
  throw new WeirError("CONFIG_INVALID", "the configuration has faults: weir check shows them");
}
