/** A word, literal or mark of a script, and where it stands. */
export interface Token {
  readonly kind: "word" | "string" | "template" | "number" | "mark";
  /** As written. */
  readonly text: string;
  /** 1-based, as places are. */
  readonly line: number;
  readonly column: number;
}

type Piece = Pick<Token, "kind" | "text">;

const BLANK = /(?:\s+|\/\/.*|\/\*[\s\S]*?(?:\*\/|$))+/y;
const WORD = /[\p{ID_Start}$_][\p{ID_Continue}$]*/uy;
const STRING = /"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'/y;
const NUMBER = /\d[\w.]*/y;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const MARK = /=>|\.\.\.|[\s\S]/uy;

/**
 * The tokens of a script that Node has run, so that it is well formed. What this reads wrongly (a
 * regular expression taken for a division) costs a fault its place and nothing else.
 */
export function tokensOf(script: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let lineStart = 0;
  let newline = script.indexOf("\n");
  let at = 0;
  for (;;) {
    at = ending(BLANK, script, at);
    if (at >= script.length) return tokens;
    while (newline >= 0 && newline < at) {
      line++;
      lineStart = newline + 1;
      newline = script.indexOf("\n", lineStart);
    }
    const piece = pieceAt(script, at, tokens.at(-1));
    tokens.push({ ...piece, line, column: at - lineStart + 1 });
    at += piece.text.length;
  }
}

/** Where a match at `at` ends; `at` itself when there is none. */
function ending(pattern: RegExp, script: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(script) ? pattern.lastIndex : at;
}

const KINDS = [
  ["word", WORD],
  ["string", STRING],
  ["number", NUMBER],
] as const;

function pieceAt(script: string, from: number, before: Piece | undefined): Piece {
  for (const [kind, pattern] of KINDS) {
    const to = ending(pattern, script, from);
    if (to > from) return { kind, text: script.slice(from, to) };
  }
  if (script[from] === "`") {
    return { kind: "template", text: script.slice(from, templateEnd(script, from)) };
  }
  // Behind a value `/` divides.
  const divides = before && (before.kind !== "mark" || /^[)\]}]$/.test(before.text));
  const regex = divides && before.text !== "return" ? from : ending(REGEX, script, from);
  const to = regex > from ? regex : ending(MARK, script, from);
  return { kind: "mark", text: script.slice(from, to) };
}

/** Past the template that begins at `from`, with the code and the templates in it. */
function templateEnd(script: string, from: number): number {
  let at = from + 1;
  while (at < script.length && script[at] !== "`") {
    if (script[at] === "\\") at += 2;
    else if (script.startsWith("${", at)) at = codeEnd(script, at + 2);
    else at++;
  }
  return Math.min(at + 1, script.length);
}

/** Past the brace that closes code in a template. */
function codeEnd(script: string, from: number): number {
  let open = 1;
  let at = from;
  let before: Piece | undefined;
  while (at < script.length && open > 0) {
    at = ending(BLANK, script, at);
    if (at >= script.length) break;
    before = pieceAt(script, at, before);
    at += before.text.length;
    if (before.text === "{") open++;
    else if (before.text === "}") open--;
  }
  return at;
}
