import { bool, duration, group, type InferFields, oneOf, optional, text } from "#schema/index.ts";

export const cookieFields = {
  name: text({
    help: "Name of the cookie",
    required: true,
    pattern: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
    expected: "a cookie's name: letters, digits, - and _",
    maxLength: 64,
  }),
  mode: oneOf(["insert", "prefix", "rewrite"], {
    help: "`insert` sets a cookie of ours; `prefix` puts the server before the value of the application's cookie; `rewrite` replaces its value",
    fallback: "insert",
  }),
  indirect: bool({ help: "Servers do not see the cookie (`insert`)", fallback: true }),
  nocache: bool({
    help: "Answers that set it carry `Cache-Control: private`, so that no cache hands it to others",
    fallback: true,
  }),
  httpOnly: bool({ help: "Scripts of the page cannot read it", fallback: true }),
  secure: bool({ help: "Browsers send it over TLS only", fallback: false }),
  sameSite: optional(
    oneOf(["strict", "lax", "none"], { help: "`SameSite`; absent: left to the browser" }),
  ),
  domain: optional(
    text({
      help: "`Domain`; absent: this host only",
      pattern: /^\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/,
      expected: "a domain such as example.com",
    }),
  ),
  path: text({
    help: "`Path`",
    fallback: "/",
    pattern: /^\/[^;\x00-\x1f\x7f]*$/,
    expected: "a path that begins with /",
  }),
  maxAge: optional(duration({ help: "`Max-Age`; absent: until the browser is closed", min: 1000 })),
};
export type Cookie = InferFields<typeof cookieFields>;

export const cookie = group(cookieFields, {
  help: "Persistence: a client stays with the server it came to first; a bare value is the name",
  short: "name",
});
