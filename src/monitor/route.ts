import type { ServerResponse } from "node:http";
import { CODES, type CodeName } from "#base/errors.ts";
import type { ControlApi } from "#control/api.ts";
import { toJson } from "./json.ts";
import type { Sampler } from "./sampler.ts";
import type { StaticFile } from "./static-files.ts";
import type { Stream } from "./stream.ts";

/** What the routes work with. */
export interface Monitor {
  readonly api: ControlApi;
  readonly sampler: Sampler;
  readonly stream: Stream;
  readonly files: ReadonlyMap<string, StaticFile>;
}

/** One request, read and let through by the guard. */
export interface Call {
  readonly query: URLSearchParams;
  /** Values of the path's `{names}`, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** The JSON body of a POST; undefined when there was none. */
  readonly body: unknown;
  readonly accept: string;
}

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
}

/**
 * An answer that goes on: the route writes head and body itself, and ends when the client leaves.
 */
export type Streamed = (response: ServerResponse) => void;

/** One path of the admin API: one file in routes/ and one line in its index. */
export interface Route {
  readonly method: "GET" | "POST";
  /** Segments, `{name}` for any one segment. */
  readonly path: string;
  readonly summary: string;
  /** On the admin socket alone: it tells of people, or costs much. */
  readonly adminOnly?: true;
  run(call: Call, monitor: Monitor): Reply | Streamed | Promise<Reply>;
}

export const json = (value: unknown, status = 200): Reply => ({
  status,
  type: "application/json; charset=utf-8",
  body: `${toJson(value)}\n`,
});

export const plain = (text: string, status = 200): Reply => ({
  status,
  type: "text/plain; charset=utf-8",
  body: text,
});

/**
 * HTTP statuses of refusals, where the code's own is not the one for an administrator's request.
 */
const STATUS: Partial<Record<CodeName, number>> = {
  USAGE: 400,
  CONFIG_INVALID: 422,
  NOT_PERMITTED: 403,
  SAFETY_REFUSED: 409,
};

/** `{code, message}`: what the CLI turns into an exit code. */
export function refuse(code: CodeName, message: string, details: object = {}): Reply {
  return json({ ...details, code, message }, STATUS[code] ?? (CODES[code].status || 500));
}
