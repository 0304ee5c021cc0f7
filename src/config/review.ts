import { type Dict, type Fault, type Report, scalarText, type Tree } from "#schema/index.ts";
import type { Model } from "./model/document.ts";

/** Keys and indices from the document down to a value. */
export type Path = readonly (string | number)[];

/**
 * What the checks work on that look at more than one keyword: the model, where each value stands,
 * and where faults go. Parts that could not be read are absent from the model.
 */
export class Review {
  readonly model: Model;
  readonly #tree: Dict;
  readonly #report: Report;

  constructor(model: Model, tree: Dict, report: Report) {
    this.model = model;
    this.#tree = tree;
    this.#report = report;
  }

  error(path: Path, message: string, more: Partial<Fault> = {}): void {
    this.#report.error(this.at(path), show(path), message, more);
  }

  warning(path: Path, message: string, more: Partial<Fault> = {}): void {
    this.#report.warning(this.at(path), show(path), message, more);
  }

  get hasErrors(): boolean {
    return this.#report.hasErrors;
  }

  /** The value at a path, or the nearest one above it that is written. */
  at(path: Path): Tree {
    let tree: Tree = this.#tree;
    for (const step of path) {
      const next: Tree | undefined = child(tree, step);
      if (next === undefined) break;
      tree = next;
    }
    return tree;
  }

  /** Whether there is anything at a path. */
  isWritten(path: Path): boolean {
    return this.at(path) !== this.at(path.slice(0, -1));
  }

  /** Whether something in a section could not be read, so that the model has its fallbacks. */
  isBroken(section: "director"): boolean {
    return this.#report.faults.some(
      ({ path, severity }) =>
        severity === "error" && (path === section || path.startsWith(`${section}.`)),
    );
  }

  /** Names written in a map of names, whether or not what they name could be read. */
  namesIn(section: "frontends" | "backends" | "services"): string[] {
    const tree = child(this.#tree, section);
    return tree?.kind === "dict" ? tree.entries.map((entry) => entry.key) : [];
  }
}

function child(tree: Tree, step: string | number): Tree | undefined {
  if (tree.kind === "list") return tree.items[step as number];
  if (tree.kind === "dict") return tree.entries.find((entry) => entry.key === step)?.value;
  return undefined;
}

/** `backends.web.servers`, `frontends.web.rules[0].use`. */
function show(path: Path): string {
  return path.reduce<string>((out, step) => {
    if (typeof step === "number") return `${out}[${step}]`;
    return out === "" ? step : `${out}.${step}`;
  }, "");
}

/**
 * Path of the first scalar at or below `path` that is this text; `path` itself when there is none.
 */
export function scalarSaying(review: Review, path: Path, text: string): Path {
  const search = (tree: Tree, at: Path): Path | undefined => {
    if (tree.kind === "scalar") return scalarText(tree) === text ? at : undefined;
    const steps: readonly (readonly [string | number, Tree])[] =
      tree.kind === "list"
        ? tree.items.map((item, i) => [i, item] as const)
        : tree.entries.map((entry) => [entry.key, entry.value] as const);
    for (const [step, value] of steps) {
      const found = search(value, [...at, step]);
      if (found) return found;
    }
    return undefined;
  };
  return search(review.at(path), path) ?? path;
}
