import type { JsonSchema } from "#schema/index.ts";

/**
 * What of `value` breaks `schema`: JSON Schema as far as we write it, references to `$defs`
 * included.
 */
export function violations(root: JsonSchema, value: unknown): string[] {
  return check(root, value, "");

  function check(schema: JsonSchema, v: unknown, at: string): string[] {
    const reference = schema["$ref"] as string | undefined;
    if (reference !== undefined) return check(resolve(reference), v, at);
    const any = schema["anyOf"] as JsonSchema[] | undefined;
    if (any && !any.some((option) => check(option, v, at).length === 0)) {
      return [`${at}: none of ${any.length} choices fits ${JSON.stringify(v)}`];
    }
    return [...checkValue(schema, v, at), ...checkItems(schema, v, at), ...checkMap(schema, v, at)];
  }

  function resolve(reference: string): JsonSchema {
    const steps = reference.replace(/^#\//, "").split("/");
    return steps.reduce<JsonSchema>((node, step) => node[step] as JsonSchema, root);
  }

  function checkItems(schema: JsonSchema, v: unknown, at: string): string[] {
    if (!Array.isArray(v)) return [];
    const least = (schema["minItems"] as number | undefined) ?? 0;
    const items = schema["items"] as JsonSchema | undefined;
    const found = items ? v.flatMap((item, i) => check(items, item, `${at}[${i}]`)) : [];
    return v.length < least ? [`${at}: fewer than ${least}`, ...found] : found;
  }

  function checkMap(schema: JsonSchema, v: unknown, at: string): string[] {
    if (typeOf(v) !== "object") return [];
    const properties = (schema["properties"] ?? {}) as Record<string, JsonSchema>;
    const patterns = Object.keys((schema["patternProperties"] ?? {}) as object);
    const others = schema["additionalProperties"] as JsonSchema | false | undefined;
    const names = schema["propertyNames"] as JsonSchema | undefined;
    const missing = ((schema["required"] ?? []) as string[]).filter(
      (key) => !(key in (v as object)),
    );
    const found = Object.entries(v as object).flatMap(([key, item]) => {
      const where = `${at}.${key}`;
      if (names && check(names, key, where).length > 0) return [`${where}: not a name`];
      if (Object.hasOwn(properties, key)) return check(properties[key]!, item, where);
      if (patterns.some((pattern) => new RegExp(pattern, "u").test(key))) return [];
      if (others === false) return [`${where}: unknown`];
      return others ? check(others, item, where) : [];
    });
    return [...missing.map((key) => `${at}.${key}: missing`), ...found];
  }
}

function typeOf(v: unknown): string {
  if (Array.isArray(v)) return "array";
  if (v === null) return "null";
  return Number.isInteger(v) ? "integer" : typeof v;
}

function checkValue(schema: JsonSchema, v: unknown, at: string): string[] {
  const out: string[] = [];
  const types = [schema["type"] ?? []].flat() as string[];
  const type = typeOf(v);
  const fits = types.includes(type) || (type === "integer" && types.includes("number"));
  if (types.length > 0 && !fits) out.push(`${at}: ${type} instead of ${types.join(" or ")}`);
  const choices = schema["enum"] as unknown[] | undefined;
  if (choices && !choices.includes(v)) out.push(`${at}: ${String(v)} is not among the choices`);
  if ("const" in schema && schema["const"] !== v) out.push(`${at}: not ${schema["const"]}`);
  if (typeof v === "string") {
    const pattern = schema["pattern"] as string | undefined;
    if (pattern !== undefined && !new RegExp(pattern, "u").test(v)) {
      out.push(`${at}: "${v}" does not match ${pattern}`);
    }
  }
  if (typeof v === "number") {
    if (v < ((schema["minimum"] as number | undefined) ?? v)) out.push(`${at}: too small`);
    if (v > ((schema["maximum"] as number | undefined) ?? v)) out.push(`${at}: too large`);
  }
  return out;
}
