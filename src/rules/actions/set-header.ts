import { createRequestEdits } from "../edit-actions.ts";
import { createSettings } from "../header-edit.ts";
import { settings } from "../header-field.ts";
import { action } from "../types.ts";

const summary = "Header fields of the request to write, replacing those of the same names";

export const setHeader = action({
  name: "setHeader",
  summary,
  value: settings(summary),
  example: { "X-Environment": "production" },
  final: false,
  compile: (value) => createRequestEdits(createSettings(value)),
});
