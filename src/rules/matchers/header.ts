// @hot
import { latin1, sameLower } from "#base/bytes.ts";
import { FIELD, FIELD_WORDS } from "#http/head.ts";
import { createAny } from "../any.ts";
import { describeHeader } from "../describe.ts";
import { fieldId } from "../header-field.ts";
import { namedTests, token } from "../test-field.ts";
import { createTextTest, type NamedTest, PLAIN } from "../text-test.ts";
import { type Matcher, matcher, type RequestView } from "../types.ts";

const summary = "Header field by name: its whole value, a regular expression, or that it is there";

/** A field that comes more than once meets the condition when one of its lines does. */
export const header = matcher({
  name: "header",
  summary,
  value: namedTests(
    "header field",
    token("Name of the field, case ignored", "the name of a header field"),
    summary,
  ),
  example: { name: "X-Release", value: ["beta", "canary"] },
  subject: describeHeader,
  allocates: (value) => value.some((test) => test.regex !== undefined),
  compile: (value) => createAny(value.map(createHeader)),
});

function createHeader(test: NamedTest): Matcher {
  const name = latin1(test.name.toLowerCase());
  const id = fieldId(test.name);
  const wanted = test.present !== false;
  const met = createTextTest(test, PLAIN);
  return (view: RequestView): boolean => {
    const head = view.head;
    for (let i = 0; i < head.count; i++) {
      if (head.ids[i] !== id) continue;
      const at = i * FIELD_WORDS;
      const fields = head.fields;
      if (id === FIELD.OTHER && !sameLower(view.bytes, fields[at]!, fields[at + 1]!, name))
        continue;
      if (met(view, fields[at + 2]!, fields[at + 3]!)) return wanted;
    }
    return !wanted;
  };
}
