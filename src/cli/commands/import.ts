import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { WeirError } from "#base/errors.ts";
import { nearest } from "#base/nearest.ts";
import { text } from "#schema/index.ts";
import { type Context, command } from "../command.ts";
import { EXIT } from "../exit-codes.ts";
import { flag, repeated } from "../option.ts";

const STDIN = "-";

export const importRules = command({
  name: "import",
  group: "config",
  summary: "turns rules of another balancer into a configuration",
  details: [
    "Prints the configuration. What cannot be taken over is said with its line: after an error nothing",
    "is printed and the exit code is 3, after warnings it is printed all the same. FORMAT: ipvsadm, rules",
    "as `ipvsadm -S` writes them or lines of a script that calls ipvsadm. Lines that set net.ipv4.vs.…,",
    "as of sysctl.conf, may be among them: `sysctl net.ipv4.vs` prints them.",
  ].join("\n"),
  arguments: [
    { name: "FORMAT", help: "ipvsadm", required: true },
    { name: "FILE", help: "standard input when none is named, or for -" },
  ],
  options: {
    interface: repeated(
      text({ help: "where packets of layer 4 come in, for director.interfaces" }),
      "NAME",
      "i",
    ),
    json: flag("as JSON: the configuration, and what there is to say about it"),
  },
  examples: [
    "ipvsadm -S -n | weir import ipvsadm -i eth0 > weir.yaml",
    "weir import ipvsadm /etc/ipvsadm.rules",
    "(sysctl net.ipv4.vs; ipvsadm -S -n) | weir import ipvsadm -i eth0 > weir.yaml",
  ],
  async run(context, options, [format, file = STDIN]) {
    const { compileConfig } = await import("#config/compile.ts");
    const { importers } = await import("#config/import/index.ts");
    const { writeConfig } = await import("#config/write.ts");
    const importer = importers.find(({ name }) => name === format);
    if (!importer) throw new WeirError("USAGE", unknownFormat(format!, importers));
    const { document, faults } = importer.read(read(context, file), {
      interfaces: options.interface,
    });
    const name = file === STDIN ? "standard input" : file;
    const isBad = faults.some(({ severity }) => severity === "error");
    if (options.json) {
      context.write(`${JSON.stringify({ document: isBad ? null : document, faults }, null, 2)}\n`);
      return isBad ? EXIT.CONFIG_INVALID : EXIT.OK;
    }
    for (const { line, severity, message } of faults) {
      context.warn(`${name}:${line}: ${severity}: ${message}\n`);
    }
    if (isBad) return EXIT.CONFIG_INVALID;
    const config = writeConfig(document, comment(importer.name, options.interface));
    const { faults: wrong } = compileConfig([{ file: "weir.yaml", text: config }]);
    const errors = wrong.filter(({ severity }) => severity === "error");
    for (const { path, message } of errors) context.warn(`${name}: error: ${path}: ${message}\n`);
    if (errors.length > 0) return EXIT.CONFIG_INVALID;
    context.write(config);
    return EXIT.OK;
  },
});

function unknownFormat(format: string, importers: readonly { readonly name: string }[]): string {
  const names = importers.map(({ name }) => name);
  const near = nearest(format, names);
  const hint = near === undefined ? `; there is ${names.join(", ")}` : `; did you mean "${near}"?`;
  return `no format ${JSON.stringify(format)} is known${hint}`;
}

const comment = (format: string, interfaces: readonly string[]): string[] => [
  `Made of rules of ${format} by \`weir import\`.`,
  ...(interfaces.length === 0
    ? ["TO DO: director.interfaces must name the interfaces that packets come in by."]
    : []),
];

function read(context: Context, file: string): string {
  if (file === STDIN) return readFileSync(0, "utf8");
  const path = resolve(context.cwd, file);
  if (!existsSync(path)) throw new WeirError("USAGE", `there is no file ${file}`);
  return readFileSync(path, "utf8");
}
