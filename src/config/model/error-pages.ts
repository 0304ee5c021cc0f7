import { group, named, optional, text } from "#schema/index.ts";

/** Longest page: it is kept in every thread and sent in one piece. */
export const MAX_PAGE = 64 * 1024;

const pageFields = {
  type: text({
    help: "Content-Type",
    fallback: "text/html; charset=utf-8",
    pattern: /^[\x20-\x7e]+$/,
    expected: "a media type",
    maxLength: 256,
  }),
  body: optional(text({ help: "The page itself", maxLength: MAX_PAGE })),
  file: optional(
    text({ help: "File that holds the page, read when the configuration is", maxLength: 4096 }),
  ),
};

export const errorPages = named(
  group(pageFields, { help: "A page; a bare value is its text", short: "body" }),
  {
    help: "Pages to send instead of ours, by status",
    what: "pages by status",
    name: /^[45]\d\d$/,
    nameExpected: "a status from 400 to 599",
    fallback: new Map(),
  },
);
