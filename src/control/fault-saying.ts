import type { Fault } from "#schema/index.ts";

/** A fault that stands nowhere in a file. */
export const faultSaying = (
  message: string,
  path = "",
  severity: Fault["severity"] = "error",
): Fault => ({
  place: { file: "configuration", line: 0, column: 0, length: 1 },
  path,
  message,
  severity,
});
