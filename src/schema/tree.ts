/**
 * A configuration before it means anything: scalars, lists and maps, each knowing where it stands.
 */
export interface Place {
  readonly file: string;
  /** 1-based; 0 when there is no line to name (what `weir.config.ts` computes). */
  readonly line: number;
  readonly column: number;
  /** Characters to underline, at least 1. */
  readonly length: number;
}

export interface Scalar {
  readonly kind: "scalar";
  readonly place: Place;
  /** As the source language typed it; `null` is an empty value. */
  readonly value: string | number | boolean | null;
  /** As it was written, where the value does not print so again: `007`, `1.10`. */
  readonly text?: string;
  /** A fault of this value is reported already: reading it finds no further one. */
  readonly broken?: true;
}

export interface List {
  readonly kind: "list";
  readonly place: Place;
  readonly items: readonly Tree[];
}

export interface Entry {
  readonly key: string;
  readonly keyPlace: Place;
  readonly value: Tree;
}

export interface Dict {
  readonly kind: "dict";
  readonly place: Place;
  readonly entries: readonly Entry[];
}

export type Tree = Scalar | List | Dict;

/** One thing wrong with a configuration. */
export interface Fault {
  readonly place: Place;
  /** Dotted path of the value, `backends.web.servers[0].weight`. */
  readonly path: string;
  readonly message: string;
  /** What would have been right, where one phrase can say it. */
  readonly expected?: string;
  readonly found?: string;
  /** The nearest keyword or name, where the fault may be a slip of the pen. */
  readonly nearest?: string;
  readonly severity: "error" | "warning";
}

/** Errors kept, and warnings; more of them are counted, but nobody would read them. */
const MAX_KEPT = 200;

/** Collects faults; reading goes on after one. */
export class Report {
  readonly faults: Fault[] = [];
  #errors = 0;
  #warnings = 0;

  /** How many errors there were, kept or not. */
  get errors(): number {
    return this.#errors;
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  error(
    tree: { readonly place: Place; readonly broken?: true },
    path: string,
    message: string,
    more: Partial<Fault> = {},
  ): void {
    if (tree.broken || this.#errors++ >= MAX_KEPT) return;
    this.faults.push({ place: tree.place, path, message, severity: "error", ...more });
  }

  warning(
    tree: { readonly place: Place },
    path: string,
    message: string,
    more: Partial<Fault> = {},
  ): void {
    if (this.#warnings++ >= MAX_KEPT) return;
    this.faults.push({ place: tree.place, path, message, severity: "warning", ...more });
  }
}

/** A scalar's text as it was written. */
export const scalarText = (tree: Scalar): string => tree.text ?? String(tree.value);

/** What stands there, in a few words, for the "found" of a fault. */
export function describeTree(tree: Tree): string {
  switch (tree.kind) {
    case "list":
      return "a list";
    case "dict":
      return "a map";
    default:
      if (tree.value === null) return "nothing";
      return typeof tree.value === "string"
        ? JSON.stringify(tree.value.length > 60 ? `${tree.value.slice(0, 60)}…` : tree.value)
        : scalarText(tree);
  }
}
