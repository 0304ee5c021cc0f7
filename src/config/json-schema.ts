import { fieldsSchema, type JsonSchema } from "#schema/index.ts";
import { documentFields } from "./model/document.ts";

/** The whole language as JSON Schema, draft 2020-12: editors complete and check with it. */
export function configSchema(): JsonSchema {
  const schema = withInterpolation(fieldsSchema(documentFields)) as JsonSchema;
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Weir configuration",
    ...schema,
    anyOf: [{ required: ["frontends"] }, { required: ["services"] }],
    patternProperties: { "^x-": true },
    $defs: {
      interpolation: {
        type: "string",
        pattern: "\\$\\{.+\\}",
        description: "Filled in from the environment or a file when the configuration is read",
      },
    },
  };
}

const REFERENCE = { $ref: "#/$defs/interpolation" };

/** The same schema, every scalar but free text being allowed to come from `${…}` instead. */
function withInterpolation(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withInterpolation);
  if (typeof schema !== "object" || schema === null) return schema;
  const node = schema as JsonSchema;
  const { description, default: fallback, ...value } = node;
  if (isScalar(value)) {
    return {
      anyOf: [value, REFERENCE],
      ...(description === undefined ? {} : { description }),
      ...(fallback === undefined ? {} : { default: fallback }),
    };
  }
  const entries = Object.entries(node).map(([key, inner]) => {
    if (key === "properties") {
      const properties = Object.entries(inner as object).map(([k, v]) => [k, withInterpolation(v)]);
      return [key, Object.fromEntries(properties)];
    }
    const holdsSchemas = key === "anyOf" || key === "items" || key === "additionalProperties";
    return [key, holdsSchemas ? withInterpolation(inner) : inner];
  });
  return Object.fromEntries(entries);
}

/** Schemas of one value that not just any string meets. */
function isScalar(schema: JsonSchema): boolean {
  if (schema["enum"] !== undefined) return true;
  const types = [schema["type"]].flat();
  if (types.includes("object") || types.includes("array")) return false;
  return types[0] !== undefined && (types[0] !== "string" || schema["pattern"] !== undefined);
}
