import { createResponseEdits } from "../edit-actions.ts";
import { createDeletions } from "../header-edit.ts";
import { deletions } from "../header-field.ts";
import { action } from "../types.ts";

const summary = "Header fields to take out of the answer";

export const deleteResponseHeader = action({
  name: "deleteResponseHeader",
  summary,
  value: deletions(summary),
  example: "X-Powered-By",
  final: false,
  compile: (value) => createResponseEdits(createDeletions(value)),
});
