const isMap = (value) => typeof value === "object" && value !== null;

/**
 * Applies what the server's diff.ts made to a document, in place where it can; returns the result.
 * A list that comes whole replaces; one that kept its length comes as a map by position.
 */
export function merge(before, change) {
  if (!isMap(before) || !isMap(change) || Array.isArray(change)) return change;
  for (const key of Object.keys(change)) before[key] = merge(before[key], change[key]);
  return before;
}
