import { ASKED, GIVEN } from "./tables.ts";

/**
 * What one line of the access log says. One record is made per worker and filled anew for every
 * line; the formatters only read it. Ranges are byte positions [from, to) in `text`; an empty range
 * means "not there". Nothing in it is escaped or trusted: the formatters see to that.
 */
export interface LogRecord {
  /** Wall time of the request's first byte, milliseconds since 1970 UTC. */
  wallMs: number;
  /** The client's address: 16 bytes at `peerAt`, IPv4 mapped. */
  peer: Uint8Array;
  peerAt: number;
  /** The client's port; -1 for a client on a Unix socket, which has no address. */
  peerPort: number;

  /** Names as configured (letters, digits, `_.:-`), at most 64 bytes. */
  frontend: Uint8Array;
  /** Empty when none was chosen. */
  backend: Uint8Array;
  /** Empty when none was chosen. */
  server: Uint8Array;

  /**
   * Milliseconds, -1 = not reached: whole request head, queue, connect, first byte, all (HAProxy's
   * TR Tw Tc Tr Ta).
   */
  requestMs: number;
  queueMs: number;
  connectMs: number;
  responseMs: number;
  totalMs: number;

  /** As sent to the client; -1 when nothing was. */
  status: number;
  /** Sent to the client, head included. */
  bytesOut: number;
  /** Sent to the client, body alone, as framed. */
  bodyBytes: number;
  /** Received from the client, head included. */
  bytesIn: number;
  /** Why it ended: a CODE. */
  code: number;
  /** What became of persistence's cookie in the request and in the answer: ASKED and GIVEN. */
  asked: number;
  given: number;

  /**
   * Connections of the process and of the frontend, requests of the backend and of the server, this
   * one included.
   */
  processConnections: number;
  frontendConnections: number;
  backendActive: number;
  serverActive: number;
  retries: number;
  /** 1 when a retry went to another server. */
  redispatched: number;
  /** Requests ahead of this one in the server's and in the backend's queue. */
  serverQueue: number;
  backendQueue: number;

  text: Uint8Array;
  /** The request line without CRLF; empty when none could be read. */
  requestFrom: number;
  requestTo: number;
  hostFrom: number;
  hostTo: number;
  refererFrom: number;
  refererTo: number;
  agentFrom: number;
  agentTo: number;
}

/** Room a formatter must be given: every fixed part at its longest, and something of each text. */
export const LOG_LINE_MIN = 2048;

/**
 * Writes one line, `\n` included, into out[at, limit) and returns the position after it. Texts that
 * do not fit are cut, never between the bytes of one escape. `limit - at` is at least LOG_LINE_MIN.
 */
export type LogFormatter = (
  record: LogRecord,
  out: Uint8Array,
  at: number,
  limit: number,
) => number;

const NOTHING = new Uint8Array(0);

/** A record that says nothing yet. */
export function createLogRecord(): LogRecord {
  return {
    // A fraction, so that the field is stored as a double from the start.
    wallMs: 0.5,
    peer: new Uint8Array(16),
    peerAt: 0,
    peerPort: -1,
    frontend: NOTHING,
    backend: NOTHING,
    server: NOTHING,
    requestMs: -1,
    queueMs: -1,
    connectMs: -1,
    responseMs: -1,
    totalMs: 0,
    status: -1,
    bytesOut: 0,
    bodyBytes: 0,
    bytesIn: 0,
    code: 0,
    asked: ASKED.NOT,
    given: GIVEN.NOT,
    processConnections: 0,
    frontendConnections: 0,
    backendActive: 0,
    serverActive: 0,
    retries: 0,
    redispatched: 0,
    serverQueue: 0,
    backendQueue: 0,
    text: NOTHING,
    requestFrom: 0,
    requestTo: 0,
    hostFrom: 0,
    hostTo: 0,
    refererFrom: 0,
    refererTo: 0,
    agentFrom: 0,
    agentTo: 0,
  };
}
