// @hot
import { latin1 } from "#base/bytes.ts";
import { prefixBytes } from "../path-field.ts";
import { createRegex } from "../regex.ts";
import { type Rewrite, rewriteField } from "../rewrite-field.ts";
import { setTarget } from "../target.ts";
import { type Action, action } from "../types.ts";
import { copyEscaped, copyPlain, PATH_BYTES } from "../uri.ts";
import { normalisedPath, pathAfter, pathText } from "../view.ts";

const summary =
  "Sends the server another path, the query kept; later conditions still see the client's path";

/** With a regular expression it allocates: the path's string and the new one. */
export const rewritePath = action({
  name: "rewritePath",
  summary,
  value: rewriteField(summary),
  example: { prefix: { from: "/api", to: "/" } },
  final: false,
  readsPath: true,
  allocates: (value) => value.regex !== undefined,
  compile: createRewrite,
});

function createRewrite(value: Rewrite): Action {
  return value.prefix === undefined
    ? createRegexRewrite(value.regex!, value.replacement!)
    : createPrefixRewrite(value.prefix.from, value.prefix.to);
}

const ROOT = latin1("/");

function createPrefixRewrite(from: string, to: string): Action {
  const prefix = prefixBytes(from);
  const start = prefixBytes(to);
  return (view, verdict) => {
    const rest = normalisedPath(view) ? pathAfter(view, prefix) : -1;
    if (rest < 0) return false;
    const out = verdict.target;
    let at = copyEscaped(start, 0, start.length, PATH_BYTES, out, 0);
    at = copyEscaped(view.path, rest, view.pathEnd, PATH_BYTES, out, at);
    if (at === 0) at = copyPlain(ROOT, 0, 1, out, 0);
    return setTarget(view, verdict, at);
  };
}

function createRegexRewrite(source: string, replacement: string): Action {
  const regex = createRegex(source);
  const encoder = new TextEncoder();
  return (view, verdict) => {
    if (!normalisedPath(view)) return false;
    const text = pathText(view);
    if (text === undefined || !regex.test(text)) return false;
    const result = encoder.encode(text.replace(regex, replacement));
    const rooted = result.length > 0 && result[0] === ROOT[0];
    const at = rooted ? 0 : copyPlain(ROOT, 0, 1, verdict.target, 0);
    return setTarget(
      view,
      verdict,
      copyEscaped(result, 0, result.length, PATH_BYTES, verdict.target, at),
    );
  };
}
