import type { InferOptions, Options } from "./option.ts";
import type { Style } from "./style.ts";

/** What a command may touch; tests hand in their own. */
export interface Context {
  /** Standard output, as it is. */
  write(text: string): void;
  /** Standard error: what is not the answer. */
  warn(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** For standard output. */
  readonly style: Style;
  /** For standard error. */
  readonly warnStyle: Style;
}

export interface Argument {
  /** As shown in help: FILE. */
  readonly name: string;
  readonly help: string;
  readonly required?: boolean;
  /** The last argument may come many times. */
  readonly repeats?: boolean;
}

export const GROUPS = {
  daemon: "The balancer",
  config: "Configuration",
  objects: "Servers and frontends",
  l4: "Layer 4",
  node: "Real servers behind the director",
  misc: "Besides",
} as const;

/** A command: one file in commands/ and one line in its index. Help and parsing derive from it. */
export interface Command<O extends Options = Options> {
  /** One word, or two as in `server drain`. */
  readonly name: string;
  readonly group: keyof typeof GROUPS;
  readonly summary: string;
  /** Paragraphs for --help. */
  readonly details?: string;
  readonly arguments?: readonly Argument[];
  readonly options: O;
  readonly examples?: readonly string[];
  /** Returns the exit code (EXIT); a WeirError thrown is printed and gives its own. */
  run(context: Context, options: InferOptions<O>, args: readonly string[]): Promise<number>;
}

export const command = <const O extends Options>(declared: Command<O>): Command =>
  declared as unknown as Command;
