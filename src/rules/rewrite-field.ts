import { group, type InferFields, optional, refine, text } from "#schema/index.ts";
import { pathField, pathPattern } from "./path-field.ts";

const fields = {
  prefix: optional(
    group(
      {
        from: { ...pathField, help: "First segments to take away", required: true },
        to: { ...pathField, help: "What to put in their place", required: true },
      },
      { help: "Replace the first segments; a path that begins otherwise stays" },
    ),
  ),
  regex: optional(pathPattern("Replace what this finds first; a path without it stays")),
  replacement: optional(
    text({
      help: "What to put there; $1, $<name> and so on are groups of the expression",
      maxLength: 2048,
      pattern: /^[^\x00-\x1f\x7f]*$/,
      expected: "text without control characters",
    }),
  ),
};

export type Rewrite = InferFields<typeof fields>;

export const rewriteField = (help: string) =>
  refine(group(fields, { help }), ({ prefix, regex, replacement }) => {
    if ((prefix === undefined) === (regex === undefined)) return "either prefix or regex";
    if ((regex === undefined) !== (replacement === undefined)) {
      return "regex and replacement together";
    }
    return undefined;
  });
