// @hot
import { utf8 } from "#base/bytes.ts";
import { EQUALS } from "#http/tokens.ts";
import { text } from "#schema/index.ts";
import { createAny } from "../any.ts";
import { describeQuery } from "../describe.ts";
import { DECODED, sameDecoded } from "../query.ts";
import { namedTests } from "../test-field.ts";
import { createTextTest, type NamedTest } from "../text-test.ts";
import { type Matcher, matcher, type RequestView } from "../types.ts";

const AMPERSAND = 38;

const summary =
  "Query parameter by name, decoded: its whole value, a regular expression, or that it is there";

/** A parameter that comes more than once meets the condition when one of its values does. */
export const query = matcher({
  name: "query",
  summary,
  value: namedTests(
    "query parameter",
    text({ help: "Name of the parameter, case counts", required: true, maxLength: 256 }),
    summary,
  ),
  example: { name: "version", value: "2" },
  subject: describeQuery,
  allocates: (value) => value.some((test) => test.regex !== undefined),
  compile: (value) => createAny(value.map(createQuery)),
});

function createQuery(test: NamedTest): Matcher {
  const name = utf8(test.name);
  const wanted = test.present !== false;
  const met = createTextTest(test, DECODED);
  return (view: RequestView): boolean => {
    const bytes = view.bytes;
    const last = view.head.queryEnd;
    let start = view.head.queryStart;
    while (start < last) {
      let end = start;
      let equals = -1;
      for (; end < last && bytes[end] !== AMPERSAND; end++) {
        if (equals < 0 && bytes[end] === EQUALS) equals = end;
      }
      if (equals < 0) equals = end;
      if (end > start && sameDecoded(bytes, start, equals, name)) {
        if (met(view, equals < end ? equals + 1 : end, end)) return wanted;
      }
      start = end + 1;
    }
    return !wanted;
  };
}
