// @hot
import { list } from "#schema/index.ts";
import { describePath } from "../describe.ts";
import { pathField, prefixBytes } from "../path-field.ts";
import { type Matcher, matcher, type RequestView } from "../types.ts";
import { normalisedPath, pathAfter } from "../view.ts";

const summary =
  "First segments of the path after normalisation: /api is met by /api, /api/x and /api;v=1, not by /apix";

export const pathPrefix = matcher({
  name: "pathPrefix",
  summary,
  value: list(pathField, { help: summary, single: true, min: 1 }),
  example: ["/api", "/assets"],
  subject: describePath,
  readsPath: true,
  compile: createPathPrefix,
});

function createPathPrefix(value: readonly string[]): Matcher {
  const prefixes = value.map(prefixBytes);
  return (view: RequestView): boolean => {
    if (!normalisedPath(view)) return false;
    for (let i = 0; i < prefixes.length; i++) if (pathAfter(view, prefixes[i]!) >= 0) return true;
    return false;
  };
}
