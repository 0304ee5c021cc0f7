import { createResponseEdits } from "../edit-actions.ts";
import { createSettings } from "../header-edit.ts";
import { settings } from "../header-field.ts";
import { action } from "../types.ts";

const summary = "Header fields of the answer to write, replacing those of the same names";

export const setResponseHeader = action({
  name: "setResponseHeader",
  summary,
  value: settings(summary),
  example: { "X-Frame-Options": "DENY" },
  final: false,
  compile: (value) => createResponseEdits(createSettings(value)),
});
