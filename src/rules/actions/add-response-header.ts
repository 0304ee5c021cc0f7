import { createResponseEdits } from "../edit-actions.ts";
import { createAdditions } from "../header-edit.ts";
import { additions } from "../header-field.ts";
import { action } from "../types.ts";

const summary = "Header fields to add to the answer, beside those of the same names";

export const addResponseHeader = action({
  name: "addResponseHeader",
  summary,
  value: additions(summary),
  example: { Vary: "Accept-Encoding" },
  final: false,
  compile: (value) => createResponseEdits(createAdditions(value)),
});
