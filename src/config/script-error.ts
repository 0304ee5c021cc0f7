import { fileURLToPath } from "node:url";

/** Where in a script Node found fault, or what it ran threw. */
export interface ScriptPlace {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/**
 * `file:line`, sometimes the line before it, the line itself, and marks under it: how Node begins
 * the stack of syntax errors.
 */
const FRAME = /^(\S.*):(\d+)\n(?:.*\n){1,2}?([ \t]*)(\^+)\n/;
/** `    at name (file:///…:line:column)`. */
const CALL = /^ +at (?:.*\()?(file:\/\/.*):(\d+):(\d+)\)?$/gm;

/**
 * The place that an error's stack names: where the syntax is wrong, or the innermost call that is
 * not in a package or one of `own`. undefined when it names none, as of errors that V8 finds only
 * when it links a module.
 */
export function placeOfError(stack: string, own: readonly string[]): ScriptPlace | undefined {
  const frame = FRAME.exec(stack);
  if (frame) {
    const [, where, line, gap, marks] = frame;
    const path = where!.startsWith("file:") ? fileURLToPath(where!) : where!;
    return { path, line: Number(line), column: gap!.length + 1, length: marks!.length };
  }
  for (const [, url, line, column] of stack.matchAll(CALL)) {
    if (own.includes(url!) || url!.includes("/node_modules/")) continue;
    return { path: fileURLToPath(url!), line: Number(line), column: Number(column), length: 1 };
  }
  return undefined;
}
