import { latin1, viewOf } from "#base/bytes.ts";
import { oneOf, text } from "#schema/index.ts";
import { type CheckResult, check, dialFailure } from "../check.ts";

/*
 * A question to a name server (RFC 1035 section 4): a header of six words, identifier, flags and
 * four counts; then the name, its labels each behind its length, the type and the class.
 */

const HEADER_BYTES = 12;
/** The socket is the question's own, so that one number does for all. */
const IDENTIFIER = 0x7765;
const RECURSION_DESIRED = 0x0100;
const RESPONSE = 0x80;
const INTERNET = 1;

const TYPES = { A: 1, NS: 2, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33 } as const;
type RecordType = keyof typeof TYPES;

const ERRORS = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

/** The message that asks for records of a name. */
export function question(name: string, type: RecordType): Uint8Array {
  const labels = name.split(".").filter((label) => label !== "");
  const encoded = labels.map((label) => String.fromCharCode(label.length) + label).join("");
  const message = new Uint8Array(HEADER_BYTES + encoded.length + 5);
  const view = viewOf(message);
  view.setUint16(0, IDENTIFIER);
  view.setUint16(2, RECURSION_DESIRED);
  view.setUint16(4, 1);
  message.set(latin1(encoded), HEADER_BYTES);
  view.setUint16(message.length - 4, TYPES[type]);
  view.setUint16(message.length - 2, INTERNET);
  return message;
}

const isAnswer = (message: Uint8Array): boolean =>
  message.length >= HEADER_BYTES &&
  viewOf(message).getUint16(0) === IDENTIFIER &&
  (message[2]! & RESPONSE) !== 0;

function judge(message: Uint8Array): CheckResult {
  const code = message[3]! & 15;
  const records = viewOf(message).getUint16(6);
  if (code !== 0) return { ok: false, code: "L7STS", detail: ERRORS[code] ?? `error ${code}` };
  if (records === 0) return { ok: false, code: "L7RSP", detail: "no record" };
  return { ok: true, code: "L7OK", detail: `${records} record${records === 1 ? "" : "s"}` };
}

export const dns = check({
  name: "dns",
  summary: "the server, a name server, has records of a name (UDP)",
  options: {
    name: text({
      required: true,
      pattern: /^(?:\.|(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?)$/,
      expected: "a name such as www.example.org",
      maxLength: 253,
      help: "What it is asked for",
    }),
    record: oneOf(Object.keys(TYPES) as RecordType[], {
      fallback: "A",
      help: "Type of the records",
    }),
  },
  start: (target, { name, record }, context, report) =>
    context.datagram(
      target.address,
      { timeoutMs: context.timeoutMs, send: question(name, record), isAnswer },
      (result) => report(dialFailure(result) ?? judge(result.bytes)),
    ),
});
