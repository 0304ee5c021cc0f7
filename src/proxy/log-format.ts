import { formatCombined } from "./log-combined.ts";
import { formatHttplog } from "./log-httplog.ts";
import { formatJson } from "./log-json.ts";
import type { LogFormatter } from "./log-record.ts";

/** Formats of the access log by the name that configuration gives them (`LogPlan.format`). */
export const LOG_FORMATS: Readonly<Record<"httplog" | "combined" | "json", LogFormatter>> = {
  httplog: formatHttplog,
  combined: formatCombined,
  json: formatJson,
};
