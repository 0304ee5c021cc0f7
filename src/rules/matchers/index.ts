import type { MatcherType } from "../types.ts";
import { cookie } from "./cookie.ts";
import { header } from "./header.ts";
import { host } from "./host.ts";
import { method } from "./method.ts";
import { path } from "./path.ts";
import { pathPrefix } from "./path-prefix.ts";
import { pathRegex } from "./path-regex.ts";
import { query } from "./query.ts";
import { source } from "./source.ts";

/** Every condition keyword, in the order of the documentation. */
export const matchers = [
  host,
  path,
  pathPrefix,
  pathRegex,
  method,
  header,
  query,
  cookie,
  source,
] as const satisfies readonly MatcherType[];
