import { type Address, formatAddress, parseAddress } from "#base/address.ts";
import { type Network, formatIp, parseNetwork } from "#base/ip.ts";
import { nearest } from "#base/nearest.ts";
import { type Common, common, type Field, type JsonSchema } from "./field.ts";
import { describeTree, type Report, type Tree } from "./tree.ts";

interface ScalarKind<T> {
  readonly type: string;
  readonly expected: string;
  readonly schema: JsonSchema;
  /** The value, or undefined when the scalar is not one. */
  parse(value: string | number | boolean): T | undefined;
  format(value: T): string;
  /** Words to look for a near miss among. */
  readonly words?: readonly string[];
}

function scalar<T>(options: Common<T>, kind: ScalarKind<T>): Field<T> {
  return {
    ...common(options),
    type: kind.type,
    expected: kind.expected,
    read(tree: Tree, path: string, report: Report): T | undefined {
      if (tree.kind === "scalar" && tree.value !== null) {
        const value = kind.parse(tree.value);
        if (value !== undefined) return value;
      }
      const near =
        kind.words && tree.kind === "scalar" ? nearest(String(tree.value), kind.words) : undefined;
      report.error(tree, path, `expected ${kind.expected}, found ${describeTree(tree)}`, {
        expected: kind.expected,
        found: describeTree(tree),
        ...(near === undefined ? {} : { nearest: near }),
      });
      return undefined;
    },
    jsonSchema: () => kind.schema,
    format: kind.format,
  };
}

const bounds = (min: number, max: number, what: string): string =>
  max >= Number.MAX_SAFE_INTEGER ? `${what} of at least ${min}` : `${what} from ${min} to ${max}`;

/** A whole number in [min, max]. */
export function int(options: Common<number> & { min?: number; max?: number }): Field<number> {
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
      typeof v === "number" && Number.isInteger(v) && v >= min && v <= max ? v : undefined,
    format: String,
  });
}

/** Any number in [min, max]. */
export function number(options: Common<number> & { min: number; max: number }): Field<number> {
  return scalar(options, {
    type: "number",
    expected: bounds(options.min, options.max, "a number"),
    schema: { type: "number", minimum: options.min, maximum: options.max },
    parse: (v) => (typeof v === "number" && v >= options.min && v <= options.max ? v : undefined),
    format: String,
  });
}

export function bool(options: Common<boolean>): Field<boolean> {
  return scalar(options, {
    type: "boolean",
    expected: "true or false",
    schema: { type: "boolean" },
    parse: (v) => (typeof v === "boolean" ? v : undefined),
    format: String,
  });
}

/** Text matching `pattern`, `expected` saying in words what that is. Numbers are taken as their text. */
export function text(
  options: Common<string> & { pattern?: RegExp; expected?: string; maxLength?: number },
): Field<string> {
  const { pattern, maxLength = 8192 } = options;
  return scalar(options, {
    type: "text",
    expected: options.expected ?? "text",
    schema: { type: "string", maxLength, ...(pattern ? { pattern: pattern.source } : {}) },
    parse: (v) => {
      const s = String(v);
      return s.length <= maxLength && (!pattern || pattern.test(s)) ? s : undefined;
    },
    format: (v) => (/^[\w./@:-]+$/.test(v) ? v : JSON.stringify(v)),
  });
}

/** One of a list of words; a near miss is named in the fault. */
export function oneOf<const W extends readonly string[]>(
  words: W,
  options: Common<W[number]>,
): Field<W[number]> {
  return scalar<W[number]>(options, {
    type: words.join(" | "),
    expected: words.length === 1 ? words[0]! : `one of ${words.join(", ")}`,
    schema: { enum: [...words] },
    parse: (v) => (words.includes(String(v)) ? (String(v) as W[number]) : undefined),
    format: String,
    words,
  });
}

const DURATION_UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds, written with a unit: a bare number is refused, because tools differ in what it means. */
export function duration(options: Common<number> & { min?: number; max?: number }): Field<number> {
  const { min = 0, max = 365 * 86_400_000 } = options;
  return scalar(options, {
    type: "duration",
    expected: `a duration with a unit, such as 500ms, 5s or 2m${
      min > 0 || options.max !== undefined
        ? `, from ${formatDuration(min)} to ${formatDuration(max)}`
        : ""
    }`,
    schema: { type: "string", pattern: "^(\\d+(\\.\\d+)?(ms|s|m|h|d))+$" },
    parse: (v) => {
      const s = String(v);
      if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(s)) return undefined;
      let total = 0;
      for (const [, n, u] of s.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
        total += Number(n) * DURATION_UNITS[u as keyof typeof DURATION_UNITS];
      }
      const ms = Math.round(total);
      return ms >= min && ms <= max ? ms : undefined;
    },
    format: formatDuration,
  });
}

