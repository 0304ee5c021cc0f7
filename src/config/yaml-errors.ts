import type { YAMLError } from "yaml";

/** More faults of syntax than this are echoes of the first ones. */
const MOST = 5;

/** The parser's errors that users meet most, in words that say what to do. */
const WORDS: Partial<Record<YAMLError["code"], string>> = {
  BAD_INDENT: "this line's indentation fits no line above it",
  BLOCK_AS_IMPLICIT_KEY:
    "a second `: ` on one line; put quotes round the value if the colon belongs to it",
  MISSING_CHAR: "a closing bracket, quote or a comma is missing",
  MULTIPLE_DOCS: "one document a file; take this `---` out, or make it two files",
  TAB_AS_INDENT: "a tab cannot indent; YAML takes spaces only",
  TAG_RESOLVE_FAILED: "tags (`!name`) have no meaning here",
};

/** What the parser found wrong: offsets and a sentence, at most one for each place. */
export function syntaxFaults(
  errors: readonly YAMLError[],
): { readonly from: number; readonly to: number; readonly message: string }[] {
  const byPlace = new Map<number, YAMLError>();
  for (const error of errors) {
    if (!byPlace.has(error.pos[0])) byPlace.set(error.pos[0], error);
  }
  return [...byPlace.values()].slice(0, MOST).map((error) => ({
    from: error.pos[0],
    to: error.pos[1],
    message: `not YAML: ${describe(error)}`,
  }));
}

function describe(error: YAMLError): string {
  const said = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  if (said.startsWith("maximum call stack")) return "maps and lists are nested too deep";
  if (/^flow (map|sequence) in block/.test(said)) {
    const [open, close] = said.startsWith("flow map") ? ["{", "}"] : ["[", "]"];
    return `the "${open}" before this is not closed with "${close}"`;
  }
  return WORDS[error.code] ?? said;
}
