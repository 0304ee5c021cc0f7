/**
 * What must be changed in one JSON document to make another of it: of a map the members that
 * differ, of a list of the same length a map by position, anything else whole. Undefined when
 * nothing differs. Members may come but not go: the documents we send keep their shape.
 * web/merge.js is its inverse.
 */
export function diff(before: unknown, after: unknown): unknown {
  if (before === after) return undefined;
  if (!isMap(before) || !isMap(after) || Array.isArray(before) !== Array.isArray(after)) {
    return after;
  }
  if (Array.isArray(after) && after.length !== (before as unknown as unknown[]).length) {
    return after;
  }
  const changes: Record<string, unknown> = {};
  let any = false;
  for (const key of Object.keys(after)) {
    const change = diff(before[key], after[key]);
    if (change === undefined) continue;
    changes[key] = change;
    any = true;
  }
  return any ? changes : undefined;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
