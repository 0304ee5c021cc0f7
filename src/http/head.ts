/** How the end of a message's body is found (RFC 9112 §6). */
export const FRAMING = Object.freeze({ NONE: 0, LENGTH: 1, CHUNKED: 2, CLOSE: 3, TUNNEL: 4 });

/** RFC 9112 §3.2. */
export const TARGET = Object.freeze({ ORIGIN: 0, ABSOLUTE: 1, AUTHORITY: 2, ASTERISK: 3 });

/** Methods with meaning to a proxy; every other token is OTHER. */
export const METHOD = Object.freeze({
  OTHER: 0,
  GET: 1,
  HEAD: 2,
  POST: 3,
  PUT: 4,
  DELETE: 5,
  OPTIONS: 6,
  TRACE: 7,
  CONNECT: 8,
  PATCH: 9,
});

/** Header fields with meaning to us; every other name is OTHER. Order is the id: append only. */
export const FIELD_NAMES = [
  "",
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "expect",
  "upgrade",
  "te",
  "trailer",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "forwarded",
  "via",
  "x-real-ip",
  "cookie",
  "set-cookie",
  "user-agent",
  "referer",
  "accept-encoding",
  "content-type",
  "date",
  "server",
  "location",
  "cache-control",
  "authorization",
  "content-encoding",
  "x-forwarded-port",
  "http2-settings",
] as const;

export const FIELD = Object.freeze({
  OTHER: 0,
  HOST: 1,
  CONNECTION: 2,
  CONTENT_LENGTH: 3,
  TRANSFER_ENCODING: 4,
  EXPECT: 5,
  UPGRADE: 6,
  TE: 7,
  TRAILER: 8,
  KEEP_ALIVE: 9,
  PROXY_CONNECTION: 10,
  PROXY_AUTHENTICATE: 11,
  PROXY_AUTHORIZATION: 12,
  X_FORWARDED_FOR: 13,
  X_FORWARDED_PROTO: 14,
  X_FORWARDED_HOST: 15,
  FORWARDED: 16,
  VIA: 17,
  X_REAL_IP: 18,
  COOKIE: 19,
  SET_COOKIE: 20,
  USER_AGENT: 21,
  REFERER: 22,
  ACCEPT_ENCODING: 23,
  CONTENT_TYPE: 24,
  DATE: 25,
  SERVER: 26,
  LOCATION: 27,
  CACHE_CONTROL: 28,
  AUTHORIZATION: 29,
  CONTENT_ENCODING: 30,
  X_FORWARDED_PORT: 31,
  HTTP2_SETTINGS: 32,
});

/** Elements of Head.fields for each header field. */
export const FIELD_WORDS = 4;

export interface HeadLimits {
  /** Whole head: start line, fields and the empty line. */
  readonly headBytes: number;
  readonly headers: number;
  /** Request target alone. */
  readonly uriBytes: number;
}

/**
 * One parsed head. Positions are indices into the bytes given to the parser, `[start, end)`; they
 * are valid as long as those bytes stay put. Made once a thread and filled again for each message:
 * the parser allocates nothing.
 */
export class Head {
  /** METHOD.* of a request. */
  method = 0;
  methodStart = 0;
  methodEnd = 0;
  /** TARGET.* */
  form = 0;
  targetStart = 0;
  targetEnd = 0;
  /** Path inside the target (origin and absolute form); pathStart = pathEnd where there is none. */
  pathStart = 0;
  pathEnd = 0;
  /** Query without its `?`; empty where there is none. */
  queryStart = 0;
  queryEnd = 0;
  /**
   * Effective host with port: the target's authority where it has one, else the Host field's value.
   */
  hostStart = 0;
  hostEnd = 0;
  /** 10 or 11. */
  version = 0;
  /** Three-digit status of a response. */
  status = 0;
  reasonStart = 0;
  reasonEnd = 0;
  /** FRAMING.* */
  framing = 0;
  /** Bytes of the body when framing is LENGTH, up to 2⁵³-1. */
  contentLength = 0;
  /** The sender lets the connection be used again. */
  keepAlive = false;
  /**
   * A request asks for, or a 101 grants, another protocol: Connection names Upgrade and it is
   * there.
   */
  upgrade = false;
  /** `Expect: 100-continue` from an HTTP/1.1 client. */
  expectContinue = false;
  /** Header fields in use below. */
  count = 0;
  /** nameStart, nameEnd, valueStart, valueEnd (value without surrounding white space) a field. */
  readonly fields: Int32Array;
  /** FIELD.* of each field. */
  readonly ids: Uint8Array;
  /**
   * 1 = never forwarded: hop-by-hop by its own nature or because Connection names it, meaningless
   * with this framing, or a known name spelt with underscores. Whoever edits a head may set it too.
   */
  readonly hop: Uint8Array;

  constructor(maxHeaders: number) {
    this.fields = new Int32Array(maxHeaders * FIELD_WORDS);
    this.ids = new Uint8Array(maxHeaders);
    this.hop = new Uint8Array(maxHeaders);
  }

  /** Back to an empty head. Fields beyond `count` are left as they are. */
  reset(): void {
    this.method = 0;
    this.methodStart = 0;
    this.methodEnd = 0;
    this.form = 0;
    this.targetStart = 0;
    this.targetEnd = 0;
    this.pathStart = 0;
    this.pathEnd = 0;
    this.queryStart = 0;
    this.queryEnd = 0;
    this.hostStart = 0;
    this.hostEnd = 0;
    this.version = 0;
    this.status = 0;
    this.reasonStart = 0;
    this.reasonEnd = 0;
    this.framing = 0;
    this.contentLength = 0;
    this.keepAlive = false;
    this.upgrade = false;
    this.expectContinue = false;
    this.count = 0;
  }

  /** Index of the first field with this id at or after `from`, or -1. */
  find(id: number, from = 0): number {
    for (let i = from; i < this.count; i++) if (this.ids[i] === id) return i;
    return -1;
  }
}
