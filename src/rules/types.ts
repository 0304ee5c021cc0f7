import type { Head } from "#http/head.ts";
import type { Field } from "#schema/index.ts";

/**
 * A request as rules see it. One object a thread, filled again for each request (class View in
 * view.ts); positions are indices into `bytes` and valid only while a rule runs.
 */
export interface RequestView {
  readonly bytes: Uint8Array;
  readonly head: Head;
  /** 16 bytes of the client's address (IPv4 mapped) at `peerAt` of `peer`. */
  readonly peer: Uint8Array;
  readonly peerAt: number;
  /**
   * The path as rules compare it: percent-decoded where that is safe, dot segments and doubled
   * slashes removed. Bytes [pathStart, pathEnd) of `path`, which is `bytes` where that is normal
   * already and else `pathRoom`; found on first use by normalisedPath(view).
   */
  path: Uint8Array;
  readonly pathRoom: Uint8Array;
  pathStart: number;
  pathEnd: number;
  /** The normalised path was made for this request. */
  pathReady: boolean;
  /** The normalised path as text, made on first use by pathText(view). */
  pathString: string | undefined;
  /**
   * Status with which to refuse the request because a rule could not judge it safely: 400 for a
   * path that cannot be normalised (the parser lets none pass), 414 for one too long for a regular
   * expression. 0 = none. A rule that meets such a request neither matches nor fails to match:
   * letting it go on would open a way round every rule that denies.
   */
  refuse: number;
}

/** True when the request meets the condition. Allocates nothing unless its type says so. */
export type Matcher = (view: RequestView) => boolean;

/**
 * A condition keyword: one file in matchers/, one line in matchers/index.ts. The value in a Plan is
 * `{ name, options: { value } }`, `value` being what the Field read.
 */
export interface MatcherType<V = unknown, I = unknown, N extends string = string> {
  readonly name: N;
  readonly summary: string;
  /** The value written beside the keyword. */
  readonly value: Field<V, I>;
  /** A value as a user would write it, for the documentation and the conformance suite. */
  readonly example: unknown;
  /** What of the request it looks at, in words for `explain`. Allocates. */
  subject(view: RequestView, value: V): string;
  /** It compares the path: then no request of the frontend goes on by another one. */
  readonly readsPath?: true;
  /** True when the compiled matcher makes a string at run time. Absent: it never allocates. */
  allocates?(value: V): boolean;
  /**
   * For a condition that is met exactly when the request's host is one of these (`a.example`, or
   * `*.b.example` for every host below): what the index of compileRules is built from.
   */
  hosts?(value: V): readonly string[];
  compile(value: V): Matcher;
}

export const matcher = <V, I, const N extends string>(
  type: MatcherType<V, I, N>,
): MatcherType<V, I, N> => type;

/** One change of the header fields of a request or an answer. */
export interface HeaderEdit {
  readonly op: "set" | "add" | "delete";
  /** Field name in lower-case bytes. */
  readonly name: Uint8Array;
  /** FIELD id of the name. */
  readonly id: number;
  /** `Name: value\r\n`, empty for delete. */
  readonly line: Uint8Array;
}

/**
 * Edits in the order of the rules that asked for them; keeps its storage from request to request.
 */
export class HeaderEdits {
  /** Elements of `items` that count; what lies behind them is left over from earlier requests. */
  count = 0;
  readonly items: HeaderEdit[] = [];

  add(edit: HeaderEdit): void {
    this.items[this.count++] = edit;
  }
}

/** What the rules decided. One object a thread; `reset` before each request. */
export class Verdict {
  /** Index into Plan.backends, or -1 while undecided. */
  backend = -1;
  /** Status to answer with instead of asking a server; 0 = none. */
  status = 0;
  /** Header lines of that answer (Location …), CRLF-ended: bytes [0, headersEnd). */
  readonly headers: Uint8Array;
  headersEnd = 0;
  /** Index of the rule that took the final decision, or -1: for `explain` and logs. */
  rule = -1;
  readonly request = new HeaderEdits();
  readonly response = new HeaderEdits();
  /** Path with query to send instead of the client's: bytes [0, targetEnd); 0 = unchanged. */
  readonly target: Uint8Array;
  targetEnd = 0;

  /** `bytes`: room for a rewritten target and for a Location; a longer one is refused with 414. */
  constructor(bytes = 16_384) {
    this.headers = new Uint8Array(bytes);
    this.target = new Uint8Array(bytes);
  }

  reset(): void {
    this.backend = -1;
    this.status = 0;
    this.headersEnd = 0;
    this.rule = -1;
    this.request.count = 0;
    this.response.count = 0;
    this.targetEnd = 0;
  }
}

/** Applies an action. Returns true when it ends the rules (use, redirect, deny). */
export type Action = (view: RequestView, verdict: Verdict) => boolean;

export interface CompileContext {
  /** Index of a backend by name; the configuration has checked that it exists. */
  backend(name: string): number;
}

/** An action keyword: one file in actions/, one line in actions/index.ts. */
export interface ActionType<V = unknown, I = unknown, N extends string = string> {
  readonly name: N;
  readonly summary: string;
  readonly value: Field<V, I>;
  /** A value as a user would write it, for the documentation and the conformance suite. */
  readonly example: unknown;
  /** Nothing after it in the same rule can run. */
  readonly final: boolean;
  /** It goes by the path, as MatcherType.readsPath. */
  readonly readsPath?: true;
  /** True when the compiled action makes a string at run time. Absent: it never allocates. */
  allocates?(value: V): boolean;
  /** Names of backends the value refers to, for the configuration to check. */
  backends?(value: V): readonly string[];
  compile(value: V, context: CompileContext): Action;
}

export const action = <V, I, const N extends string>(
  type: ActionType<V, I, N>,
): ActionType<V, I, N> => type;

/** Runs a frontend's rules over a request; `verdict` was reset. */
export type Rules = (view: RequestView, verdict: Verdict) => void;
