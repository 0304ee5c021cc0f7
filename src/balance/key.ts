import { latin1 } from "#base/bytes.ts";
import {
  bool,
  type Choice,
  type Chosen,
  choose,
  chosenByDefault,
  int,
  text,
} from "#schema/index.ts";

/** The part of a request that decides which server it belongs to. */
export type KeyKind = "source" | "uri" | "header" | "query";

/**
 * A key as the proxy reads it from a request, with the functions of key-hash.ts. One shape for all
 * kinds.
 */
export interface KeySpec {
  readonly kind: KeyKind;
  /** Field name in lower case (`header`) or parameter name (`query`); empty otherwise. */
  readonly name: Uint8Array;
  /** `uri`: directory levels of the path that count; 0 = all. */
  readonly depth: number;
  /** `uri`: bytes that count; 0 = all. */
  readonly length: number;
  /** `uri`: the query counts too. */
  readonly whole: boolean;
}

export const uriFields = {
  depth: int({ max: 255, fallback: 0, help: "directory levels of the path that count; 0 = all" }),
  length: int({ max: 65_535, fallback: 0, help: "bytes from the start that count; 0 = all" }),
  whole: bool({ fallback: false, help: "the query string counts too" }),
};

export const headerFields = {
  name: text({
    required: true,
    pattern: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
    expected: "a header field's name, such as X-User",
    help: "header field whose value is hashed; the first one where it is repeated",
  }),
};

export const queryFields = {
  name: text({
    required: true,
    pattern: /^[^&=#\s]+$/,
    expected: "a parameter's name, such as userid",
    help: "parameter of the query string whose value is hashed, as written in the URL",
  }),
};

const KINDS: readonly Choice[] = [
  { name: "source", summary: "the client's address", options: {} },
  { name: "uri", summary: "the path of the request", options: uriFields },
  { name: "header", summary: "the value of a header field", options: headerFields },
  { name: "query", summary: "the value of a parameter in the query string", options: queryFields },
];

/**
 * The option by which schedulers that can hash anything say what: `key: source`, `key: { from:
 * header, name: X-User }`.
 */
export const keyField = createKeyField("source");

/** As keyField, with another kind by default. */
export function createKeyField(fallback: KeyKind) {
  return choose(KINDS, {
    key: "from",
    what: "key",
    fallback: chosenByDefault(KINDS, fallback),
    help: "what of a request decides its server",
  });
}

/** The KeySpec of a kind with its options as read by the fields above. */
export function keySpec(
  kind: KeyKind,
  options: { name?: string; depth?: number; length?: number; whole?: boolean } = {},
): KeySpec {
  const { name = "", depth = 0, length = 0, whole = false } = options;
  return {
    kind,
    name: latin1(kind === "header" ? name.toLowerCase() : name),
    depth,
    length,
    whole,
  };
}

/** The KeySpec of a value of `keyField`. */
export function chosenKey(chosen: Chosen): KeySpec {
  return keySpec(chosen.name as KeyKind, chosen.options);
}
