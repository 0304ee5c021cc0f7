import { createRequestEdits } from "../edit-actions.ts";
import { createDeletions } from "../header-edit.ts";
import { deletions } from "../header-field.ts";
import { action } from "../types.ts";

const summary = "Header fields to take out of the request";

export const deleteHeader = action({
  name: "deleteHeader",
  summary,
  value: deletions(summary),
  example: ["X-Debug", "X-Internal"],
  final: false,
  compile: (value) => createRequestEdits(createDeletions(value)),
});
