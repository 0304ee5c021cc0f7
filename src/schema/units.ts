import type { Common, Field } from "./field.ts";
import { scalar } from "./scalar.ts";

const DURATION_UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^(\d+(\.\d+)?(ms|s|m|h|d))+$/;
const YEAR_MS = 365 * DURATION_UNITS.d;

/** How a duration is written in TypeScript: `5s`, `1.5h`, `1m30s`. */
export type DurationText = `${number}${keyof typeof DURATION_UNITS}` | `${number}m${number}s`;

/**
 * Milliseconds, written with a unit: a bare number is refused, because tools differ in what it
 * means.
 */
export function duration(
  options: Common<number> & { min?: number; max?: number },
): Field<number, DurationText> {
  const { min = 0, max = YEAR_MS } = options;
  const bounded = min > 0 || options.max !== undefined;
  return scalar(options, {
    type: "duration",
    expected: `a duration with a unit, such as 500ms, 5s or 2m${
      bounded ? `, from ${formatDuration(min)} to ${formatDuration(max)}` : ""
    }`,
    schema: { type: "string", pattern: DURATION.source },
    parse: (_, written) => {
      const ms = readDuration(written);
      return ms !== undefined && ms >= min && ms <= max ? ms : undefined;
    },
    explain: (written) =>
      /^\d+(\.\d+)?$/.test(written) && Number(written) > 0
        ? `a duration with a unit: ${written}ms or ${written}s`
        : undefined,
    format: formatDuration,
  });
}

function readDuration(written: string): number | undefined {
  if (!DURATION.test(written)) return undefined;
  let total = 0;
  for (const [, n, unit] of written.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(n) * DURATION_UNITS[unit as keyof typeof DURATION_UNITS];
  }
  return Math.round(total);
}

/** The shortest whole number of one unit: 90000 is `90s`, 120000 is `2m`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  for (const unit of ["d", "h", "m", "s"] as const) {
    if (ms % DURATION_UNITS[unit] === 0) return `${ms / DURATION_UNITS[unit]}${unit}`;
  }
  return `${ms}ms`;
}

const SIZE_UNITS: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** How a size is written in TypeScript. */
export type SizeText = number | `${number}${"k" | "m" | "g" | "K" | "M" | "G"}`;

/** Bytes: `16k`, `1m`, `2g` (powers of 1024), or a bare number of bytes. */
export function size(
  options: Common<number> & { min?: number; max?: number },
): Field<number, SizeText> {
  const { min = 0, max = 1024 ** 4 } = options;
  return scalar(options, {
    type: "size",
    expected: `a size such as 16k or 1m, from ${formatSize(min)} to ${formatSize(max)}`,
    schema: { type: ["string", "integer"], pattern: "^\\d+[kmgKMG]?$" },
    parse: (_, written) => {
      const m = /^(\d+)([kmg]?)$/i.exec(written);
      const n = m ? Number(m[1]) * SIZE_UNITS[m[2]!.toLowerCase()]! : -1;
      return n >= min && n <= max ? n : undefined;
    },
    format: formatSize,
  });
}

/** The shortest whole number of one unit: 16384 is `16k`. */
export function formatSize(bytes: number): string {
  for (const unit of ["g", "m", "k"]) {
    const scale = SIZE_UNITS[unit]!;
    if (bytes > 0 && bytes % scale === 0) return `${bytes / scale}${unit}`;
  }
  return String(bytes);
}

/** A share from 0 to `max` (1 unless said), written `25%`. */
export function percent(options: Common<number> & { max?: number }): Field<number, `${number}%`> {
  const max = options.max ?? 1;
  return scalar(options, {
    type: "percent",
    expected: `a percentage from 0% to ${max * 100}%`,
    schema: { type: "string", pattern: "^\\d+(\\.\\d+)?%$" },
    parse: (_, written) => {
      const m = /^(\d+(?:\.\d+)?)%$/.exec(written);
      // In millionths, so that 87.93% is 0.8793 and not its neighbour.
      const share = m ? Math.round(Number(m[1]) * 1e4) / 1e6 : -1;
      return m && share <= max ? share : undefined;
    },
    format: (v) => `${Math.round(v * 1e6) / 1e4}%`,
  });
}
