// @hot
import type { Action, HeaderEdit } from "./types.ts";

/** Adds the edits to those of the request. */
export function createRequestEdits(edits: readonly HeaderEdit[]): Action {
  return (_view, verdict) => {
    for (let i = 0; i < edits.length; i++) verdict.request.add(edits[i]!);
    return false;
  };
}

/** Adds the edits to those of the answer. */
export function createResponseEdits(edits: readonly HeaderEdit[]): Action {
  return (_view, verdict) => {
    for (let i = 0; i < edits.length; i++) verdict.response.add(edits[i]!);
    return false;
  };
}
