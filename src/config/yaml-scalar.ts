import { parseDocument } from "yaml";

/**
 * What YAML makes of text that stands alone: `8080` a number, `true` a boolean, most things a
 * string.
 */
export function typeScalar(text: string): {
  value: string | number | boolean | null;
  text?: string;
} {
  // Only what could be a number, a boolean or nothing needs the parser; the rest is itself.
  if (!/^(|~|[+-.\w]+)$/.test(text)) return { value: text };
  const value = parseDocument(text, { version: "1.2", schema: "core" }).toJS() as unknown;
  if (value === null) return { value };
  if (typeof value !== "number" && typeof value !== "boolean") return { value: text };
  return String(value) === text ? { value } : { value, text };
}
