import type { Node } from "oxc-parser";
import { isFunction, lineOf, nameOf, type SourceFile, walk } from "./source.ts";

/** A hot file begins with this comment. */
export const isHot = (text: string): boolean => /^\/\/ @hot\b/.test(text);

/** Why each kind of node is not for hot code. Everywhere in the file … */
const NEVER: Readonly<Record<string, string>> = {
  AwaitExpression: "await",
  YieldExpression: "a generator",
};

/** … and where code runs once an event. */
const NOT_WHEN_HOT: Readonly<Record<string, string>> = {
  SpreadElement: "spread",
  ObjectPattern: "destructuring",
  ArrayPattern: "destructuring",
  RestElement: "a rest parameter",
  ForOfStatement: "for…of",
  ForInStatement: "for…in",
  TryStatement: "try",
  TemplateLiteral: "a template string",
  TaggedTemplateExpression: "a template string",
  NewExpression: "new",
  ThrowStatement: "throw",
  ClassExpression: "a class",
};

/**
 * Functions of these names make things; `compile` and `allocates` are asked when a Plan is
 * compiled.
 */
const SET_UP_NAME = /^(create([A-Z].*)?|compile|allocates)$/;

/**
 * Breaches of the rules for hot code, as `path:line: what`. Set-up code may do as it likes: what
 * runs when the module is loaded, constructors and field initialisers, functions with a name of
 * those above, callbacks such code passes on at once (`sizes.map((size) => …)`), and functions of
 * the file that only set-up code calls.
 */
export function breaches(file: SourceFile): string[] {
  const found: string[] = [];
  const helpers = setUpHelpers(file);
  const report = (node: Node, what: string): void => {
    found.push(`${file.path}:${lineOf(file, node)}: ${what}`);
  };
  walk(file.program, (node, above) => {
    if (isFunction(node) && node.async) report(node, "async");
    if (NEVER[node.type]) report(node, NEVER[node.type]!);
    if (isSetUp(above, helpers) || isType(above)) return;
    if (NOT_WHEN_HOT[node.type]) report(node, NOT_WHEN_HOT[node.type]!);
    if (isFunction(node) && above.at(-1)?.type !== "MethodDefinition") report(node, "a closure");
  });
  return found;
}

/** True when code below these nodes runs when things are set up, not once an event. */
function isSetUp(above: readonly Node[], helpers: ReadonlySet<string>): boolean {
  for (let i = above.length - 1; i >= 0; i--) {
    const node = above[i]!;
    if (!isFunction(node)) continue;
    const parent = above[i - 1];
    const name = nameOf(node, parent);
    if (SET_UP_NAME.test(name) || helpers.has(name)) return true;
    if (parent?.type === "MethodDefinition" && parent.kind === "constructor") return true;
    const passedOn = parent?.type === "CallExpression" || parent?.type === "NewExpression";
    if (!passedOn) return false;
  }
  return true;
}

/**
 * Names of the file's own functions and private methods that are called, and by set-up code only.
 * One that is also named elsewhere, exported or handed on as a value may run at any time.
 */
function setUpHelpers(file: SourceFile): ReadonlySet<string> {
  const helpers = new Set(privateFunctions(file));
  for (let before = -1; before !== helpers.size; ) {
    before = helpers.size;
    const called = new Set<string>();
    walk(file.program, (node, above) => {
      if (node.type !== "Identifier" && node.type !== "PrivateIdentifier") return;
      if (!helpers.has(node.name) || declares(above.at(-1)!, node)) return;
      if (isCallee(node, above) && isSetUp(above, helpers)) called.add(node.name);
      else helpers.delete(node.name);
    });
    for (const name of helpers) if (!called.has(name)) helpers.delete(name);
  }
  return helpers;
}

function privateFunctions(file: SourceFile): string[] {
  const names: string[] = [];
  walk(file.program, (node, above) => {
    if (!isFunction(node)) return;
    const parent = above.at(-1)!;
    const isMethod = parent.type === "MethodDefinition" && parent.key.type === "PrivateIdentifier";
    const isTop = above.at(parent.type === "VariableDeclarator" ? -3 : -1)?.type === "Program";
    if (isMethod || isTop) names.push(nameOf(node, parent));
  });
  return names.filter((name) => name !== "");
}

const declares = (parent: Node, name: Node): boolean =>
  ("id" in parent && parent.id === name) ||
  (parent.type === "MethodDefinition" && parent.key === name);

/** `f` in f(…), `#f` in this.#f(…). */
function isCallee(name: Node, above: readonly Node[]): boolean {
  const parent = above.at(-1)!;
  const member = parent.type === "MemberExpression" && parent.property === name;
  const call = member ? above.at(-2)! : parent;
  return call.type === "CallExpression" && call.callee === (member ? parent : name);
}

/** Types are stripped: what looks like a pattern in one is none. */
const isType = (above: readonly Node[]): boolean =>
  above.some((node) => /^TS(Type|Function|Interface|Method|Call|Construct)/.test(node.type));
