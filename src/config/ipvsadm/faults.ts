import type { ImportFault } from "../importer.ts";

/** Collects what there is to say about lines. */
export class Faults {
  readonly #all: ImportFault[] = [];
  /** The one at work. */
  line = 1;

  error(message: string, line = this.line): void {
    this.#all.push({ line, severity: "error", message });
  }

  warning(message: string, line = this.line): void {
    this.#all.push({ line, severity: "warning", message });
  }

  inOrder(): ImportFault[] {
    return this.#all.toSorted((a, b) => a.line - b.line);
  }
}
