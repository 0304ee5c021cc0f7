import type { Node } from "oxc-parser";
import { isFunction, isTest, lineOf, nameOf, type SourceFile, walk } from "./source.ts";

/** A breach: where, as the table of exceptions names it, and in words. */
export interface Breach {
  readonly place: string;
  readonly text: string;
}

const FILE_LINES = 500;
const TEST_FILE_LINES = 800;
const FUNCTION_LINES = 70;
const COLUMNS = 100;

const lines = (text: string): number => text.split("\n").length - 1;

export function longFiles({ path, text }: SourceFile): Breach[] {
  const most = isTest(path) ? TEST_FILE_LINES : FILE_LINES;
  const count = lines(text);
  return count > most ? [{ place: path, text: `${path}: ${count} lines, of ${most}` }] : [];
}

/**
 * Functions longer than the limit; what a test hands to `test` or `describe` is no function to
 * read.
 */
export function longFunctions(file: SourceFile): Breach[] {
  const found: Breach[] = [];
  walk(file.program, (node, above) => {
    const parent = above.at(-1);
    if (!isFunction(node) || (isTest(file.path) && parent?.type === "CallExpression")) return;
    const count = lines(file.text.slice(node.start, node.end)) + 1;
    if (count <= FUNCTION_LINES) return;
    const place = `${file.path}#${nameOf(node, parent)}`;
    found.push({ place, text: `${place}: ${count} lines, of ${FUNCTION_LINES}` });
  });
  return found;
}

/** Comments wider than the limit, but for a link. Code is the formatter's business. */
export function wideComments({ path, text }: SourceFile): Breach[] {
  return text
    .split("\n")
    .map((line, i) => ({ line, place: `${path}:${i + 1}` }))
    .filter(({ line }) => line.length > COLUMNS && /^\s*(\/?\*|\/\/)(?!.*https?:)/.test(line))
    .map(({ line, place }) => ({ place, text: `${place}: ${line.length} columns` }));
}

/** kebab-case, lower case, with dots before `test`, `bench`, `fuzz`, `d` or the extension. */
export const badName = ({ path }: SourceFile): Breach[] =>
  /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|bench|fuzz|d|config))*\.(ts|mjs|js)$/.test(
    path.split("/").at(-1)!,
  )
    ? []
    : [{ place: path, text: `${path}: the name is not in kebab-case` }];

/** Names that read a clock, draw a number or make a timer. */
const CLOCKS = new Set([
  "performance",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
]);
const CLOCK_MEMBERS = new Set(["Math.random", "Date.now", "process.hrtime", "process.uptime"]);
const CLOCK_MODULES = /^node:(timers|perf_hooks)/;

/** Uses of a clock, a timer or chance. `new Date(ms)` is only arithmetic and allowed. */
export function clockReads(file: SourceFile): Breach[] {
  const found: Breach[] = [];
  const report = (node: Node, what: string): void => {
    found.push({ place: file.path, text: `${file.path}:${lineOf(file, node)}: ${what}` });
  };
  walk(file.program, (node, above) => {
    const parent = above.at(-1);
    if (node.type === "Identifier" && CLOCKS.has(node.name) && isReference(node, parent!)) {
      report(node, node.name);
    } else if (node.type === "MemberExpression") {
      const name = memberName(node);
      if (CLOCK_MEMBERS.has(name)) report(node, name);
    } else if (node.type === "NewExpression" || node.type === "CallExpression") {
      const isDate = node.callee.type === "Identifier" && node.callee.name === "Date";
      if (isDate && node.arguments.length === 0) report(node, "Date()");
    } else if (node.type === "ImportDeclaration" && CLOCK_MODULES.test(node.source.value)) {
      report(node, node.source.value);
    }
  });
  return found;
}

function memberName(node: Extract<Node, { type: "MemberExpression" }>): string {
  const { object, property } = node;
  if (object.type !== "Identifier" || property.type !== "Identifier" || node.computed) return "";
  return `${object.name}.${property.name}`;
}

/** Not the name of a property or a member of something else. */
function isReference(node: Node, parent: Node): boolean {
  if (parent.type === "MemberExpression" && parent.property === node) return parent.computed;
  if (parent.type === "Property" && parent.key === node) return parent.computed;
  return !parent.type.startsWith("TS") && !parent.type.endsWith("Definition");
}

/** A file that has nothing of its own, only what others export. */
export function barrels({ path, program }: SourceFile): Breach[] {
  const own = program.body.filter((node) => {
    if (node.type === "ExportAllDeclaration" || node.type === "ImportDeclaration") return false;
    return !(node.type === "ExportNamedDeclaration" && node.declaration === null);
  });
  const isBarrel = own.length === 0 && program.body.length > 0;
  return isBarrel && exportsSomething(program.body)
    ? [{ place: path, text: `${path}: re-exports others and has nothing of its own` }]
    : [];
}

const exportsSomething = (body: readonly Node[]): boolean =>
  body.some((node) => node.type.startsWith("Export"));
