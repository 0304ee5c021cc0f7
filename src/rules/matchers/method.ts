// @hot
import { latin1, sameBytes } from "#base/bytes.ts";
import { METHOD } from "#http/head.ts";
import { list, text } from "#schema/index.ts";
import { describeMethod } from "../describe.ts";
import { type Matcher, matcher, type RequestView } from "../types.ts";

const summary = "Method of the request";

const known: Readonly<Record<string, number>> = METHOD;

export const method = matcher({
  name: "method",
  summary,
  value: list(
    text({
      help: "a method",
      maxLength: 64,
      pattern: /^[A-Z][A-Z0-9_-]*$/,
      expected: "a method in capitals, such as GET",
    }),
    { help: summary, single: true, min: 1 },
  ),
  example: ["GET", "HEAD"],
  subject: describeMethod,
  compile: createMethod,
});

function createMethod(value: readonly string[]): Matcher {
  /** Bit 1 << METHOD.* for each known method asked for. */
  const mask = value.reduce((bits, name) => bits | (1 << (known[name] ?? METHOD.OTHER)), 0) & ~1;
  const others = value.filter((name) => !known[name]).map(latin1);
  return (view: RequestView): boolean => {
    const head = view.head;
    if (head.method !== METHOD.OTHER) return (mask & (1 << head.method)) !== 0;
    for (let i = 0; i < others.length; i++) {
      if (sameBytes(view.bytes, head.methodStart, head.methodEnd, others[i]!)) return true;
    }
    return false;
  };
}
