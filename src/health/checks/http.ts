import { formatAddress } from "#base/address.ts";
import { latin1, textOf } from "#base/bytes.ts";
import { type InferFields, list, named, oneOf, optional, pattern, text } from "#schema/index.ts";
import { type CheckResult, type CheckTarget, check, dialFailure, quoteLine } from "../check.ts";
import { readAnswer } from "../http-answer.ts";

const BODY_LIMIT = 65_536;
const HEAD_LIMIT = 16_384;

const visible = { pattern: /^[\x21-\x7e]+$/, expected: "text without spaces" };

const options = {
  method: oneOf(["GET", "HEAD", "OPTIONS", "POST"], {
    fallback: "GET",
    help: "Request method",
  }),
  path: text({
    fallback: "/",
    pattern: /^\/[\x21-\x7e]*$/,
    expected: "a path that begins with /",
    help: "Request target, query included",
  }),
  host: optional(text({ ...visible, help: "Host field; the server's address when absent" })),
  headers: named(
    text({
      pattern: /^[\x20-\x7e\t]*$/,
      expected: "one line of printable text",
      help: "Value of the field",
    }),
    { what: "header fields", fallback: new Map(), help: "Further header fields" },
  ),
  status: list(
    text({
      pattern: /^[1-5]\d\d(-[1-5]\d\d)?$/,
      expected: "a status such as 200 or a range such as 200-399",
      help: "A status, or a range",
    }),
    { single: true, min: 1, fallback: ["200-399"], help: "Statuses that mean healthy" },
  ),
  body: optional(
    pattern({ help: "Regular expression that the body's first 64 KiB must match, as UTF-8 text" }),
  ),
};

type Options = InferFields<typeof options>;

function request(target: CheckTarget, o: Options): Uint8Array {
  const host = o.host ?? (target.address.kind === "inet" ? formatAddress(target.address) : "weir");
  const own = [`Host: ${host}`, "User-Agent: weir-check", "Connection: close"];
  const given = [...o.headers].map(([name, value]) => `${name}: ${value}`);
  const taken = new Set([...o.headers.keys()].map((name) => name.toLowerCase()));
  const lines = own.filter((line) => !taken.has(line.split(":", 1)[0]!.toLowerCase()));
  if (o.method === "POST" && !taken.has("content-length")) lines.push("Content-Length: 0");
  return latin1(`${[`${o.method} ${o.path} HTTP/1.1`, ...lines, ...given].join("\r\n")}\r\n\r\n`);
}

/** True when one of the statuses or ranges holds it. */
function expected(status: number, wanted: readonly string[]): boolean {
  return wanted.some((range) => {
    const [from, to] = range.split("-");
    return status >= Number(from) && status <= Number(to ?? from);
  });
}

function judge(bytes: Uint8Array, o: Options): CheckResult {
  const answer = readAnswer(bytes, o.method);
  if (typeof answer === "string") {
    const found = bytes.length === 0 ? "closed without an answer" : "not an HTTP answer";
    const detail = answer === "incomplete" && bytes.length > 0 ? "closed in the head" : found;
    const quoted = answer === "malformed" ? `: ${quoteLine(textOf(bytes, 0, 120), 60)}` : "";
    return { ok: false, code: "L7RSP", detail: `${detail}${quoted}` };
  }
  const detail = `status ${answer.status}`;
  if (!expected(answer.status, o.status)) {
    return { ok: false, code: "L7STS", detail: `${detail}, expected ${o.status.join(", ")}` };
  }
  if (o.body === undefined) return { ok: true, code: "L7OK", detail };
  const body = new TextDecoder().decode(answer.body.subarray(0, BODY_LIMIT));
  return new RegExp(o.body, "u").test(body)
    ? { ok: true, code: "L7OK", detail: `${detail}, body as expected` }
    : { ok: false, code: "L7RSP", detail: `${detail}, body does not match /${o.body}/` };
}

/** Enough was heard to judge: the head when only the status counts, else the body too. */
function heard(bytes: Uint8Array, o: Options): boolean {
  const answer = readAnswer(bytes, o.method);
  if (typeof answer === "string") return answer === "malformed";
  return o.body === undefined || answer.complete || answer.body.length >= BODY_LIMIT;
}

export const http = check({
  name: "http",
  summary: "the server answers an HTTP/1.1 request as expected",
  options,
  start: (target, o, context, report) =>
    context.dial(
      target.address,
      {
        timeoutMs: context.timeoutMs,
        send: request(target, o),
        // Room for the head, the body and the chunks' own framing.
        answerBytes: HEAD_LIMIT + 2 * BODY_LIMIT,
        enough: (bytes) => heard(bytes, o),
      },
      (result) => report(dialFailure(result) ?? judge(result.bytes, o)),
    ),
});
