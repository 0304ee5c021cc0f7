import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { WeirError } from "#base/errors.ts";
import { type Command, type Context, command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { flag } from "../option.ts";

const STDIN = "-";

export const fmt: Command = command({
  name: "fmt",
  group: "config",
  summary: "lays a configuration file out the usual way; comments stay",
  details: "Prints the result. The exit code is 3 when a file is not YAML.",
  arguments: [
    { name: "FILE", help: "weir.yaml when none is named; - is standard input", repeats: true },
  ],
  options: {
    write: flag("write the files instead of printing them", "w"),
    check: flag("change nothing: exit code 1 when a file is not laid out so"),
    json: flag("with --check: the files that are not, as JSON"),
  },
  examples: ["weir fmt -w", "weir fmt --check conf.d/*.yaml", "weir fmt - < weir.yaml"],
  async run(context, options, args) {
    if (options.json && !options.check) throw new WeirError("USAGE", "--json goes with --check");
    const { formatConfig } = await import("#config/fmt.ts");
    const odd: string[] = [];
    let code: number = EXIT.OK;
    for (const file of args.length > 0 ? args : ["weir.yaml"]) {
      const before = read(context, file);
      const after = formatConfig(before);
      if (typeof after !== "string") {
        for (const { from, message } of after) {
          context.warn(`${file}:${placeOf(before, from)}: error: ${message}\n`);
        }
        code = EXIT.CONFIG_INVALID;
      } else if (options.check) {
        if (after === before) continue;
        odd.push(file);
        code ||= EXIT.FAILED;
      } else if (!options.write || file === STDIN) context.write(after);
      else if (after !== before) writeFileSync(resolve(context.cwd, file), after);
    }
    if (options.json) context.write(`${JSON.stringify(odd)}\n`);
    else context.write(odd.map((file) => `${file}\n`).join(""));
    return code;
  },
});

function read(context: Context, file: string): string {
  if (file === STDIN) return readFileSync(0, "utf8");
  const path = resolve(context.cwd, file);
  if (!existsSync(path)) throw new WeirError("USAGE", `there is no file ${file}`);
  if (!statSync(path).isFile()) throw new WeirError("USAGE", `${file} is not a file`);
  return readFileSync(path, "utf8");
}

/** `line:column` of an offset. */
function placeOf(text: string, offset: number): string {
  const lines = text.slice(0, offset).split("\n");
  return `${lines.length}:${lines.at(-1)!.length + 1}`;
}
