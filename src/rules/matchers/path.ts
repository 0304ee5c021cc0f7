// @hot
import { list } from "#schema/index.ts";
import { describePath } from "../describe.ts";
import { pathBytes, pathField } from "../path-field.ts";
import { type Matcher, matcher, type RequestView } from "../types.ts";
import { normalisedPath, pathIs } from "../view.ts";

const summary = "Path of the request after normalisation, the whole of it but for `;parameters`";

export const path = matcher({
  name: "path",
  summary,
  value: list(pathField, { help: summary, single: true, min: 1 }),
  example: "/status",
  subject: describePath,
  readsPath: true,
  compile: createPath,
});

function createPath(value: readonly string[]): Matcher {
  const paths = value.map(pathBytes);
  return (view: RequestView): boolean => {
    if (!normalisedPath(view)) return false;
    for (let i = 0; i < paths.length; i++) {
      if (pathIs(view, paths[i]!)) return true;
    }
    return false;
  };
}
