// @hot
import { latin1 } from "#base/bytes.ts";
import { createAny } from "../any.ts";
import { CookieScan, nextCookie } from "../cookies.ts";
import { describeCookie } from "../describe.ts";
import { namedTests, token } from "../test-field.ts";
import { createTextTest, type NamedTest, PLAIN } from "../text-test.ts";
import { type Matcher, matcher, type RequestView } from "../types.ts";

const summary = "Cookie by name: its whole value, a regular expression, or that it is there";

export const cookie = matcher({
  name: "cookie",
  summary,
  value: namedTests(
    "cookie",
    token("Name of the cookie, case counts", "the name of a cookie"),
    summary,
  ),
  example: { name: "beta", value: "1" },
  subject: describeCookie,
  allocates: (value) => value.some((test) => test.regex !== undefined),
  compile: (value) => createAny(value.map(createCookie)),
});

function createCookie(test: NamedTest): Matcher {
  const name = latin1(test.name);
  const wanted = test.present !== false;
  const met = createTextTest(test, PLAIN);
  const scan = new CookieScan();
  return (view: RequestView): boolean => {
    scan.reset();
    while (nextCookie(view.bytes, view.head, name, scan)) {
      if (met(view, scan.valueStart, scan.valueEnd)) return wanted;
    }
    return !wanted;
  };
}
