import { schedulers } from "#balance/schedulers/index.ts";
import {
  bool,
  choose,
  chosenByDefault,
  duration,
  group,
  type InferFields,
  int,
  list,
  oneOf,
  optional,
  orOff,
  section,
} from "#schema/index.ts";
import { agent, check } from "./check.ts";
import { cookie } from "./cookie.ts";
import { mode } from "./frontend.ts";
import { servers } from "./server.ts";
import { backendTimeoutFields } from "./timeouts.ts";

const queueFields = {
  limit: int({
    help: "Requests that may wait for a server with room; the next ones get 503",
    max: 1_000_000,
    fallback: 1024,
  }),
};

const idleFields = {
  limit: int({
    help: "Idle connections kept to each server by each thread",
    max: 100_000,
    fallback: 4096,
  }),
  timeout: duration({
    help: "How long an idle connection is kept; keep it below what the servers allow",
    fallback: 5_000,
  }),
};

const resolveFields = {
  interval: duration({
    help: "Longest time between two look-ups of a server's name; a shorter TTL is followed",
    min: 100,
    fallback: 10_000,
  }),
  hold: optional(
    duration({
      help: "How long the last good addresses serve on when a name is no longer found; absent: for ever",
      min: 1000,
    }),
  ),
};

/** What `defaults` may say for every backend. */
export const backendShared = {
  mode,
  balance: choose(schedulers, {
    help: "Which server a request goes to",
    key: "type",
    what: "scheduler",
    fallback: chosenByDefault(schedulers, "roundrobin"),
  }),
  check: optional(orOff(check)),
  agent: optional(orOff(agent)),
  cookie: optional(orOff(cookie)),
  timeouts: section(backendTimeoutFields, { help: "How long servers may take" }),
  retries: int({
    help: "Further attempts for a request that failed as `retryOn` says",
    max: 100,
    fallback: 3,
  }),
  redispatch: bool({
    help: "A retry, or a client whose server is down, may go to another server",
    fallback: true,
  }),
  retryOn: list(
    oneOf(["connect", "empty", "timeout", "502", "503", "504"], { help: "A way to fail" }),
    {
      help: "Failures that are tried again: no connection, no answer, none in time, an answer with this status. Beyond `connect`, only requests that may be sent twice",
      fallback: ["connect"],
      single: true,
    },
  ),
  queue: section(queueFields, { help: "Requests that wait for a server", short: "limit" }),
  reuse: oneOf(["never", "safe", "always"], {
    help: "Use of idle connections to servers: `safe` sends a request that may not be repeated only over one in use a second ago",
    fallback: "safe",
  }),
  idle: section(idleFields, { help: "Connections to servers that wait for the next request" }),
  killOnDown: bool({
    help: "Sessions on a server end when it goes down; otherwise they may finish. A service's connections end at their next packet",
    fallback: false,
  }),
  allBackups: bool({
    help: "Use every backup server at once when no other is usable, not only the first",
    fallback: false,
  }),
  resolve: section(resolveFields, { help: "Server names in DNS", short: "interval" }),
};

export const backendFields = { servers, ...backendShared };
export type Backend = InferFields<typeof backendFields>;

export const backend = group(backendFields, { help: "A pool of servers that all serve the same" });
