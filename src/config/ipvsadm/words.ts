import type { Faults } from "./faults.ts";
import { type Setting, settingOf } from "./settings.ts";

export interface WordLine {
  /** Where it begins, from 1. */
  readonly line: number;
  /** What `ipvsadm` is given, or a setting of its kernel. */
  readonly words: readonly string[] | Setting;
}

/**
 * Calls of ipvsadm, by line: with its name before them or without, as `-R` takes them. Comments,
 * quotes and a backslash at a line's end are as in a shell; its other powers are not there. Lines
 * that set `net.ipv4.vs.…` may be among them.
 */
export function splitLines(text: string, faults: Faults): WordLine[] {
  const found: WordLine[] = [];
  const lines = text.split(/\r?\n/);
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1;
    let whole = lines[at]!;
    while (whole.endsWith("\\") && at + 1 < lines.length) {
      whole = `${whole.slice(0, -1)} ${lines[++at]}`;
    }
    const words = splitWords(whole);
    if (words === undefined) faults.error("a quote has no end", line);
    else if (words.length > 0) {
      const call = settingOf(words) ?? withoutName(words);
      if (call) found.push({ line, words: call });
      else faults.warning(`left out: ${words[0]} is not ipvsadm`, line);
    }
  }
  return found;
}

/** Words of a line up to a comment; undefined when a quote has no end. */
function splitWords(line: string): string[] | undefined {
  const words: string[] = [];
  const pattern = /\s+|#.*$|((?:[^\s"']|"[^"]*"|'[^']*')+)|["']/gy;
  for (const [piece, word] of line.matchAll(pattern)) {
    if (word !== undefined) words.push(word.replace(/"([^"]*)"|'([^']*)'/g, "$1$2"));
    else if (piece === '"' || piece === "'") return undefined;
  }
  return words;
}

/** What follows the program's name; undefined when it is another program. */
function withoutName(words: readonly string[]): readonly string[] | undefined {
  const rest = words[0] === "sudo" ? words.slice(1) : words;
  const [first = ""] = rest;
  if (first.startsWith("-")) return rest;
  return /(^|\/)ipvsadm$/.test(first) ? rest.slice(1) : undefined;
}
