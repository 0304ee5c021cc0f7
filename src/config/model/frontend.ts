import {
  group,
  type InferFields,
  int,
  oneOf,
  optional,
  section,
  size,
  text,
} from "#schema/index.ts";
import { bind } from "./bind.ts";
import { errorPages } from "./error-pages.ts";
import { forwarded } from "./forwarded.ts";
import { ownLog } from "./log.ts";
import { rules } from "./rules.ts";
import { frontendTimeoutFields } from "./timeouts.ts";

/** Of frontends and backends alike. */
export const mode = oneOf(["http", "tcp"], {
  help: "`http` understands requests, `tcp` carries bytes",
  fallback: "http",
});

/** What `defaults` may say for every frontend. */
export const frontendShared = {
  mode,
  maxConnections: optional(
    int({
      help: "Client connections of one frontend at the same time; more wait in the kernel; absent: as many as `engine.maxConnections`",
      min: 1,
      max: 4_000_000,
    }),
  ),
  maxBody: optional(
    size({ help: "Longest body of a request, answered with 413 beyond; absent: no limit" }),
  ),
  timeouts: section(frontendTimeoutFields, { help: "How long clients may take" }),
  forwarded,
  log: ownLog,
  errorPages,
};

export const frontendFields = {
  bind,
  ...frontendShared,
  rules,
  default: optional(
    text({ help: "Backend of requests that no rule decided; absent: they get 503", maxLength: 64 }),
  ),
};
export type Frontend = InferFields<typeof frontendFields>;

export const frontend = group(frontendFields, {
  help: "Where clients come in, and what becomes of them",
});
