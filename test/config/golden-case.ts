import { type Compiled, compileConfig } from "#config/compile.ts";
import { renderFaults } from "#config/faults.ts";
import type { Source } from "#config/source.ts";

/**
 * One golden file: a line or more that says what it shows, then sections, each after a line `----
 * TITLE`.
 *
 *   ---- weir.yaml             a source; more than one are several files
 *   ---- env                   NAME=value lines
 *   ---- file /run/secret      a file that the configuration reads
 *   ---- plan backends[0]      expected: this part of the Plan, as JSON
 *   ---- faults                expected: errors and warnings as `weir check` prints them
 *
 * Without a `faults` section there must be none. UPDATE_GOLDEN=1 writes what came out into the
 * file.
 */
export interface Section {
  readonly title: string;
  readonly body: string;
}

export interface GoldenCase {
  readonly purpose: string;
  readonly sections: readonly Section[];
}

export function parseCase(text: string): GoldenCase {
  const [purpose, ...rest] = text.split(/^---- (.*)\n/m);
  const sections: Section[] = [];
  for (let i = 0; i < rest.length; i += 2) sections.push({ title: rest[i]!, body: rest[i + 1]! });
  return { purpose: purpose!.trim(), sections };
}

export const formatCase = ({ purpose, sections }: GoldenCase): string =>
  `${purpose}\n${sections.map(({ title, body }) => `---- ${title}\n${body}`).join("")}`;

export const sourcesOf = ({ sections }: GoldenCase): Source[] =>
  sections
    .filter(({ title }) => title.endsWith(".yaml"))
    .map(({ title, body }) => ({ file: title, text: body }));

/** Compiles the sources of a case; `change` rewrites their text first. */
export function compileCase(golden: GoldenCase, change = (text: string): string => text): Compiled {
  const files = new Map<string, string>();
  const env: Record<string, string> = {};
  for (const { title, body } of golden.sections) {
    if (title.startsWith("file ")) files.set(title.slice(5), body);
    if (title !== "env") continue;
    for (const [, name, value] of body.matchAll(/^(\w+)=(.*)$/gm)) env[name!] = value!;
  }
  const readFile = (path: string): string => {
    const text = files.get(path);
    if (text === undefined) throw new Error("there is no such file");
    return text;
  };
  const sources = sourcesOf(golden).map((source) =>
    "text" in source ? { ...source, text: change(source.text) } : source,
  );
  return compileConfig(sources, { env, readFile, cpus: 4 });
}

/** The case with what came out in the place of what is expected. */
export function fillCase(golden: GoldenCase, { plan, faults }: Compiled): GoldenCase {
  const texts = new Map(golden.sections.map(({ title, body }) => [title, body]));
  const rendered = renderFaults(faults, { textOf: (file) => texts.get(file) });
  const sections = golden.sections.flatMap(({ title, body }): Section[] => {
    if (title.startsWith("plan")) return [{ title, body: excerpt(plan, title.slice(5)) }];
    return title === "faults" ? [] : [{ title, body }];
  });
  return {
    ...golden,
    sections: rendered === "" ? sections : [...sections, { title: "faults", body: rendered }],
  };
}

function excerpt(plan: unknown, path: string): string {
  if (plan === undefined) return "no plan\n";
  const steps = path.split(/[.[\]]+/).filter(Boolean);
  const value = steps.reduce<unknown>(
    (v, step) => (v as Record<string, unknown> | undefined)?.[step],
    plan,
  );
  return `${JSON.stringify(plainly(value), undefined, 2) ?? "nothing"}\n`;
}

/** Plans as JSON: maps as objects, networks as bytes in hexadecimal, no limit as a word. */
function plainly(value: unknown): unknown {
  if (value === Number.MAX_SAFE_INTEGER) return "unlimited";
  if (value instanceof Map) return plainly(Object.fromEntries(value));
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(plainly);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, plainly(v)]));
}
