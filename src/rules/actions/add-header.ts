import { createRequestEdits } from "../edit-actions.ts";
import { createAdditions } from "../header-edit.ts";
import { additions } from "../header-field.ts";
import { action } from "../types.ts";

const summary = "Header fields to add to the request, beside those of the same names";

export const addHeader = action({
  name: "addHeader",
  summary,
  value: additions(summary),
  example: { "X-Tag": ["edge", "eu"] },
  final: false,
  compile: (value) => createRequestEdits(createAdditions(value)),
});
