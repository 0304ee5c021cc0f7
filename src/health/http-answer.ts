import { textOf } from "#base/bytes.ts";

/**
 * An HTTP/1.x answer to a check, read from all bytes received so far. A check asks one question on
 * a connection of its own, so this reads the whole again each time something comes, and answers
 * "incomplete" until it can tell. Framing as RFC 9112 §6.3; what is ambiguous there is refused.
 */
export interface Answer {
  readonly status: number;
  /** What came of the body so far, chunks joined. */
  readonly body: Uint8Array;
  /** The body has ended; one framed by the close of the connection never does by itself. */
  readonly complete: boolean;
}

const HEAD_LIMIT = 16_384;

const STATUS_LINE = /^HTTP\/1\.[01] ([1-9]\d\d)(?: [^\r\n]*)?$/;

/**
 * The answer so far, "incomplete" while its head is, or "malformed". Interim answers are skipped.
 */
export function readAnswer(bytes: Uint8Array, method: string): Answer | "incomplete" | "malformed" {
  let at = 0;
  for (;;) {
    const head = readHead(bytes, at);
    if (typeof head === "string") return head;
    if (head.status >= 200) return readBody(bytes, head, method);
    // 101 would end HTTP on this connection, and we asked for no other protocol.
    if (head.status === 101) return "malformed";
    at = head.end;
  }
}

interface AnswerHead {
  readonly status: number;
  readonly end: number;
  readonly fields: ReadonlyMap<string, string>;
}

function readHead(bytes: Uint8Array, from: number): AnswerHead | "incomplete" | "malformed" {
  const text = textOf(bytes, from, Math.min(bytes.length, from + HEAD_LIMIT));
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return text.length >= HEAD_LIMIT || !mayBeHttp(text) ? "malformed" : "incomplete";
  const [first, ...lines] = text.slice(0, end).split("\r\n");
  const status = STATUS_LINE.exec(first!);
  if (!status) return "malformed";
  const fields = new Map<string, string>();
  for (const line of lines) {
    const field = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([^\0\r\n]*?)[ \t]*$/.exec(line);
    if (!field) return "malformed";
    const name = field[1]!.toLowerCase();
    const before = fields.get(name);
    fields.set(name, before === undefined ? field[2]! : `${before}, ${field[2]!}`);
  }
  return { status: Number(status[1]), end: from + end + 4, fields };
}

/** Nothing so far rules out an HTTP answer: garbage need not be waited out. */
function mayBeHttp(text: string): boolean {
  const line = text.slice(0, 9);
  return "HTTP/1.1 ".startsWith(line) || "HTTP/1.0 ".startsWith(line);
}

function readBody(bytes: Uint8Array, head: AnswerHead, method: string): Answer | "malformed" {
  const { status, fields } = head;
  const rest = bytes.subarray(head.end);
  if (method === "HEAD" || status === 204 || status === 304) {
    return { status, body: rest.subarray(0, 0), complete: true };
  }
  const coding = fields.get("transfer-encoding");
  const length = fields.get("content-length");
  if (coding !== undefined) {
    if (coding.toLowerCase() !== "chunked" || length !== undefined) return "malformed";
    return readChunks(rest, status);
  }
  if (length === undefined) return { status, body: rest, complete: false };
  if (!/^\d{1,15}$/.test(length)) return "malformed";
  const body = rest.subarray(0, Number(length));
  return { status, body, complete: body.length === Number(length) };
}

/** RFC 9112 §7.1. Extensions and trailers are skipped. */
function readChunks(bytes: Uint8Array, status: number): Answer | "malformed" {
  const parts: Uint8Array[] = [];
  let at = 0;
  let complete = false;
  for (;;) {
    const line = textOf(bytes, at, Math.min(bytes.length, at + 256));
    const end = line.indexOf("\r\n");
    if (end < 0) {
      if (line.length === 256) return "malformed";
      break;
    }
    const size = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$/.exec(line.slice(0, end));
    if (!size) return "malformed";
    const length = Number.parseInt(size[1]!, 16);
    at += end + 2;
    complete = length === 0;
    if (complete) break;
    parts.push(bytes.subarray(at, at + length));
    if (bytes.length < at + length + 2) break;
    at += length;
    if (bytes[at] !== 13 || bytes[at + 1] !== 10) return "malformed";
    at += 2;
  }
  return { status, body: Buffer.concat(parts), complete };
}
