/**
 * One class, one table. Every way a request, a connection or a command can end badly is a row here;
 * the HTTP status, the log's termination flags, metric labels and the documentation derive from it.
 *
 * side:   who is at fault.
 * retry: which requests may be sent again: "unsent" any, since no server saw it; "idempotent" those
 * that
 *         do no harm twice (RFC 9110 §9.2.2); "never" none.
 * status: the HTTP status we answer when nothing was sent to the client yet; 0 = none, just close.
 * flags: first two termination characters of HAProxy's log (configuration manual, "Session state at
 *         disconnection"): who ended it, and in which phase.
 */
type Fact = {
  readonly side: "client" | "server" | "weir" | "operator";
  readonly retry: "unsent" | "idempotent" | "never";
  readonly status: number;
  readonly flags: string;
  readonly summary: string;
};

const fact = (
  side: Fact["side"],
  retry: Fact["retry"],
  status: number,
  flags: string,
  summary: string,
): Fact => ({ side, retry, status, flags, summary });

/** Order is the numeric id used by hot code and on the Board: ONLY APPEND. */
export const CODES = {
  NONE: fact("weir", "never", 0, "--", "ended normally"),
  REQUEST_MALFORMED: fact("client", "never", 400, "PR", "the request head breaks RFC 9112"),
  REQUEST_HEAD_TOO_LARGE: fact("client", "never", 431, "PR", "the request head is over its limit"),
  REQUEST_URI_TOO_LONG: fact("client", "never", 414, "PR", "the request target is over its limit"),
  REQUEST_BODY_TOO_LARGE: fact("client", "never", 413, "PR", "the request body is over its limit"),
  REQUEST_METHOD_UNSUPPORTED: fact("client", "never", 501, "PR", "a method or coding we refuse"),
  REQUEST_VERSION_UNSUPPORTED: fact(
    "client",
    "never",
    505,
    "PR",
    "an HTTP version we do not speak",
  ),
  REQUEST_TIMEOUT: fact("client", "never", 408, "cR", "the request head did not come in time"),
  REQUEST_ABORTED: fact("client", "never", 0, "CR", "the client left before its request was whole"),
  REQUEST_DENIED: fact("client", "never", 403, "PR", "a rule denied the request"),
  REDIRECTED: fact("weir", "never", 302, "LR", "a rule answered with a redirect"),
  BACKEND_NONE: fact("operator", "never", 503, "SC", "no rule and no default chose a backend"),
  SERVER_NONE: fact("server", "unsent", 503, "SC", "the backend has no server that may take it"),
  QUEUE_FULL: fact("weir", "unsent", 503, "SQ", "the backend's queue is full"),
  QUEUE_TIMEOUT: fact("server", "unsent", 503, "sQ", "waited too long in the backend's queue"),
  QUEUE_ABORTED: fact("client", "never", 0, "CQ", "the client left while its request was queued"),
  CONNECT_REFUSED: fact("server", "unsent", 503, "SC", "the server refused the connection"),
  CONNECT_TIMEOUT: fact("server", "unsent", 503, "sC", "the server did not accept in time"),
  CONNECT_ABORTED: fact("client", "never", 0, "CC", "the client left while we were connecting"),
  SEND_FAILED: fact(
    "server",
    "idempotent",
    502,
    "SH",
    "the server closed while the request was sent",
  ),
  SERVER_CLOSED_EARLY: fact(
    "server",
    "idempotent",
    502,
    "SH",
    "the server closed before its answer",
  ),
  SERVER_TIMEOUT: fact(
    "server",
    "idempotent",
    504,
    "sH",
    "the server's answer did not begin in time",
  ),
  RESPONSE_MALFORMED: fact("server", "never", 502, "PH", "the server's answer breaks RFC 9112"),
  RESPONSE_HEAD_TOO_LARGE: fact(
    "server",
    "never",
    502,
    "PH",
    "the answer's head is over its limit",
  ),
  SERVER_ABORTED: fact("server", "never", 0, "SD", "the server closed in the middle of a body"),
  SERVER_BODY_TIMEOUT: fact("server", "never", 0, "sD", "the server stopped sending its body"),
  CLIENT_ABORTED: fact("client", "never", 0, "CD", "the client closed in the middle of a body"),
  CLIENT_BODY_TIMEOUT: fact("client", "never", 408, "cD", "the client stopped sending or reading"),
  CLIENT_LEFT: fact("client", "never", 0, "CH", "the client left while the server was working"),
  BODY_MALFORMED: fact("client", "never", 400, "PD", "the request's chunked framing is broken"),
  RESPONSE_BODY_MALFORMED: fact(
    "server",
    "never",
    0,
    "PD",
    "the answer's chunked framing is broken",
  ),
  RESOURCE_EXHAUSTED: fact(
    "weir",
    "unsent",
    503,
    "RC",
    "a limit of descriptors or memory was reached",
  ),
  KILLED: fact("operator", "never", 0, "KD", "an operator ended it"),
  SERVER_DOWN: fact(
    "server",
    "never",
    0,
    "DD",
    "the server was marked down and its sessions ended",
  ),
  INTERNAL: fact("weir", "never", 500, "IC", "a defect of ours"),
  CONFIG_INVALID: fact("operator", "never", 0, "--", "the configuration has faults"),
  DAEMON_UNREACHABLE: fact("operator", "unsent", 0, "--", "no running weir answers"),
  NOT_PERMITTED: fact("operator", "never", 0, "--", "the right or capability is missing"),
  SAFETY_REFUSED: fact("operator", "never", 0, "--", "a safety rule refused the action"),
  USAGE: fact("operator", "never", 0, "--", "the command line is wrong"),
  START_FAILED: fact(
    "operator",
    "unsent",
    0,
    "--",
    "an address, a file or a worker failed to start",
  ),
} as const satisfies Record<string, Fact>;

export type CodeName = keyof typeof CODES;

/** Names in id order: `CODE_NAMES[id]`. */
export const CODE_NAMES = Object.keys(CODES) as readonly CodeName[];

/** Facts in id order, for readers that hold a numeric id. */
export const FACTS: readonly Fact[] = Object.values(CODES);

/** Numeric ids by name: `CODE.SERVER_TIMEOUT`. 0 is NONE. */
export const CODE = Object.freeze(
  Object.fromEntries(CODE_NAMES.map((name, id) => [name, id])),
) as Readonly<Record<CodeName, number>>;

export class WeirError extends Error {
  override name = "WeirError";
  readonly code: CodeName;
  /** Facts of this occurrence, for logs and `--json`. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: CodeName, message: string, details: Record<string, unknown> = {}) {
    super(message, details["cause"] === undefined ? undefined : { cause: details["cause"] });
    this.code = code;
    this.details = details;
  }
}
