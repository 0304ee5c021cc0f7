import { type Argument, type Command, GROUPS } from "./command.ts";
import type { Option } from "./option.ts";
import type { Style } from "./style.ts";

const usageOf = (argument: Argument): string => {
  const name = argument.repeats ? `${argument.name}…` : argument.name;
  return argument.required ? name : `[${name}]`;
};

/** Lines of two columns, the left as wide as its widest. */
function twoColumns(
  rows: readonly (readonly [string, string])[],
  style: Style,
  width = Math.max(0, ...rows.map(([left]) => left.length)),
): string {
  return rows.map(([left, right]) => `  ${style.bold(left.padEnd(width))}  ${right}`).join("\n");
}

function optionRow(name: string, option: Option): [string, string] {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  const value = option.value === undefined ? "" : ` ${option.value}`;
  const notes = [
    option.repeats ? "may be repeated" : undefined,
    option.fallback === undefined ? undefined : `default ${option.fallback}`,
  ].filter((note) => note !== undefined);
  const more = notes.length === 0 ? "" : ` (${notes.join("; ")})`;
  return [`${short}--${name}${value}`, option.help + more];
}

/** `weir COMMAND --help`. */
export function commandHelp(command: Command, style: Style): string {
  const args = command.arguments ?? [];
  const usage = ["weir", command.name, "[options]", ...args.map(usageOf)].join(" ");
  const parts = [`${style.bold(`weir ${command.name}`)}: ${command.summary}`, `  ${usage}`];
  if (command.details) parts.push(command.details);
  if (args.length > 0) {
    parts.push(
      `Arguments\n${twoColumns(
        args.map((a) => [a.name, a.help] as const),
        style,
      )}`,
    );
  }
  const rows = Object.entries<Option>(command.options).map(([n, o]) => optionRow(n, o));
  if (rows.length > 0) parts.push(`Options\n${twoColumns(rows, style)}`);
  if (command.examples) {
    parts.push(`Examples\n${command.examples.map((e) => `  ${e}`).join("\n")}`);
  }
  return `${parts.join("\n\n")}\n`;
}

/** `weir --help`. */
export function mainHelp(commands: readonly Command[], style: Style): string {
  const parts = ["Weir: a load balancer.", "  weir COMMAND [options]"];
  const width = Math.max(...commands.map((c) => c.name.length));
  for (const [group, title] of Object.entries(GROUPS)) {
    const members = commands.filter((c) => c.group === group);
    if (members.length === 0) continue;
    const rows = members.map((c) => [c.name, c.summary] as const);
    parts.push(`${title}\n${twoColumns(rows, style, width)}`);
  }
  parts.push("`weir COMMAND --help` says more. First steps: `weir demo`.");
  return `${parts.join("\n\n")}\n`;
}
