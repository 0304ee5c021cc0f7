import type { ActionType } from "../types.ts";
import { addHeader } from "./add-header.ts";
import { addResponseHeader } from "./add-response-header.ts";
import { deleteHeader } from "./delete-header.ts";
import { deleteResponseHeader } from "./delete-response-header.ts";
import { deny } from "./deny.ts";
import { redirect } from "./redirect.ts";
import { rewritePath } from "./rewrite-path.ts";
import { setHeader } from "./set-header.ts";
import { setResponseHeader } from "./set-response-header.ts";
import { use } from "./use.ts";

/** Every action keyword, in the order of the documentation. */
export const actions = [
  use,
  redirect,
  deny,
  setHeader,
  addHeader,
  deleteHeader,
  setResponseHeader,
  addResponseHeader,
  deleteResponseHeader,
  rewritePath,
] as const satisfies readonly ActionType[];
