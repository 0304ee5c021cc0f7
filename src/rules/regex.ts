/**
 * What V8's engine without backtracking can run and what means the same without the `u` flag: ASCII
 * text, groups with and without names, classes, repetition. Not so: references back, looking
 * around, flags in the middle, properties of Unicode.
 */
const LINEAR = /^(?:[^\\(\x80-\uffff]|\\[^1-9kpPu]|\\u(?!\{)|\((?!\?)|\(\?:|\(\?<(?![=!]))*$/;

/**
 * The RegExp of a pattern that the configuration has checked with the `u` flag. A pattern such as
 * `(a+)+$` makes a backtracking engine go through 2ⁿ ways for n bytes that a client sends. V8,
 * started with the flag of scripts/setup.mjs for it, changes to an engine of linear time then, but
 * only for expressions without the `u` flag: so it is left out wherever that changes nothing, save
 * that `.` and `[^…]` take a character beyond U+FFFF for two.
 */
export function createRegex(source: string): RegExp {
  return new RegExp(source, LINEAR.test(source) ? "" : "u");
}
