import type { HeadLimits } from "#http/head.ts";
import { type Naive, type NaiveField, NaiveMeaning, naiveField } from "./naive-message.ts";

export interface NaiveResponse {
  end: number;
  version: number;
  status: number;
  reason: string;
  framing: "none" | "length" | "chunked" | "close" | "tunnel";
  contentLength: number;
  keepAlive: boolean;
  upgrade: boolean;
  fields: NaiveField[];
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t -~\x80-\xff]*))?\r$/;

/**
 * The response head at the beginning of `text`; any refusal of its form is 502, of its size 431.
 */
export function naiveResponse(
  text: string,
  limits: HeadLimits,
  headRequest: boolean,
): Naive<NaiveResponse> {
  let at = text.indexOf("\n") + 1;
  if (at === 0) return "more";
  const m = STATUS_LINE.exec(text.slice(0, at - 1));
  if (!m) return 502;
  const meaning = new NaiveMeaning(10 + Number(m[1]), true);
  for (;;) {
    const lf = text.indexOf("\n", at);
    if (at < text.length && text[at] !== "\r" && meaning.fields.length === limits.headers) {
      return 431;
    }
    if (lf < 0) return "more";
    const raw = text.slice(at, lf);
    at = lf + 1;
    if (raw === "\r") return conclude(Number(m[2]), m[3] ?? "", meaning, at, headRequest);
    const field = naiveField(raw);
    if (!field || meaning.take(field) !== "ok") return 502;
  }
}

function conclude(
  status: number,
  reason: string,
  meaning: NaiveMeaning,
  end: number,
  headRequest: boolean,
): number | NaiveResponse {
  if (!meaning.markNamed()) return 502;
  const interim = status < 200;
  if (interim && meaning.version === 10) return 502;
  if (interim || status === 204) {
    if (meaning.chunked || (meaning.length ?? 0) > 0) return 502;
    meaning.drop("content-length");
  }
  if (status === 101 && !meaning.mayUpgrade) return 502;
  const bodiless = headRequest || interim || status === 204 || status === 304;
  const framing =
    status === 101
      ? "tunnel"
      : bodiless
        ? "none"
        : meaning.chunked
          ? "chunked"
          : meaning.length === undefined
            ? "close"
            : "length";
  if (framing !== "chunked" && framing !== "tunnel") meaning.drop("trailer");
  return {
    end,
    version: meaning.version,
    status,
    reason,
    framing,
    contentLength: meaning.length ?? 0,
    keepAlive: meaning.keepAlive && framing !== "close" && framing !== "tunnel",
    upgrade: status === 101,
    fields: meaning.fields,
  };
}
