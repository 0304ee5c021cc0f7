import type { Head } from "#http/head.ts";
import type { Field } from "#schema/index.ts";

/**
 * A request as rules see it. One object a thread, filled again for each request; positions are indices
 * into `bytes` and valid only while a rule runs.
 */
export interface RequestView {
  readonly bytes: Uint8Array;
  readonly head: Head;
  /** 16 bytes of the client's address (IPv4 mapped) at `peerAt` of `peer`. */
  readonly peer: Uint8Array;
  readonly peerAt: number;
  /**
   * The path as rules compare it: percent-decoded where that is safe, dot segments and doubled slashes
   * removed. Bytes [pathStart, pathEnd) of `path`, made on first use by normalisedPath(view).
   */
  path: Uint8Array;
  pathStart: number;
  pathEnd: number;
  /** The normalised path was made for this request. */
  pathReady: boolean;
}

/** True when the request meets the condition. Allocates nothing unless its docstring says so. */
export type Matcher = (view: RequestView) => boolean;

/** A condition keyword: one file in matchers/, one line in matchers/index.ts. */
export interface MatcherType<V = unknown> {
  readonly name: string;
  readonly summary: string;
  /** The value written beside the keyword. */
  readonly value: Field<V>;
  compile(value: V): Matcher;
}

export const matcher = <V>(type: MatcherType<V>): MatcherType<V> => type;

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

/** What the rules decided. One object a thread; `reset` before each request. */
export class Verdict {
  /** Index into Plan.backends, or -1 while undecided. */
  backend = -1;
  /** Status to answer with instead of asking a server; 0 = none. */
  status = 0;
  /** Ready-made header lines of that answer (Location …), CRLF-ended. */
  headers: Uint8Array | undefined = undefined;
  /** Index of the rule that took the final decision, or -1: for `explain` and logs. */
  rule = -1;
  readonly request: HeaderEdit[] = [];
  readonly response: HeaderEdit[] = [];
  /** New path with query to send instead of the client's; undefined = unchanged. */
  target: Uint8Array | undefined = undefined;

  reset(): void {
    this.backend = -1;
    this.status = 0;
    this.headers = undefined;
    this.rule = -1;
    this.request.length = 0;
    this.response.length = 0;
    this.target = undefined;
  }
}

/** Applies an action. Returns true when it ends the rules (use, redirect, deny). */
export type Action = (view: RequestView, verdict: Verdict) => boolean;

export interface CompileContext {
  /** Index of a backend by name; the configuration has checked that it exists. */
  backend(name: string): number;
}

/** An action keyword: one file in actions/, one line in actions/index.ts. */
export interface ActionType<V = unknown> {
  readonly name: string;
  readonly summary: string;
  readonly value: Field<V>;
  /** Nothing after it in the same rule can run. */
  readonly final: boolean;
  /** Names of backends the value refers to, for the configuration to check. */
  backends?(value: V): readonly string[];
  compile(value: V, context: CompileContext): Action;
}

export const action = <V>(type: ActionType<V>): ActionType<V> => type;
