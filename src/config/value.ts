import type { Entry, Report, Tree } from "#schema/index.ts";
import { ScriptPlaces, type Written } from "./script-places.ts";

/** Maps and lists inside one another: more is a cycle. */
const MAX_DEPTH = 64;

/**
 * A JavaScript value, as `weir.config.ts` exports it, as a tree. Its places are those that can be
 * found in the script; the rest has no line, and faults go by path.
 */
export function treeOfValue(
  file: string,
  value: unknown,
  report: Report,
  script = "",
): Tree | undefined {
  const nowhere: Written = { place: { file, line: 0, column: 0, length: 1 }, value: -1 };
  const places = new ScriptPlaces(file, script);
  const before = report.errors;
  const read = (v: unknown, path: string, depth: number, spot: Written): Tree => {
    const { place } = spot;
    const refuse = (message: string): Tree => {
      report.error({ place }, path, message);
      return { kind: "scalar", place, value: null };
    };
    if (depth > MAX_DEPTH) return refuse(`nested deeper than ${MAX_DEPTH}, or a cycle`);
    if (isScalar(v)) {
      return { kind: "scalar", place: places.scalar(spot.value, v) ?? place, value: v };
    }
    if (Array.isArray(v)) {
      const written = places.items(spot.value);
      const items = v.map((item, i) =>
        read(item, `${path}[${i}]`, depth + 1, written[i] ?? nowhere),
      );
      return { kind: "list", place, items };
    }
    if (isPlainObject(v)) {
      const written = places.keys(spot.value);
      const entries: Entry[] = Object.entries(v)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => {
          const at = path === "" ? key : `${path}.${key}`;
          const own = written.get(key) ?? nowhere;
          return { key, keyPlace: own.place, value: read(item, at, depth + 1, own) };
        });
      return { kind: "dict", place, entries };
    }
    return refuse(`expected plain data, found ${describe(v)}`);
  };
  const tree = read(value, "", 0, places.root() ?? nowhere);
  return report.errors > before ? undefined : tree;
}

const isScalar = (v: unknown): v is string | number | boolean | null =>
  v === null ||
  typeof v === "string" ||
  typeof v === "boolean" ||
  (typeof v === "number" && Number.isFinite(v));

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  // Object.prototype of another realm has no prototype either.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

const describe = (value: unknown): string =>
  typeof value === "object" ? `a ${value?.constructor?.name ?? "object"}` : `a ${typeof value}`;
