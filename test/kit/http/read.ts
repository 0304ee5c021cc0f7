/**
 * What src/http says of a message, in the words of the naive twin, so that the two can be compared.
 */
import { latin1, textOf } from "#base/bytes.ts";
import { CODE_NAMES, FACTS } from "#base/errors.ts";
import { FIELD_WORDS, Head, type HeadLimits, METHOD } from "#http/head.ts";
import { parseRequest } from "#http/request-parser.ts";
import { parseResponse } from "#http/response-parser.ts";
import type { Naive, NaiveField } from "./naive-message.ts";
import type { NaiveRequest } from "./naive-request.ts";
import type { NaiveResponse } from "./naive-response.ts";

export const LIMITS: HeadLimits = { headBytes: 16_384, headers: 100, uriBytes: 4096 };

const FORMS = ["origin", "absolute", "authority", "asterisk"] as const;
const FRAMINGS = ["none", "length", "chunked", "close", "tunnel"] as const;

export const head = new Head(LIMITS.headers);

/** The code's name for a negative result, "more" for 0, the number itself otherwise. */
export function resultName(result: number): string | number {
  return result > 0 ? result : result === 0 ? "more" : CODE_NAMES[-result]!;
}

function fieldsOf(bytes: Uint8Array): NaiveField[] {
  return Array.from({ length: head.count }, (_, i) => {
    const at = i * FIELD_WORDS;
    return {
      name: textOf(bytes, head.fields[at]!, head.fields[at + 1]!),
      value: textOf(bytes, head.fields[at + 2]!, head.fields[at + 3]!),
      hop: head.hop[i] === 1,
    };
  });
}

/** Bytes of a text, one a character, at `from` of a larger array whose other bytes are `filler`. */
export function place(text: string, from: number, filler: number): Uint8Array {
  const bytes = new Uint8Array(from + text.length + 64).fill(filler);
  bytes.set(latin1(text), from);
  return bytes;
}

export function readRequest(text: string, limits = LIMITS): Naive<NaiveRequest> {
  const from = 7;
  const bytes = place(text, from, 0x41);
  const end = parseRequest(bytes, from, from + text.length, head, limits);
  if (end <= 0) return end === 0 ? "more" : FACTS[-end]!.status;
  return {
    end: end - from,
    method: textOf(bytes, head.methodStart, head.methodEnd),
    target: textOf(bytes, head.targetStart, head.targetEnd),
    form: FORMS[head.form] as NaiveRequest["form"],
    path: textOf(bytes, head.pathStart, head.pathEnd),
    query: textOf(bytes, head.queryStart, head.queryEnd),
    host: textOf(bytes, head.hostStart, head.hostEnd),
    version: head.version,
    framing: FRAMINGS[head.framing] as NaiveRequest["framing"],
    contentLength: head.contentLength,
    keepAlive: head.keepAlive,
    upgrade: head.upgrade,
    expectContinue: head.expectContinue,
    fields: fieldsOf(bytes),
  };
}

export function readResponse(
  text: string,
  headRequest = false,
  limits = LIMITS,
): Naive<NaiveResponse> {
  const from = 7;
  const bytes = place(text, from, 0x41);
  const method = headRequest ? METHOD.HEAD : METHOD.GET;
  const end = parseResponse(bytes, from, from + text.length, head, limits, method);
  if (end <= 0) {
    if (end === 0) return "more";
    return resultName(end) === "RESPONSE_HEAD_TOO_LARGE" ? 431 : 502;
  }
  return {
    end: end - from,
    version: head.version,
    status: head.status,
    reason: textOf(bytes, head.reasonStart, head.reasonEnd),
    framing: FRAMINGS[head.framing]!,
    contentLength: head.contentLength,
    keepAlive: head.keepAlive,
    upgrade: head.upgrade,
    fields: fieldsOf(bytes),
  };
}
