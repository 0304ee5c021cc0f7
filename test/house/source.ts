import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type ArrowFunctionExpression,
  type Function as Func,
  type Node,
  type Program,
  parseSync,
  visitorKeys,
} from "oxc-parser";

const ROOT = join(import.meta.dirname, "..", "..");

/** A TypeScript or JavaScript file of ours. */
export interface SourceFile {
  /** From the root of the repository: `src/io/epoll.ts`. */
  readonly path: string;
  readonly text: string;
  readonly program: Program;
}

/** Parses a text; a fault in it is an error that names the file. */
export function parse(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text);
  assert.deepEqual(
    errors.map((error) => error.message),
    [],
    path,
  );
  return { path, text, program };
}

/**
 * Every hand-written source file under the folders, in order. Generated ones (`*.gen.*`) are not.
 */
export function sourceFiles(...folders: string[]): SourceFile[] {
  return folders
    .flatMap((folder) => globSync(`${folder}/**/*.{ts,mjs,js}`, { cwd: ROOT }))
    .filter((path) => !path.includes(".gen."))
    .sort()
    .map((path) => parse(path, readFileSync(join(ROOT, path), "utf8")));
}

export const isTest = (path: string): boolean =>
  path.startsWith("test/") || path.endsWith(".test.ts");

/**
 * Calls `visit` for a node and all below it, parents first, with the nodes above it, nearest last.
 */
export function walk(
  node: Node,
  visit: (node: Node, above: readonly Node[]) => void,
  above: Node[] = [],
): void {
  visit(node, above);
  above.push(node);
  for (const key of visitorKeys[node.type] ?? []) {
    const below = (node as unknown as Record<string, unknown>)[key];
    for (const child of Array.isArray(below) ? below : [below]) {
      if (child) walk(child as Node, visit, above);
    }
  }
  above.pop();
}

/** The line a node begins on, from 1. */
export const lineOf = (file: SourceFile, node: Node): number =>
  file.text.slice(0, node.start).split("\n").length;

export const isFunction = (node: Node): node is Func | ArrowFunctionExpression =>
  node.type === "FunctionDeclaration" ||
  node.type === "FunctionExpression" ||
  node.type === "ArrowFunctionExpression";

/**
 * What a function is called by: its own name, or that of the method, property or variable it
 * becomes.
 */
export function nameOf(node: Func | ArrowFunctionExpression, parent: Node | undefined): string {
  if (node.id) return node.id.name;
  if (parent?.type === "VariableDeclarator") return keyName(parent.id);
  if (parent?.type === "MethodDefinition" || parent?.type === "Property") {
    return keyName(parent.key);
  }
  if (parent?.type === "PropertyDefinition") return keyName(parent.key);
  return "";
}

function keyName(node: Node): string {
  if (node.type === "PrivateIdentifier") return node.name;
  return node.type === "Identifier" ? node.name : "";
}

/** Specifiers of everything a file imports: also types, re-exports and `import()`. */
export function importsOf(file: SourceFile): string[] {
  const specifiers: string[] = [];
  const add = (source: Node | null): void => {
    if (source?.type === "Literal") specifiers.push(String(source.value));
  };
  walk(file.program, (node) => {
    switch (node.type) {
      case "ImportDeclaration":
      case "ExportAllDeclaration":
      case "ExportNamedDeclaration":
      case "ImportExpression":
      case "TSImportType":
        add(node.source);
    }
  });
  return specifiers;
}
