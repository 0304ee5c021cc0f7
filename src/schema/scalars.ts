import type { Common, Field } from "./field.ts";
import { formatText, scalar } from "./scalar.ts";

function bounds(min: number, max: number, what: string): string {
  if (min === max) return String(min);
  if (max >= Number.MAX_SAFE_INTEGER) return `${what} of at least ${min}`;
  return `${what} from ${min} to ${max}`;
}

/** A whole number in [min, max]. */
export function int(
  options: Common<number> & { min?: number; max?: number },
): Field<number, number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options;
  return scalar(options, {
    type: "integer",
    expected: bounds(min, max, "a whole number"),
    schema: {
      type: "integer",
      minimum: min,
      ...(max < Number.MAX_SAFE_INTEGER ? { maximum: max } : {}),
    },
    parse: (v) =>
      typeof v === "number" && Number.isSafeInteger(v) && v >= min && v <= max ? v : undefined,
    format: String,
  });
}

/** `true` or `false`; the older words yes, no, on and off are refused with a hint. */
export function bool(options: Common<boolean>): Field<boolean, boolean> {
  return scalar(options, {
    type: "boolean",
    expected: "true or false",
    schema: { type: "boolean" },
    parse: (v) => (typeof v === "boolean" ? v : undefined),
    explain: (written) => {
      if (/^(yes|on|enabled?)$/i.test(written)) return "true (YAML 1.2 has no other word for it)";
      if (/^(no|off|disabled?)$/i.test(written)) return "false (YAML 1.2 has no other word for it)";
      return undefined;
    },
    format: String,
  });
}

/**
 * Text matching `pattern`, `expected` saying in words what that is. Numbers are taken as written.
 */
export function text(
  options: Common<string> & { pattern?: RegExp; expected?: string; maxLength?: number },
): Field<string, string> {
  const { pattern, maxLength = 8192 } = options;
  return scalar(options, {
    type: "text",
    expected: options.expected ?? "text",
    schema: {
      type: ["string", "number"],
      maxLength,
      ...(pattern ? { pattern: pattern.source } : {}),
    },
    parse: (_, written) =>
      written.length <= maxLength && (!pattern || pattern.test(written)) ? written : undefined,
    explain: (written) =>
      written.length > maxLength ? `at most ${maxLength} characters` : undefined,
    format: formatText,
  });
}

/** One of a list of words; a near miss is named in the fault. */
export function oneOf<const W extends readonly string[]>(
  words: W,
  options: Common<W[number]>,
): Field<W[number], W[number]> {
  return scalar<W[number], W[number]>(options, {
    type: words.join(" | "),
    expected: words.length === 1 ? words[0]! : `one of ${words.join(", ")}`,
    schema: { enum: words.flatMap((word) => (/^\d+$/.test(word) ? [word, Number(word)] : [word])) },
    parse: (_, written) => words.find((word) => word === written),
    format: formatText,
    words,
  });
}

/** A regular expression in JavaScript's syntax, `u` flag, kept as its source text. */
export function pattern(options: Common<string>): Field<string, string> {
  return scalar(options, {
    type: "regular expression",
    expected: "a regular expression",
    schema: { type: "string", format: "regex" },
    parse: (_, written) => (whyNoPattern(written) === undefined ? written : undefined),
    explain: (written) => `a regular expression (${whyNoPattern(written)})`,
    format: (v) => JSON.stringify(v),
  });
}

/** What is wrong with a regular expression, in the words of the engine that would run it. */
function whyNoPattern(source: string): string | undefined {
  try {
    new RegExp(source, "u");
    return undefined;
  } catch (error) {
    return /: ([^:]*)$/.exec((error as Error).message)?.[1]?.toLowerCase() ?? "not one";
  }
}
