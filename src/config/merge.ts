import type { Dict, Entry, Place, Report, Tree } from "#schema/index.ts";

/**
 * Several files as one: their top-level maps are joined, so that each may bring frontends, backends
 * or keywords of a section. The same name in two files is a fault: neither could be seen to lose.
 */
export function merge(trees: readonly Tree[], report: Report): Tree | undefined {
  const files = trees.filter((tree) => tree.kind !== "scalar" || tree.value !== null);
  if (files.length <= 1) return files[0] ?? trees[0];
  const sections = new Map<string, Entry>();
  for (const tree of files) {
    if (tree.kind !== "dict") return tree;
    for (const entry of tree.entries) {
      const before = sections.get(entry.key);
      sections.set(entry.key, before ? joined(before, entry, report) : entry);
    }
  }
  const { place } = files[0]!;
  return { kind: "dict", place, entries: [...sections.values()] };
}

/** Two sections of the same name; a section that is no map cannot be shared. */
function joined(a: Entry, b: Entry, report: Report): Entry {
  if (a.value.kind !== "dict" || b.value.kind !== "dict") {
    twice(a.keyPlace, b, b.key, report);
    return a;
  }
  const entries = new Map(a.value.entries.map((entry) => [entry.key, entry]));
  for (const entry of b.value.entries) {
    const before = entries.get(entry.key);
    if (before) twice(before.keyPlace, entry, `${b.key}.${entry.key}`, report);
    else entries.set(entry.key, entry);
  }
  const value: Dict = { ...a.value, entries: [...entries.values()] };
  return { ...a, value };
}

function twice(first: Place, entry: Entry, path: string, report: Report): void {
  const where = first.line > 0 ? `${first.file}:${first.line}` : first.file;
  report.error({ place: entry.keyPlace }, path, `"${entry.key}" is in ${where} already`, {
    expected: "each name in one file",
  });
}
