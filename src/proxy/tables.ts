import { assert } from "#base/assert.ts";
import { layout } from "#plan/layout.ts";

/** What a socket is to the proxy. */
export const KIND = Object.freeze({ NONE: 0, CLIENT: 1, UPSTREAM: 2 });

/**
 * A client connection, by socket. PAGE holds a head that came in pieces, or what follows a request.
 */
export const CLIENT = layout(
  "STATE",
  "FRONTEND",
  "EXCHANGE",
  "FLAGS",
  "PAGE",
  "PAGE_CLASS",
  "FILL",
  "NEXT_AT",
  "NEXT_BYTES",
  "REQUESTS",
  "LINGERED",
);

/**
 * IDLE waits for a request, HEAD has part of one, BUSY has an exchange, LINGER reads to the end,
 * HELD waits until a limit of connections has room for it.
 */
export const CS = Object.freeze({
  FREE: 0,
  IDLE: 1,
  HEAD: 2,
  BUSY: 3,
  LINGER: 4,
  CLOSING: 5,
  HELD: 6,
});

export const CF = Object.freeze({
  /** A receive is under way. */
  RECEIVING: 1,
  /** The client has sent its end of file. */
  EOF: 2,
  /** Close after the exchange under way. */
  LAST: 4,
  /** The receive under way goes into a page of ours (the client's or its exchange's). */
  INTO: 8,
  /** It is in the gauges of connections. */
  COUNTED: 16,
});

/**
 * A connection to a server, by socket. NEXT and PREV link the idle ones of a server; IDLE_TURN is
 * the loop's turn since which it lies idle, IDLE_TICK the time. RECEIVING and SENDING: such a
 * request of ours is under way. ADDRESS is the server's ADDRESS_SEQ when it was opened.
 */
export const UP = layout(
  "STATE",
  "BACKEND",
  "SERVER",
  "EXCHANGE",
  "NEXT",
  "PREV",
  "REQUESTS",
  "IDLE_TICK",
  "IDLE_TURN",
  "RECEIVING",
  "SENDING",
  "ADDRESS",
);

export const US = Object.freeze({ FREE: 0, CONNECTING: 1, BUSY: 2, IDLE: 3, CLOSING: 4 });

/**
 * One direction of an exchange's body. KEPT bytes of trailers that are not whole lie at KEPT_AT.
 * FULL: the last read filled the page. CHUNK is the chunked decoder's own state. In a tunnel, KEPT
 * are the bytes that are being sent.
 */
export const RELAY = layout(
  "STATE",
  "FROM",
  "TO",
  "PAGE",
  "CLASS",
  "DECODER",
  "ENCODER",
  "KEPT",
  "KEPT_AT",
  "FULL",
  "CHUNK:6",
);
const RELAY_SIZE = 16;
assert(RELAY.size === RELAY_SIZE);

/** How a body's content is framed towards the side that gets it (RELAY.ENCODER). */
export const ENCODING = Object.freeze({ IDENTITY: 0, CHUNKED: 1 });

/**
 * OFF not begun or given up, READ waits for bytes, WRITE for their sending, SPLICE for the kernel,
 * DONE whole. DROP: given up while bytes were awaited; what comes is not looked at.
 */
export const RS = Object.freeze({ OFF: 0, READ: 1, WRITE: 2, SPLICE: 3, DONE: 4, DROP: 5 });

/**
 * What became of persistence's cookie in a request (X.ASKED) and in its answer (X.GIVEN), as the
 * characters HAProxy's log has for it. NOT: the request's backend, if any, has no persistence.
 */
export const ASKED = Object.freeze({ NOT: 45, NONE: 78, INVALID: 73, DOWN: 68, VALID: 86 });
export const GIVEN = Object.freeze({
  NOT: 45,
  NONE: 78,
  INSERTED: 73,
  PASSED: 80,
  REWRITTEN: 82,
  DELETED: 68,
});

/**
 * An exchange: one request and its answer. PAGE holds the request as it is sent (HEAD_BYTES of it),
 * kept for a retry, and after it the texts that the log wants (…_AT, …_BYTES). STICK is the slot of
 * the server it must go to, AVOID of the one that failed it; -1 = none. While it waits for a
 * server, NEXT and PREV link it to the others in that line (LINE_OF: a server's slot, -1 = the
 * backend's), in the order of TICKET; AHEAD others were there before it. FILL: bytes of an answer's
 * head kept in the DOWN page. SPLICED: bytes of the splice under way that were credited to the
 * client.
 */
export const X = layout(
  "STATE",
  "CLIENT",
  "UPSTREAM",
  "FRONTEND",
  "BACKEND",
  "SERVER",
  "STICK",
  "FLAGS",
  "METHOD",
  "STATUS",
  "CODE",
  "RETRIES",
  "HOLD",
  "PAGE",
  "PAGE_CLASS",
  "HEAD_BYTES",
  "LINE_AT",
  "LINE_BYTES",
  "HOST_AT",
  "HOST_BYTES",
  "AGENT_AT",
  "AGENT_BYTES",
  "REFERER_AT",
  "REFERER_BYTES",
  "NEXT",
  "PREV",
  "LINE_OF",
  "TICKET",
  "AHEAD",
  "AVOID",
  "FOUND",
  "ASKED",
  "GIVEN",
  "SENDING",
  "SPLICED",
  "OUT_PAGE",
  "OUT_CLASS",
  "FILL",
  "INTERIMS",
  "UP:16",
  "DOWN:16",
);

export const XS = Object.freeze({
  FREE: 0,
  QUEUED: 1,
  CONNECTING: 2,
  WAITING: 3,
  RESPONDING: 4,
  TUNNEL: 5,
  ANSWERING: 6,
  ENDED: 7,
});

export const XF = Object.freeze({
  /** The client wants its connection kept. */
  KEEP_ALIVE: 1,
  /** The client speaks HTTP/1.0. */
  OLD: 2,
  /** Bytes of an answer were sent to the client. */
  ANSWERED: 4,
  /** The server lets its connection be used again. */
  REUSABLE: 8,
  /** Nothing of the body has left but what is in PAGE. */
  REPLAYABLE: 16,
  /** Repeating it does no harm (RFC 9110 §9.2.2). */
  IDEMPOTENT: 32,
  /** Sent over a connection used before. */
  REUSED: 64,
  REDISPATCHED: 128,
  /** Counted in the server's ACTIVE. */
  TAKEN: 256,
  /** Close the client's connection after the answer. */
  CLOSE: 512,
  /** Asks for another protocol. */
  UPGRADE: 2048,
  /** The answer's body goes by way of our memory, not inside the kernel. */
  COPIED: 4096,
  /** Must not go over a connection kept from before: one such was found closed. */
  FRESH: 16384,
  /** A final answer is being sent; before it, only 1xx ones were. */
  FINAL: 32768,
});

/**
 * Numbers of an exchange that need a double: times in ms of the worker's clock (-1 = not yet),
 * bytes. CLIENT_LEFT and SERVER_LEFT: what is left of our patience with a side, in ms, as of
 * CLIENT_SINCE and SERVER_SINCE, when we began to wait for it (-1 = we do not).
 */
export const N = layout(
  "WALL",
  "START",
  "HEAD",
  "QUEUED",
  "ASSIGNED",
  "CONNECTED",
  "FIRST",
  "BYTES_IN",
  "BYTES_OUT",
  "HEAD_OUT",
  "UP_LEFT",
  "DOWN_LEFT",
  "UP_BYTES",
  "KEY",
  "CLIENT_LEFT",
  "CLIENT_SINCE",
  "SERVER_LEFT",
  "SERVER_SINCE",
);
