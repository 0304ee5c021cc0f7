import { WeirError } from "#base/errors.ts";
import { treeOfValue } from "#config/value.ts";
import { type Fields, type Infer, Report, readFields } from "#schema/index.ts";

/**
 * What a body of these Fields reads to; absent members are absent. `N` are those that may be null.
 */
export type Body<F extends Fields, N> = {
  readonly [K in keyof F]?: NonNullable<Infer<F[K]>> | (K extends N ? null : never);
};

/**
 * Reads a JSON body as a map of Fields. Throws USAGE that names every fault. Of the members named
 * in `nullable`, null is a value of its own.
 */
export function readBody<F extends Fields, const N extends keyof F = never>(
  fields: F,
  body: unknown,
  nullable: readonly N[] = [],
): Body<F, N> {
  const report = new Report();
  const isNull = ([key, value]: [string, unknown]): boolean =>
    value === null && (nullable as readonly string[]).includes(key);
  const isMap = typeof body === "object" && body !== null && !Array.isArray(body);
  const members = isMap ? Object.entries(body) : [];
  const given = isMap ? Object.fromEntries(members.filter((m) => !isNull(m))) : (body ?? {});
  const tree = treeOfValue("body", given, report);
  const read = tree && readFields(fields, tree, "", report);
  if (!read || report.hasErrors) {
    const faults = report.faults.map((f) => (f.path ? `${f.path}: ${f.message}` : f.message));
    throw new WeirError("USAGE", faults.join("; "));
  }
  const present = Object.entries(read).filter(([, value]) => value !== undefined);
  return Object.fromEntries([...present, ...members.filter(isNull)]) as Body<F, N>;
}
