import { readFileSync } from "node:fs";
import { join } from "node:path";
import { commandTable } from "./cli.ts";

const BEGIN = "<!-- commands: npm run docs -->\n";
const END = "<!-- /commands -->";

/** README.md as it is, but for its table of commands. */
export function readmeText(): string {
  const text = readFileSync(join(import.meta.dirname, "..", "..", "README.md"), "utf8");
  const from = text.indexOf(BEGIN) + BEGIN.length;
  const to = text.indexOf(END, from);
  if (from < BEGIN.length || to < 0) throw new Error("README.md has no place for its commands");
  return `${text.slice(0, from)}\n${commandTable("docs/cli.md")}\n\n${text.slice(to)}`;
}
