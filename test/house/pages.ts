import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");

/** A page written for people, in Markdown. */
export interface Page {
  /** From the root of the repository: `docs/routing.md`. */
  readonly path: string;
  readonly text: string;
}

export interface CodeBlock {
  readonly path: string;
  /** Of its first line, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

export const exists = (path: string): boolean => existsSync(join(ROOT, path));

export const readPage = (path: string): Page => ({
  path,
  text: readFileSync(join(ROOT, path), "utf8"),
});

/** Every page of the repository, in order. */
export const pages = (): Page[] =>
  globSync("{*.md,docs/**/*.md,packaging/**/*.md}", { cwd: ROOT }).sort().map(readPage);

export const codeBlocks = ({ path, text }: Page): CodeBlock[] =>
  [...text.matchAll(/^```(\w*)[^\n]*\n(.*?)^```$/gms)].map((match) => ({
    path,
    line: text.slice(0, match.index).split("\n").length + 1,
    language: match[1]!,
    text: match[2]!,
  }));

/** The page without its code blocks. */
export const prose = ({ text }: Page): string => text.replaceAll(/^```.*?^```$/gms, "");

/** `like this`, as it stands in the prose. */
export const inlineCode = (page: Page): string[] =>
  [...prose(page).matchAll(/`([^`\n]+)`/g)].map((match) => match[1]!);

export const headings = (page: Page): string[] =>
  [...prose(page).matchAll(/^#+ (.+)$/gm)].map((match) => match[1]!);

/** Rows of tables, titles and rulers left out, each as its cells. */
export const tableRows = (text: string): string[][] =>
  [...text.matchAll(/^\|(.*)\|$/gm)]
    .map((match) => match[1]!.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .filter((cells, i, all) => !isRuler(cells) && !isRuler(all[i + 1] ?? []));

const isRuler = (cells: readonly string[]): boolean =>
  cells.length > 0 && cells.every((cell) => /^:?-+:?$/.test(cell));
