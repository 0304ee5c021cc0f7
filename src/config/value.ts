import type { Entry, Place, Report, Tree } from "#schema/index.ts";

/** Maps and lists inside one another: more is a cycle. */
const MAX_DEPTH = 64;

/**
 * A JavaScript value, as `weir.config.ts` exports it, as a tree. It has no lines: faults go by
 * path.
 */
export function treeOfValue(file: string, value: unknown, report: Report): Tree | undefined {
  const place: Place = { file, line: 0, column: 0, length: 1 };
  const before = report.errors;
  const read = (v: unknown, path: string, depth: number): Tree => {
    const refuse = (message: string): Tree => {
      report.error({ place }, path, message);
      return { kind: "scalar", place, value: null };
    };
    if (depth > MAX_DEPTH) return refuse(`nested deeper than ${MAX_DEPTH}, or a cycle`);
    if (v === null || typeof v === "string" || typeof v === "boolean") {
      return { kind: "scalar", place, value: v };
    }
    if (typeof v === "number" && Number.isFinite(v)) return { kind: "scalar", place, value: v };
    if (Array.isArray(v)) {
      const items = v.map((item, i) => read(item, `${path}[${i}]`, depth + 1));
      return { kind: "list", place, items };
    }
    if (isPlainObject(v)) {
      const entries: Entry[] = Object.entries(v)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => {
          const at = path === "" ? key : `${path}.${key}`;
          return { key, keyPlace: place, value: read(item, at, depth + 1) };
        });
      return { kind: "dict", place, entries };
    }
    return refuse(`expected plain data, found ${describe(v)}`);
  };
  const tree = read(value, "", 0);
  return report.errors > before ? undefined : tree;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  // Object.prototype of another realm has no prototype either.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

const describe = (value: unknown): string =>
  typeof value === "object" ? `a ${value?.constructor?.name ?? "object"}` : `a ${typeof value}`;
