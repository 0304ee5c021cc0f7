import { bool, type Field, group, list, pattern, refine, text } from "#schema/index.ts";
import type { NamedTest } from "./text-test.ts";

/**
 * Tests of header fields, query parameters or cookies by name: one, or a list of which any may be
 * met.
 */
export function namedTests(
  what: string,
  name: Field<string>,
  help: string,
): Field<readonly NamedTest[]> {
  const tests = group(
    {
      name,
      value: list(text({ help: "one value" }), {
        help: "The whole value, or a list of which it may be any one; case counts",
        single: true,
        min: 1,
      }),
      regex: pattern({ help: "Regular expression found anywhere in the value" }),
      present: bool({ help: "true: it is there, whatever its value; false: it is not there" }),
    },
    { help: `A ${what} by name, and what it must be; with a name alone: that it is there` },
  ) as Field<NamedTest>;
  const expected = "at most one of value, regex and present";
  const one = refine(
    tests,
    (test) => {
      const set = [test.value, test.regex, test.present].filter((x) => x !== undefined);
      return set.length > 1 ? expected : undefined;
    },
    `a ${what} by name with ${expected}`,
  );
  return list(one, { help, single: true, min: 1 });
}

/** A token of RFC 9110 §5.6.2: names of fields and cookies. */
export const token = (help: string, expected: string): Field<string> =>
  text({
    help,
    expected,
    maxLength: 256,
    required: true,
    pattern: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
  });
