import { backendFields } from "#config/model/backend.ts";
import { documentFields } from "#config/model/document.ts";
import { frontendFields } from "#config/model/frontend.ts";

const STUB_SERVER = "servers: { stub: 127.0.0.1:1 }";

/** Keywords of a block's outermost map, in order. */
const keywordsOf = (text: string): string[] =>
  [...text.matchAll(/^([A-Za-z][\w-]*):/gm)].map((match) => match[1]!);

const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, "    ");

/**
 * Makes a configuration of what a page shows: a whole one, some of its top-level keywords, or the
 * keywords of one frontend or one backend. What it leaves out is put beside it.
 */
export function complete(text: string): string {
  const keywords = keywordsOf(text);
  const first = keywords[0] ?? "";
  if (first in documentFields || first.startsWith("x-")) return withBothSides(text);
  const has = (keyword: string): boolean => keywords.includes(keyword);
  if (first in frontendFields) {
    const bind = has("bind") ? "" : "    bind: 127.0.0.1:2\n";
    return withBothSides(`frontends:\n  stub:\n${bind}${indented(text)}`);
  }
  if (!(first in backendFields)) throw new Error(`what is "${first}" a keyword of?\n${text}`);
  const servers = has("servers") ? "" : `    ${STUB_SERVER}\n`;
  return withBothSides(`backends:\n  stub:\n${servers}${indented(text)}`);
}

/** Adds frontends where there are none, and a backend for each name that has none. */
function withBothSides(text: string): string {
  const keywords = keywordsOf(text);
  let whole = text;
  // Services need no frontend.
  if (!keywords.includes("frontends") && !keywords.includes("services")) {
    const backend = /^backends:\n(?:\s*(?:#.*)?\n)* {2}([\w.-]+):/m.exec(text)?.[1] ?? "stub";
    whole += `\nfrontends:\n  other: { bind: 127.0.0.1:3, default: ${backend} }\n`;
  }
  if (!keywords.includes("backends")) {
    const named = [...whole.matchAll(/\b(?:default|use): ([\w.-]+)/g)].map((match) => match[1]!);
    whole += `\nbackends:\n${[...new Set(["stub", ...named])]
      .map((name) => `  ${name}: { ${STUB_SERVER} }\n`)
      .join("")}`;
  }
  return whole;
}
