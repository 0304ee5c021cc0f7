import { stringify } from "yaml";
import type { Choice, Field, Fields } from "#schema/index.ts";

/** A row of a Markdown table. */
export const row = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;

const head = (titles: readonly string[]): string[] => [row(titles), row(titles.map(() => "---"))];

/** Help texts and summaries as sentences. */
export const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;

/** Keywords with value, default and meaning; and how a change is applied where not all are live. */
export function keywordTable(
  fields: Fields,
  cellOf = (field: Field<unknown>) => field.type,
): string {
  const all = Object.entries(fields);
  const isMixed = all.some(([, field]) => field.reload === "restart");
  const change = (cell: string) => (isMixed ? [cell] : []);
  return [
    ...head(["keyword", "value", "default", ...change("change"), "meaning"]),
    ...all.map(([keyword, field]) =>
      row([
        `\`${keyword}\``,
        cellOf(field),
        fallbackCell(field),
        ...change(field.fields && !field.choices ? "" : field.reload),
        sentence(field.help),
      ]),
    ),
    "",
  ].join("\n");
}

function fallbackCell(field: Field<unknown>): string {
  if (field.required) return "required";
  if (field.fallback === undefined || (field.fields && !field.choices)) return "";
  return `\`${field.format(field.fallback)}\``;
}

/** What rules' conditions and actions have in common. */
export interface RuleWord {
  readonly name: string;
  readonly summary: string;
  readonly value: { readonly type: string };
  readonly example: unknown;
}

/** Conditions or actions, with an example of each. */
export function ruleWordTable(what: string, words: readonly RuleWord[]): string {
  return [
    ...head([what, "value", "example", "meaning"]),
    ...words.map(({ name, summary, value, example }) =>
      row([`\`${name}\``, value.type, `\`${inline({ [name]: example })}\``, sentence(summary)]),
    ),
    "",
  ].join("\n");
}

/** A value as YAML on one line, without the outermost braces. */
const inline = (value: unknown): string =>
  stringify(value, { collectionStyle: "flow", lineWidth: 0 })
    .trim()
    .replace(/^\{ (.*) \}$/, "$1")
    .replace(/\[ ([^[\]]*) \]/g, "[$1]");

/** One member of a registry: what it does, its options, and what those choose from in turn. */
export function memberSection(title: string, { summary, options }: Choice): string {
  const inner = Object.entries(options).flatMap(([keyword, field]) =>
    (field.choices ?? [])
      .filter((choice) => Object.keys(choice.options).length > 0)
      .map((choice) =>
        [
          `With \`${keyword}: { ${field.choiceKey}: ${choice.name}, … }\`:\n`,
          keywordTable(choice.options),
        ].join("\n"),
      ),
  );
  const own = Object.keys(options).length > 0 ? [keywordTable(options)] : [];
  return [`### \`${title}\`\n`, `${sentence(summary)}\n`, ...own, ...inner].join("\n");
}
