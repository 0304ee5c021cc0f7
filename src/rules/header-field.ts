import { FIELD, FIELD_NAMES } from "#http/head.ts";
import { type Field, list, named, refine, text } from "#schema/index.ts";

/**
 * Fields that say where a message ends, how it travels to the next hop or how it is asked for: the
 * proxy writes them itself (RFC 9110 §7.6.1), and a rule that could would make two parties disagree
 * about the message.
 */
const OURS = [
  "connection",
  "content-length",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}";

const anyCase = (word: string): string => word.replace(/[a-z]/g, (c) => `[${c}${c.toUpperCase()}]`);

/** Pattern (no flags, so that JSON Schema can carry it) of the names a rule may edit. */
const editable = (others: readonly string[]): RegExp =>
  new RegExp(`^(?!(?:${[...OURS, ...others].map(anyCase).join("|")})$)${TOKEN}$`);

const expectedName = `a header field's name; not ${OURS.join(", ")}, which the proxy writes itself`;

/** FIELD id of a name in any case. */
export function fieldId(name: string): number {
  const id = (FIELD_NAMES as readonly string[]).indexOf(name.toLowerCase());
  return id < 0 ? FIELD.OTHER : id;
}

/**
 * The value of a field (RFC 9110 §5.5) as far as we write it: visible ASCII with blanks inside.
 * Static now; `%[` is refused because it will begin a sample, as it does in HAProxy's log formats.
 */
const fieldValue = text({
  help: "Value of the field",
  maxLength: 4096,
  pattern: /^(?!.*%\[)(?:[!-~](?:[ \t!-~]*[!-~])?)?$/,
  expected: "visible ASCII text without %[ (kept for samples)",
});

const AUTHORITY = /^(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;

/** `Name: value` pairs, one value a name. */
export const settings = (
  help: string,
): Field<ReadonlyMap<string, string>, Record<string, string>> =>
  refine(
    named(fieldValue, {
      help,
      what: "values by the name of the header field",
      name: editable([]),
      nameExpected: expectedName,
    }),
    (edits) => {
      const bad = [...edits].some(
        ([name, v]) => fieldId(name) === FIELD.HOST && !AUTHORITY.test(v),
      );
      return bad ? "a host with or without port as the value of Host" : atLeastOne(edits.size);
    },
  );

/** `Name: value` or `Name: [value, …]` pairs. Host is not among them: a request has exactly one. */
export const additions = (
  help: string,
): Field<ReadonlyMap<string, readonly string[]>, Record<string, string | readonly string[]>> =>
  refine(
    named(list(fieldValue, { help, single: true, min: 1 }), {
      help,
      what: "values by the name of the header field",
      name: editable(["host"]),
      nameExpected: `${expectedName}, and not host, of which there is one`,
    }),
    (edits) => atLeastOne(edits.size),
  );

/** One name or a list of them. */
export const deletions = (help: string): Field<readonly string[], string | readonly string[]> =>
  list(
    text({
      help: "Name of the field",
      pattern: editable(["host"]),
      expected: `${expectedName}, and not host, which every request has`,
    }),
    { help, single: true, min: 1 },
  );

const atLeastOne = (count: number) => (count > 0 ? undefined : "at least one header field");