export function formatDuration(ms: number): string {
  for (const unit of ["d", "h", "m", "s"] as const) {
    if (ms > 0 && ms % DURATION_UNITS[unit] === 0) return `${ms / DURATION_UNITS[unit]}${unit}`;
  }
  return `${ms}ms`;
}

const SIZE_UNITS: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Bytes: `16k`, `1m`, `2g` (powers of 1024), or a bare number of bytes. */
export function size(options: Common<number> & { min?: number; max?: number }): Field<number> {
  const { min = 0, max = 1024 ** 4 } = options;
  return scalar(options, {
    type: "size",
    expected: `a size such as 16k or 1m, from ${formatSize(min)} to ${formatSize(max)}`,
    schema: { type: ["string", "integer"], pattern: "^\\d+[kmgKMG]?$" },
    parse: (v) => {
      const m = /^(\d+)([kmg]?)$/i.exec(String(v));
      const n = m ? Number(m[1]) * SIZE_UNITS[m[2]!.toLowerCase()]! : -1;
      return m && n >= min && n <= max ? n : undefined;
    },
    format: formatSize,
  });
}

export function formatSize(bytes: number): string {
  for (const unit of ["g", "m", "k"]) {
    const scale = SIZE_UNITS[unit]!;
    if (bytes > 0 && bytes % scale === 0) return `${bytes / scale}${unit}`;
  }
  return String(bytes);
}

/** A share from 0 to 1, written `25%`. */
export function percent(options: Common<number> & { max?: number }): Field<number> {
  const max = options.max ?? 1;
  return scalar(options, {
    type: "percent",
    expected: `a percentage from 0% to ${max * 100}%`,
    schema: { type: "string", pattern: "^\\d+(\\.\\d+)?%$" },
    parse: (v) => {
      const m = /^(\d+(?:\.\d+)?)%$/.exec(String(v));
      const share = m ? Number(m[1]) / 100 : -1;
      return m && share <= max ? share : undefined;
    },
    format: (v) => `${v * 100}%`,
  });
}

/** A field whose value is text that `parse` turns into T, or into a sentence saying what it expected. */
function parsed<T extends object>(
  options: Common<T>,
  kind: {
    type: string;
    expected: string;
    parse(text: string): T | string;
    format(value: T): string;
  },
): Field<T> {
  return {
    ...common(options),
    type: kind.type,
    expected: kind.expected,
    read(tree, path, report) {
      const isText = tree.kind === "scalar" && tree.value !== null;
      const result = isText ? kind.parse(String(tree.value)) : kind.expected;
      if (typeof result !== "string") return result;
      report.error(tree, path, `expected ${result}, found ${describeTree(tree)}`, {
        expected: result,
        found: describeTree(tree),
      });
      return undefined;
    },
    jsonSchema: () => ({ type: "string" }),
    format: kind.format,
  };
}

/** A listening or connecting address; see parseAddress for the forms. */
export function address(options: Common<Address> & { defaultPort?: number }): Field<Address> {
  return parsed(options, {
    type: "address",
    expected: "an address such as 10.0.0.1:80, [::1]:80, name:80, unix@/path or fd@3",
    parse: (s) => parseAddress(s, options.defaultPort),
    format: formatAddress,
  });
}

/** An IP network or a single address. */
export function network(options: Common<Network>): Field<Network> {
  return parsed(options, {
    type: "network",
    expected: "a network such as 10.0.0.0/8 or fd00::/8",
    parse: parseNetwork,
    format: (n) =>
      `${formatIp(n.bytes)}/${n.bytes[10] === 255 && n.prefix >= 96 ? n.prefix - 96 : n.prefix}`,
  });
}

/** A regular expression in JavaScript's syntax, `u` flag, kept as its source text. */
export function pattern(options: Common<string>): Field<string> {
  return scalar(options, {
    type: "regular expression",
    expected: "a regular expression",
    schema: { type: "string", format: "regex" },
    parse: (v) => {
      try {
        new RegExp(String(v), "u");
        return String(v);
      } catch {
        return undefined;
      }
    },
    format: (v) => JSON.stringify(v),
  });
}
