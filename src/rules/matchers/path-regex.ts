// @hot
import { describePath } from "../describe.ts";
import { pathPattern } from "../path-field.ts";
import { createRegex } from "../regex.ts";
import { type Matcher, matcher, type RequestView } from "../types.ts";
import { normalisedPath, pathText } from "../view.ts";

const summary =
  "Regular expression (JavaScript's, u flag) found anywhere in the normalised path without `;parameters`";

/**
 * The only path condition that allocates: the path's string, made once a request however many
 * expressions look at it.
 */
export const pathRegex = matcher({
  name: "pathRegex",
  summary,
  value: pathPattern(summary),
  example: "^/v[0-9]+/",
  subject: describePath,
  readsPath: true,
  allocates: () => true,
  compile: createPathRegex,
});

function createPathRegex(value: string): Matcher {
  const regex = createRegex(value);
  return (view: RequestView): boolean => {
    if (!normalisedPath(view)) return false;
    const subject = pathText(view);
    return subject !== undefined && regex.test(subject);
  };
}
