import {
  bool,
  type Field,
  group,
  type InferFields,
  int,
  oneOf,
  optional,
  refine,
  text,
} from "#schema/index.ts";

const STATUSES = [301, 302, 303, 307, 308];

const place = (help: string) =>
  text({
    help,
    maxLength: 2048,
    // An absolute http(s) URL, or a path on the same host: `//` would name another one.
    pattern: /^(?:https?:\/\/[A-Za-z0-9._~[\]:-]+(?=[/?#]|$)|(?=\/(?!\/)))[!#-;=?-[\]_a-z~]*$/,
    expected: "a URL such as https://example.com/x or a path such as /x, percent-encoded",
  });

const status: Field<number, number> = {
  ...refine(
    int({ help: "301 and 308 are kept by browsers; 307 and 308 keep the method", fallback: 302 }),
    (value) => (STATUSES.includes(value) ? undefined : `one of ${STATUSES.join(", ")}`),
    `one of ${STATUSES.join(", ")}`,
  ),
  jsonSchema: () => ({ enum: STATUSES }),
};

const fields = {
  to: optional(place("Where to: a URL, or a path on the same host")),
  prefix: optional(place("As to, with the request's path and query behind it")),
  scheme: optional(
    oneOf(["http", "https"], { help: "To the same host, path and query by this scheme" }),
  ),
  port: optional(int({ help: "Port beside scheme; none is the scheme's own", min: 1, max: 65535 })),
  status,
  keepPath: optional(bool({ help: "Beside to: append the request's path, normalised" })),
  keepQuery: optional(bool({ help: "Append the request's query; unless said so not beside to" })),
};

/** The keywords of a redirect as they were written. */
export type Redirect = InferFields<typeof fields>;

/** What a redirect's keywords come to. */
export interface RedirectParts {
  /** What the Location begins with. */
  readonly start: string;
  /** The request's host follows, then `port`: `:8443` or nothing. */
  readonly keepHost: boolean;
  readonly port: string;
  readonly keepPath: boolean;
  readonly keepQuery: boolean;
}

export function redirectParts(value: Redirect): RedirectParts {
  const { to, prefix, scheme, port, keepPath, keepQuery } = value;
  return {
    start: to ?? prefix ?? `${scheme}://`,
    keepHost: scheme !== undefined,
    port: port === undefined ? "" : `:${port}`,
    keepPath: to === undefined || keepPath === true,
    keepQuery: keepQuery ?? to === undefined,
  };
}

function check(value: Redirect): string | undefined {
  const { to, prefix, scheme, port, keepPath } = value;
  if ([to, prefix, scheme].filter((x) => x !== undefined).length !== 1) {
    return "exactly one of to, prefix and scheme";
  }
  if (port !== undefined && scheme === undefined) return "port beside scheme only";
  if (keepPath !== undefined && to === undefined) return "keepPath beside to only";
  const parts = redirectParts(value);
  if (parts.keepPath && /[?#]/.test(parts.start)) return "no query or fragment before the path";
  if (parts.keepQuery && parts.start.includes("#")) return "no fragment before the query";
  return undefined;
}

export const redirectField = (help: string) => refine(group(fields, { help }), check);
