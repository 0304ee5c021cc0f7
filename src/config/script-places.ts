import type { Place } from "#schema/index.ts";
import { type Token, tokensOf } from "./script-tokens.ts";

/** Names followed from declaration to declaration. */
const MAX_STEPS = 16;

const OPEN = /^[([{]$/;
const CLOSE = /^[)\]}]$/;

/** A key of an object literal or an item of a list: where it is, and its value's token or -1. */
export interface Written {
  readonly place: Place;
  readonly value: number;
}

/**
 * Where the keys and values of the configuration that a script exports are written in it. Only what
 * is written out as a literal is found, in the export itself or in a constant that it names: what a
 * script computes has no place.
 */
export class ScriptPlaces {
  readonly #file: string;
  readonly #tokens: readonly Token[];
  /** Of each bracket the one that closes it, of any other token itself. */
  readonly #ends: readonly number[];

  constructor(file: string, script: string) {
    this.#file = file;
    this.#tokens = tokensOf(script);
    this.#ends = endsOf(this.#tokens);
  }

  /** The exported value. */
  root(): Written | undefined {
    const tokens = this.#tokens;
    const at = tokens.findIndex((t, i) => t.text === "export" && this.#text(i + 1) === "default");
    const value = at < 0 ? -1 : this.#follow(at + 2, 0);
    return value < 0 ? undefined : { place: this.#place(value), value };
  }

  /** The keys of the object literal at a token; of a key that is there twice the last counts. */
  keys(object: number): ReadonlyMap<string, Written> {
    const keys = new Map<string, Written>();
    if (this.#text(object) !== "{") return keys;
    for (const at of this.#parts(object)) {
      // What is spread may replace what stands before it.
      if (this.#text(at) === "...") keys.clear();
      const name = nameOf(this.#tokens[at]!);
      if (name === undefined) continue;
      const colon = this.#text(at + 1) === ":";
      if (!colon && !/^[,}]$/.test(this.#text(at + 1))) continue;
      keys.set(name, { place: this.#place(at), value: this.#follow(colon ? at + 2 : at, 0) });
    }
    return keys;
  }

  /** The items of the list literal at a token, up to the first that is spread. */
  items(list: number): readonly Written[] {
    const items: Written[] = [];
    if (this.#text(list) !== "[") return items;
    for (const at of this.#parts(list)) {
      if (this.#text(at) === "...") break;
      items.push({ place: this.#place(at), value: this.#follow(at, 0) });
    }
    return items;
  }

  /** Place of the literal at a token when it says just that. */
  scalar(at: number, value: unknown): Place | undefined {
    const token = this.#tokens[at];
    if (token === undefined) return undefined;
    const quoted = token.kind === "string" || token.kind === "template";
    const said = quoted ? token.text.slice(1, -1) : token.text;
    return said === String(value) ? this.#place(at) : undefined;
  }

  #text(at: number): string {
    return this.#tokens[at]?.text ?? "";
  }

  /** Token at which the literal begins that an expression amounts to; -1 when it is computed. */
  #follow(at: number, steps: number): number {
    const token = this.#tokens[at];
    if (token === undefined || steps > MAX_STEPS) return -1;
    const { text, kind } = token;
    const end = this.#ends[at]!;
    if (text === "(") return this.#parenthesised(at, end, steps);
    if (text === "async") return this.#follow(at + 1, steps + 1);
    if (text === "function") return this.#returned(this.#find("{", at), steps);
    if (text === "defineConfig") return this.#follow(at + 2, steps + 1);
    if (!this.#isWhole(end)) return -1;
    if (kind !== "word" || /^(?:true|false|null)$/.test(text)) return at;
    const declared = this.#declaration(text);
    return declared < 0 ? -1 : this.#follow(declared, steps + 1);
  }

  /** An expression in parentheses, or what the arrow function returns whose parameters they are. */
  #parenthesised(at: number, end: number, steps: number): number {
    const next = this.#text(end + 1);
    if (next !== "=>" && next !== ":") return this.#follow(at + 1, steps + 1);
    const body = this.#find("=>", end) + 1;
    return this.#text(body) === "{" ? this.#returned(body, steps) : this.#follow(body, steps + 1);
  }

  /** Nothing behind the token makes more of the value that ends with it. */
  #isWhole(end: number): boolean {
    const next = this.#tokens[end + 1];
    return next === undefined || next.kind === "word" || /^[,;)\]}]$/.test(next.text);
  }

  /** What the function returns whose body begins at a token. */
  #returned(body: number, steps: number): number {
    const at = body < 0 ? -1 : this.#find("return", body);
    return at < 0 || at > this.#ends[body]! ? -1 : this.#follow(at + 1, steps + 1);
  }

  /** The value of the only constant of that name; two of one name are not told apart. */
  #declaration(name: string): number {
    const found: number[] = [];
    for (let i = 0; i < this.#tokens.length; i++) {
      if (this.#text(i) === "const" && this.#text(i + 1) === name) found.push(i + 2);
    }
    const equals = found.length === 1 ? this.#find("=", found[0]!) : -1;
    return equals < 0 ? -1 : equals + 1;
  }

  #find(text: string, from: number): number {
    for (let at = from; at < this.#tokens.length; at++) if (this.#text(at) === text) return at;
    return -1;
  }

  /** Where the parts between a bracket and its other one begin. */
  #parts(open: number): number[] {
    const starts: number[] = [];
    const end = this.#ends[open]!;
    for (let at = open + 1; at < end; at++) {
      starts.push(at);
      while (at < end && this.#text(at) !== ",") at = this.#ends[at]! + 1;
    }
    return starts;
  }

  #place(at: number): Place {
    const { text, line, column } = this.#tokens[at]!;
    return { file: this.#file, line, column, length: text.split(/\r?\n/, 1)[0]!.length };
  }
}

function endsOf(tokens: readonly Token[]): number[] {
  const ends = tokens.map((_, at) => at);
  const open: number[] = [];
  for (const [at, { text }] of tokens.entries()) {
    if (OPEN.test(text)) open.push(at);
    else if (CLOSE.test(text)) ends[open.pop() ?? at] = at;
  }
  for (const at of open) ends[at] = tokens.length;
  return ends;
}

/** The key that a token is; undefined for a computed or spread one. */
function nameOf({ kind, text }: Token): string | undefined {
  if (kind === "word" || kind === "number") return text;
  return kind === "string" ? text.slice(1, -1) : undefined;
}
