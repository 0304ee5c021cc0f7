import {
  Composer,
  type CST,
  type Document,
  Lexer,
  type LineCounter,
  type ParsedNode,
  Parser,
} from "yaml";
import { syntaxFaults } from "./yaml-errors.ts";

/** Largest file read, in characters: nobody writes 4 MiB of configuration by hand or means to. */
export const MAX_TEXT = 4 * 1024 * 1024;
/** Maps and lists inside one another. */
export const MAX_DEPTH = 64;
/** Lexical tokens of a file; an entry of a map takes about six. */
const MAX_TOKENS = 1_000_000;

/** Something wrong with the text itself: offsets [from, to) and a sentence. */
export interface SyntaxFault {
  readonly from: number;
  readonly to: number;
  readonly message: string;
}

/** Stops the parser: its composer is recursive, so depth must be bounded before it. */
class TooMuch extends Error {
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

/**
 * The parser's document, or what is wrong with the text. Time and memory are bounded by its length.
 */
export function parseYaml(text: string, lines: LineCounter): Document.Parsed | SyntaxFault[] {
  if (text.length > MAX_TEXT) {
    return [{ from: 0, to: 1, message: `the file is larger than ${MAX_TEXT / 1024 / 1024} MiB` }];
  }
  const composer = new Composer<ParsedNode>({
    uniqueKeys: false,
    version: "1.2",
    schema: "core",
    merge: false,
  });
  try {
    // With `forceDoc` there is always a first one, if need be empty.
    const [document, second] = composer.compose(tokens(text, lines), true, text.length);
    const errors = syntaxFaults([...document!.errors, ...document!.warnings]);
    if (second && errors.length === 0) {
      const [from] = second.range;
      const message = "one document a file: take this `---` out, or make it two files";
      return [{ from, to: from + 3, message }];
    }
    return errors.length > 0 ? errors : document!;
  } catch (error) {
    if (error instanceof TooMuch) {
      return [{ from: error.at, to: error.at + 1, message: error.message }];
    }
    if (error instanceof RangeError) {
      return [{ from: 0, to: 1, message: `nested deeper than ${MAX_DEPTH}` }];
    }
    throw error;
  }
}

/** Tokens for the composer, with depth and number watched on the way. */
function* tokens(text: string, lines: LineCounter): Generator<CST.Token> {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  let depth = 0;
  let dashes = 0;
  let count = 0;
  let at = 0;
  let scalarNext = false;
  for (const lexeme of new Lexer().lex(text)) {
    if (++count > MAX_TOKENS) throw new TooMuch(at, `more than ${MAX_TOKENS} tokens`);
    if (!scalarNext) {
      if (lexeme === "[" || lexeme === "{") depth++;
      else if (lexeme === "]" || lexeme === "}") depth--;
      else if (lexeme === "-" || lexeme === "?") dashes++;
      else if (lexeme.endsWith("\n")) dashes = 0;
      if (depth + dashes > MAX_DEPTH) {
        throw new TooMuch(at, `maps and lists are nested deeper than ${MAX_DEPTH}`);
      }
    }
    // \x1f announces a scalar, \x02 a document, \x18 an error in flow: none of them is in the text.
    scalarNext = lexeme === "\x1f";
    if (!/^[\x02\x18\x1f]$/.test(lexeme)) at += lexeme.length;
    yield* parser.next(lexeme);
  }
  yield* parser.end();
}
