import { schedulers } from "#balance/schedulers/index.ts";
import { actions } from "#rules/actions/index.ts";
import { matchers } from "#rules/matchers/index.ts";
import type { Field, Fields } from "#schema/index.ts";
import { keywordTable, memberSection, ruleWordTable, sentence } from "./docs-tables.ts";
import { backendShared } from "./model/backend.ts";
import { check, checkFields } from "./model/check.ts";
import { documentFields } from "./model/document.ts";
import { frontendShared } from "./model/frontend.ts";
import { rules } from "./model/rules.ts";

const INTRODUCTION = `# Configuration

<!-- Written by \`npm run docs\` from the declarations in src/. Change those. -->

Weir reads \`weir.yaml\` (YAML 1.2), or \`weir.config.ts\` with the same keywords:

\`\`\`ts
import { defineConfig } from "weir/config";

export default defineConfig({
  frontends: { web: { bind: ":8080", default: "web" } },
  backends: { web: { servers: { a: "10.0.0.1:80" } } },
});
\`\`\`

\`weir check\` says whether a configuration is good, \`weir schema\` prints its JSON Schema for editors, \`weir fmt\`
lays it out, \`weir explain\` says what becomes of a request. [Examples](examples/) are a good start.

- **Where.** \`-f FILE\` (again for several, or a directory of \`*.yaml\`), \`WEIR_CONFIG\`, \`./weir.yaml\`,
  \`./weir.config.ts\`, \`/etc/weir/weir.yaml\` with \`/etc/weir/conf.d/*.yaml\`. Several files are one
  configuration; a name may be in one of them only.
- **Durations** have a unit: \`500ms\`, \`5s\`, \`2m\`, \`1h\`, \`1d\`. **Sizes** are bytes or \`16k\`, \`1m\`, \`2g\`
  (powers of 1024). **Percentages** are written \`10%\`.
- **Values from outside**, in any value: \`\${NAME}\`, \`\${NAME:-default}\`, \`\${NAME:?message}\` from the
  environment, \`\${file:/path}\` from a file, \`\${cred:name}\` from systemd's credentials; \`$\${\` is a plain
  \`\${\`. One that is not set and has no default is a fault. They never change the structure.
- **\`x-\`**: top-level keywords that begin so are not read: a place for YAML anchors.
- **Changes** are applied by \`weir reload\`, but for those that a table marks "restart".
`;

/** Sections of the manual in reading order; every keyword of the language is under one of them. */
const SECTIONS = [
  "frontends",
  "backends",
  "services",
  "director",
  "defaults",
  "engine",
  "log",
  "monitor",
] as const;

/** Registries with a chapter of their own. */
const CHAPTERS = [
  {
    title: "Schedulers",
    keyword: "balance",
    one: "scheduler",
    choices: schedulers,
    how: "`balance: leastconn`, or with options `balance: { type: random, draws: 3 }`.\n",
  },
  {
    title: "Checks",
    keyword: "check",
    one: "check",
    choices: check.choices!,
    how: `\`check: tcp\`, or with options \`check: { type: http, path: /health, interval: 5s }\`. Beside
those of its own every check takes:

${keywordTable(checkFields)}`,
  },
];

/** The page docs/configuration.md, whole. */
export function configurationDocs(): string {
  const parts = SECTIONS.map((name) => {
    if (name === "defaults") return defaultsSection();
    const field: Field<unknown> = documentFields[name];
    const { fields, suffix } = holderOf(field)!;
    return sections(`${name}${suffix}`, field.help, fields, name);
  });
  const chapters = CHAPTERS.map(({ title, keyword, choices, how }) =>
    [
      `## ${title}\n`,
      how,
      ...choices.map((choice) => memberSection(`${keyword}: ${choice.name}`, choice)),
    ].join("\n"),
  );
  return `${[INTRODUCTION, ...parts, ...chapters].join("\n").trimEnd()}\n`;
}

/** A table of keywords, and a section for each of them that holds keywords itself. */
function sections(path: string, help: string, fields: Fields, title?: string): string {
  const inner = Object.entries(fields).flatMap(([keyword, field]) => {
    const holder = holderOf(field);
    if (!holder) return [];
    const write = field === rules ? rulesSection : sections;
    return [write(`${path}.${keyword}${holder.suffix}`, field.help, holder.fields)];
  });
  const heading = title === undefined ? `### \`${path}\`` : `## \`${title}\``;
  return [`${heading}\n`, `${sentence(help)}\n`, keywordTable(fields, valueCell), ...inner].join(
    "\n",
  );
}

/** The keywords inside a field's value, and what stands between its path and theirs. */
function holderOf(field: Field<unknown>): { fields: Fields; suffix: string } | undefined {
  if (field.choices) return undefined;
  if (field.fields) return { fields: field.fields, suffix: "" };
  const { element, collection, type } = field;
  if (!element?.fields || element.choices) return undefined;
  if (collection === "list") return { fields: element.fields, suffix: "[]" };
  // "map of pages by status" has statuses for keys.
  const key = / by (\w+)$/.exec(type)?.[1] ?? "name";
  return { fields: element.fields, suffix: `.${key.toUpperCase()}` };
}

function valueCell(field: Field<unknown>): string {
  const chapter = CHAPTERS.find(({ choices }) => choices === field.choices);
  return chapter ? `[${chapter.one}](#${chapter.title.toLowerCase()})` : field.type;
}

function rulesSection(path: string, help: string, fields: Fields): string {
  const words = [...matchers, ...actions].map((word): string => word.name);
  const keywords = Object.entries({ ...fields["when"]!.fields, ...fields });
  const inner = keywords.flatMap(([keyword, field]) => {
    const holder = words.includes(keyword) ? holderOf(field) : undefined;
    return holder ? [sections(`${keyword}${holder.suffix}`, field.help, holder.fields)] : [];
  });
  return [
    `### \`${path}\`\n`,
    `${sentence(help)}\n`,
    "A rule has a `name` (for logs and `weir explain`), conditions under `when`, and actions beside it. Every",
    "condition must hold; a list under one condition holds when any of it does; under `when.not` stand",
    "conditions of which none may hold; `when.all` is a list of more conditions, for one keyword several times.",
    "Without `when` a rule takes every request.\n",
    "```yaml",
    "rules:",
    "  - name: api",
    "    when: { host: api.example.com, pathPrefix: /v1, not: { method: POST } }",
    "    setHeader: { X-Api: v1 }",
    "    use: api",
    "```\n",
    ruleWordTable("condition", matchers),
    ruleWordTable("action", actions),
    ...inner,
  ].join("\n");
}

function defaultsSection(): string {
  const names = (fields: Fields) =>
    Object.keys(fields)
      .map((keyword) => `\`${keyword}\``)
      .join(", ");
  return [
    "## `defaults`\n",
    `${sentence(documentFields.defaults.help)}`,
    `Of frontends: ${names(frontendShared)}.`,
    `Of backends: ${names(backendShared)}.\n`,
    "`timeouts` and the other maps that are always there are taken keyword by keyword; `check`, `agent`,",
    "`cookie` and `errorPages` as a whole. `check: off`, `agent: off` and `cookie: off` take",
    "an inherited one away.\n",
  ].join("\n");
}
