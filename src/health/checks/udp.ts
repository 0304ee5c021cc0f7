import { latin1, textOf } from "#base/bytes.ts";
import { optional, pattern, text } from "#schema/index.ts";
import { check, dialFailure, quoteLine } from "../check.ts";

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r" };

/** `\n`, `\r` and `\xHH` stand for what they do elsewhere. */
const unescaped = (written: string): Uint8Array =>
  latin1(
    written.replaceAll(/\\(?:([nr])|x([0-9a-fA-F]{2}))/g, (_, letter: string, hex: string) =>
      letter ? ESCAPES[letter]! : String.fromCharCode(Number.parseInt(hex, 16)),
    ),
  );

export const udp = check({
  name: "udp",
  summary: "the server answers a datagram, and as expected if it is said how",
  options: {
    send: text({
      required: true,
      pattern: /^[\x20-\x7e]*$/,
      expected: "printable text",
      maxLength: 1000,
      help: "What it is sent; \\n, \\r and \\xHH in it are bytes",
    }),
    answer: optional(
      pattern({ help: "Regular expression that the answer must match, each byte a character" }),
    ),
  },
  start: (target, { send, answer }, context, report) =>
    context.datagram(
      target.address,
      { timeoutMs: context.timeoutMs, send: unescaped(send), isAnswer: () => true },
      (result) => {
        const said = textOf(result.bytes, 0, result.bytes.length);
        const failed = dialFailure(result);
        if (failed) report(failed);
        else if (answer === undefined || new RegExp(answer, "us").test(said)) {
          report({ ok: true, code: "L7OK", detail: `answer of ${said.length} bytes` });
        } else {
          const detail = `answer does not match /${answer}/: ${quoteLine(said, 60)}`;
          report({ ok: false, code: "L7RSP", detail });
        }
      },
    ),
});
