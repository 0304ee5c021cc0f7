import { type Command, GROUPS } from "#cli/command.ts";
import { commands } from "#cli/commands/index.ts";
import { EXIT } from "#cli/exit-codes.ts";
import { commandHelp } from "#cli/help.ts";
import { createStyle } from "#cli/style.ts";
import { sentence } from "#config/docs-tables.ts";
import { GENERATED, table } from "./table.ts";

const INTRODUCTION = `# Commands

${GENERATED}

\`bin/weir\` runs from a checkout and needs nothing in PATH: link it to where your shell looks for
programs. \`weir COMMAND --help\` prints what is below. \`--no-color\`, \`NO_COLOR\` or a pipe turn colours
off. Commands that speak to a running balancer find it by its admin socket: \`--socket\`,
\`WEIR_SOCKET\`, or the usual place (\`/run/weir/admin.sock\` for root, \`$XDG_RUNTIME_DIR/weir-UID/\` or
\`/tmp/weir-UID/\` for others).
`;

const OLD_HANDS = `## Words of other balancers

Some forms that HAProxy's, nginx's and Caddy's users have in their fingers are understood, with a hint
at ours: \`weir -f FILE\` runs, \`-c -f FILE\`, \`-t\`, \`-T\` and \`validate\` check, \`-s reload\` and \`-s
reopen\` reload, \`-s quit\` and \`-s stop\` stop, \`-v\`, \`-vv\` and \`-V\` tell the version. So are those
of ipvsadm that look: \`weir -Ln\`, with \`--stats\`, \`--rate\` or \`-t ADDRESS\`, lists services, \`-Lnc\`
connections, and \`-S\` saves; \`-R\` imports.
`;

const MEANING: Readonly<Record<keyof typeof EXIT, string>> = {
  OK: "fine",
  FAILED: "failed at run time",
  USAGE: "the command line is wrong",
  CONFIG_INVALID: "the configuration has faults",
  WARNINGS: "the configuration is good but has warnings (`weir check --strict`)",
  NOT_PERMITTED: "a right or capability is missing",
  UNREACHABLE: "no running Weir answers",
  SAFETY: "a safety rule refused it, such as taking out the last usable server",
  INTERRUPTED: "cut short by SIGINT",
  TERMINATED: "cut short by SIGTERM; systemd's unit counts it as success",
};

const anchor = (name: string): string => `weir-${name.replaceAll(" ", "-")}`;

function commandSection(command: Command): string {
  const help = commandHelp(command, createStyle(false)).trimEnd();
  return `## weir ${command.name}\n\n\`\`\`text\n${help}\n\`\`\`\n`;
}

/** The commands by group, with links to where more is said of each; `page` is where that is. */
export function commandTable(page = ""): string {
  const rows = Object.keys(GROUPS).flatMap((group) =>
    commands
      .filter((command) => command.group === group)
      .map(({ name, summary }) => [`[\`weir ${name}\`](${page}#${anchor(name)})`, summary]),
  );
  return table(["command", "what it does"], rows);
}

/** The page docs/cli.md. */
export function cliDocs(): string {
  const exits = Object.entries(EXIT).map(([name, code]) => [
    `${code}`,
    sentence(MEANING[name as keyof typeof EXIT]),
  ]);
  return [
    INTRODUCTION,
    commandTable(),
    "",
    ...commands.map(commandSection),
    "## Exit codes\n",
    "Scripts may rely on them.\n",
    table(["code", "meaning"], exits),
    "",
    OLD_HANDS,
  ].join("\n");
}
