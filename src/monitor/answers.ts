import type { AnswersDocument } from "./document.ts";
import type { Quantiles } from "./latency.ts";
import type { Metered } from "./meter.ts";

type AnswerColumn = "REQUESTS" | "BYTES_IN" | "BYTES_OUT" | `STATUS_${1 | 2 | 3 | 4 | 5}XX`;
type AnswerRate = Exclude<AnswerColumn, "STATUS_1XX" | "STATUS_2XX" | "STATUS_3XX">;

/**
 * What frontends, backends and servers have in common. Without a meter yet, nothing has happened.
 */
export function answersDocument(
  meter: Metered<AnswerColumn, AnswerRate> | undefined,
): AnswersDocument {
  const total = (column: AnswerColumn): number => meter?.total(column) ?? 0;
  const rate = (column: AnswerRate): number => meter?.rate(column).current ?? 0;
  return {
    requests: total("REQUESTS"),
    requestsPerSecond: rate("REQUESTS"),
    bytesIn: total("BYTES_IN"),
    bytesOut: total("BYTES_OUT"),
    bytesInPerSecond: rate("BYTES_IN"),
    bytesOutPerSecond: rate("BYTES_OUT"),
    status: {
      "1xx": total("STATUS_1XX"),
      "2xx": total("STATUS_2XX"),
      "3xx": total("STATUS_3XX"),
      "4xx": total("STATUS_4XX"),
      "5xx": total("STATUS_5XX"),
    },
    clientErrorsPerSecond: rate("STATUS_4XX"),
    serverErrorsPerSecond: rate("STATUS_5XX"),
  };
}

/** Of what has no histogram yet. */
export const NO_LATENCY: Quantiles = Object.freeze({ p50Ms: null, p95Ms: null, p99Ms: null });
