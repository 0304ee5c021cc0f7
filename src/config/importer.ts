/*
 * Rules of other balancers, read into a configuration of ours.
 */

/** Something about the text that was read, by its line from 1. */
export interface ImportFault {
  readonly line: number;
  /** An error: what was meant cannot be done here. A warning: it is done, but not quite so. */
  readonly severity: "error" | "warning";
  readonly message: string;
}

/** A section of a configuration, as it will be written. */
export type Section = Readonly<Record<string, unknown>>;

export interface Imported {
  /** Sections by name, in the order to write them. Of use only where there is no error. */
  readonly document: Section;
  /** In the order of the lines. */
  readonly faults: readonly ImportFault[];
}

export interface ImportOptions {
  /** For director.interfaces; none: a placeholder, with a warning. */
  readonly interfaces: readonly string[];
}

/** One format: one file in import/ and one line in its index. */
export interface Importer {
  readonly name: string;
  readonly summary: string;
  /** Never throws, whatever the text is. */
  read(text: string, options: ImportOptions): Imported;
}
