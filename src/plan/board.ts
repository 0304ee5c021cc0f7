import { assert } from "#base/assert.ts";
import { layout } from "./layout.ts";

/**
 * The Board: memory shared by the supervisor, the engine's control thread and every proxy worker.
 *
 *   ┌ GLOBAL ┬ WORKER rows ┬ FRONTEND rows ┬ BACKEND rows ┬ SERVER rows ┐   Int32, shared
 *   ├ worker 0: process | frontends | backends | servers | histograms    ┤   Float64, one writer
 *   │           gauges                                                   │   Int32, one writer
 *   ├ worker 1: …                                                        ┤
 *   └ worker 0: log ring ┬ worker 1: log ring …                          ┘   bytes, one writer each
 *
 * It lives in a memfd that the supervisor owns, so states and counters outlive a crashed or
 * replaced engine. Slots are handed out by control (see slots.ts) and keep their meaning across
 * reloads.
 */

export const ADMIN = Object.freeze({ READY: 0, DRAIN: 1, MAINT: 2 });
export const ADMIN_NAMES = ["ready", "drain", "maint"] as const;
export const HEALTH = Object.freeze({ UNKNOWN: 0, UP: 1, DOWN: 2 });
export const HEALTH_NAMES = ["unknown", "up", "down"] as const;

/** One unit of a server's weight in SERVER.EFFECTIVE, so that slow start can grow smoothly. */
export const WEIGHT_SCALE = 256;
/** Largest weight a user may give. */
export const WEIGHT_MAX = 256;

/**
 * Shared, whole Board. ENGINE_STATE: 0 starting, 1 running, 2 draining. CONNECTIONS, of clients, is
 * changed with Atomics by every worker.
 */
export const GLOBAL = layout(
  "MAGIC",
  "VERSION",
  "GENERATION",
  "ENGINE_PID",
  "ENGINE_STATE",
  "ENGINE_STARTS",
  "RELOADS",
  "RELOADS_REFUSED",
  "LAST_RELOAD_OK",
  "STARTED_AT",
  "RELOADED_AT",
  "WORKER_STARTS",
  "CONNECTIONS",
);

/**
 * Per worker. STATE: 0 absent, 1 running, 2 draining, 3 dead. DRIVER: 0 none, 1 io_uring, 2 epoll.
 */
export const WORKER = layout(
  "STATE",
  "DRIVER",
  "GENERATION",
  "BEAT",
  "CONNECTIONS",
  "UPSTREAMS",
  "REQUESTS",
  "LOG_HEAD",
  "LOG_TAIL",
  "WAKES",
  "SLEEPING",
);

/** Per frontend. CONNECTIONS is changed with Atomics by every worker. STATE: 0 open, 1 paused. */
export const FRONTEND = layout("STATE", "MAX_CONNECTIONS", "CONNECTIONS", "REQUESTS");

/**
 * Per backend. EPOCH grows by one whenever a server's eligibility, weight or address changes:
 * workers compare it and tell their schedulers. ACTIVE and QUEUED are changed with Atomics by every
 * worker.
 */
export const BACKEND = layout("EPOCH", "USABLE", "ACTIVE", "QUEUED");

/**
 * Per server. Control writes ADMIN, HEALTH, WEIGHT, EFFECTIVE, MAX_CONNECTIONS, STICKY, KILL and
 * the address; workers change ACTIVE, QUEUED, IDLE and FAILURES with Atomics.
 *
 * EFFECTIVE        weight × WEIGHT_SCALE after slow start; 0 = takes no new requests.
 * STICKY           1 = may still be reached by persistence although EFFECTIVE is 0 (drain).
 * MAX_CONNECTIONS requests in flight allowed now; 0 = no limit.
 * FAILURES         failed requests in a row, seen by workers (passive observation).
 * KILL             grows by one to end every session on the server.
 * IDENTITY         hash of `backend/server`: whose states these are; 0 = nobody's.
 * ADMIN_WANTED     an operator's word: 0 = none, n + 1 = ADMIN n.
 * WEIGHT_WANTED    an operator's word: 0 = none, n + 1 = weight n, -(p + 1) = p percent.
 * LIMIT_WANTED     an operator's word: 0 = none, n + 1 = at most n requests in flight.
 * CHANGED_AT       seconds since 1970 of the last change of ADMIN or HEALTH.
 * CHECK_RESULT     CHECK_RESULT.* of the last active check, CHECK_MS its duration.
 * CHECK_STREAK     checks in a row that ended alike: passed > 0, failed < 0.
 * DOWN_MS          time spent down in outages that are over; saturates.
 * ADDRESS_SEQ      odd while the address is being written; changes with it.
 * ADDRESS          struct sockaddr as connect(2) takes it, ADDRESS_BYTES long.
 */
export const SERVER = layout(
  "ADMIN",
  "HEALTH",
  "WEIGHT",
  "EFFECTIVE",
  "STICKY",
  "MAX_CONNECTIONS",
  "ACTIVE",
  "QUEUED",
  "IDLE",
  "FAILURES",
  "KILL",
  "IDENTITY",
  "ADMIN_WANTED",
  "WEIGHT_WANTED",
  "LIMIT_WANTED",
  "CHANGED_AT",
  "CHECK_RESULT",
  "CHECK_MS",
  "CHECK_STREAK",
  "CHECKS",
  "CHECK_FAILS",
  "DOWNS",
  "DOWN_MS",
  "ADDRESS_SEQ",
  "ADDRESS_BYTES",
  "ADDRESS:28",
);

/** Per worker and frontend: totals since the Board was made. Bytes are on the client's side. */
export const FRONTEND_TOTALS = layout(
  "CONNECTIONS",
  "REQUESTS",
  "BYTES_IN",
  "BYTES_OUT",
  "STATUS_1XX",
  "STATUS_2XX",
  "STATUS_3XX",
  "STATUS_4XX",
  "STATUS_5XX",
  "DENIED",
  "MALFORMED",
  "REFUSED",
  "TIMEOUTS",
  "ABORTS",
  "UPGRADES",
  "FULL",
);

/** Per worker and backend. Times are sums in milliseconds over REQUESTS. */
export const BACKEND_TOTALS = layout(
  "REQUESTS",
  "BYTES_IN",
  "BYTES_OUT",
  "STATUS_1XX",
  "STATUS_2XX",
  "STATUS_3XX",
  "STATUS_4XX",
  "STATUS_5XX",
  "CONNECT_ERRORS",
  "RESPONSE_ERRORS",
  "RETRIES",
  "REDISPATCHES",
  "QUEUED",
  "QUEUE_TIMEOUTS",
  "QUEUE_MS",
  "CLIENT_ABORTS",
  "SERVER_ABORTS",
  "QUEUE_FULL",
);

/** Per worker and server. Times are sums in milliseconds. */
export const SERVER_TOTALS = layout(
  "REQUESTS",
  "CONNECTS",
  "REUSES",
  "BYTES_IN",
  "BYTES_OUT",
  "STATUS_1XX",
  "STATUS_2XX",
  "STATUS_3XX",
  "STATUS_4XX",
  "STATUS_5XX",
  "CONNECT_ERRORS",
  "RESPONSE_ERRORS",
  "RETRIES",
  "REDISPATCHES",
  "CLIENT_ABORTS",
  "SERVER_ABORTS",
  "CONNECT_MS",
  "RESPONSE_MS",
  "TOTAL_MS",
);

/**
 * What one worker has added to the gauges that workers share (FRONTEND.CONNECTIONS, BACKEND.ACTIVE
 * …): it writes here first, then with Atomics there, so that control can take a dead worker's part
 * back.
 */
export const PROCESS_GAUGES = layout("CONNECTIONS");
export const FRONTEND_GAUGES = layout("CONNECTIONS");
export const BACKEND_GAUGES = layout("ACTIVE", "QUEUED");
export const SERVER_GAUGES = layout("ACTIVE", "QUEUED", "IDLE");

/**
 * Per worker. NO_SLOTS: of its own sockets none was free; FULL: engine.maxConnections was reached.
 */
export const PROCESS_TOTALS = layout(
  "TURNS",
  "SYSCALLS",
  "COMPLETIONS",
  "ACCEPTS",
  "ACCEPT_ERRORS",
  "NO_BUFFERS",
  "NO_PAGES",
  "NO_DESCRIPTORS",
  "NO_SLOTS",
  "LOG_LINES",
  "LOG_DROPPED",
  "SPLICED_BYTES",
  "BUSY_MS",
  "FULL",
);

/** Log-linear latency buckets: SUB per power of two; see traffic/histogram.ts for bounds. */
export const HISTOGRAM = Object.freeze({ SUB: 8, POWERS: 26, BUCKETS: 8 * 26 });

export interface BoardSizes {
  readonly workers: number;
  readonly frontends: number;
  readonly backends: number;
  readonly servers: number;
  /** Bytes of one worker's log ring: a power of two. */
  readonly logBytes: number;
}

const MAGIC = 0x57454952;
const VERSION = 2;
const align = (n: number, to = 4096): number => Math.ceil(n / to) * to;

/** Element counts and byte offsets of a Board of the given sizes. */
function measure(s: BoardSizes) {
  const shared =
    GLOBAL.size +
    s.workers * WORKER.size +
    s.frontends * FRONTEND.size +
    s.backends * BACKEND.size +
    s.servers * SERVER.size;
  const totals =
    PROCESS_TOTALS.size +
    s.frontends * (FRONTEND_TOTALS.size + HISTOGRAM.BUCKETS) +
    s.backends * (BACKEND_TOTALS.size + HISTOGRAM.BUCKETS) +
    s.servers * SERVER_TOTALS.size;
  const gauges =
    PROCESS_GAUGES.size +
    s.frontends * FRONTEND_GAUGES.size +
    s.backends * BACKEND_GAUGES.size +
    s.servers * SERVER_GAUGES.size +
    s.backends +
    s.servers;
  const sharedBytes = align(shared * 4);
  const totalsBytes = align(totals * 8 + gauges * 4);
  return {
    sharedBytes,
    totalsBytes,
    bytes: sharedBytes + s.workers * (totalsBytes + align(s.logBytes)),
  };
}

/** Bytes of memory a Board of these sizes takes; pages never touched cost nothing. */
export const boardBytes = (sizes: BoardSizes): number => measure(sizes).bytes;

/** One worker's own totals: it alone writes, anybody reads. */
export interface WorkerTotals {
  readonly process: Float64Array;
  readonly frontends: Float64Array;
  readonly backends: Float64Array;
  readonly servers: Float64Array;
  /** HISTOGRAM.BUCKETS counts a frontend: whole request time. */
  readonly frontendTimes: Float64Array;
  /** HISTOGRAM.BUCKETS counts a backend: time to the first byte of the answer. */
  readonly backendTimes: Float64Array;
  readonly processGauges: Int32Array;
  readonly frontendGauges: Int32Array;
  readonly backendGauges: Int32Array;
  readonly serverGauges: Int32Array;
  /**
   * By backend, and by server: since when the first of this worker's requests that wait for any of
   * the backend's servers, or for just that one, has waited; milliseconds since 1970 modulo 2³², 0
   * where nobody waits.
   */
  readonly backendWaits: Int32Array;
  readonly serverWaits: Int32Array;
  /** The log ring; WORKER.LOG_HEAD and LOG_TAIL are its free-running byte positions (mod 2³²). */
  readonly log: Uint8Array;
}

/** Views over the shared memory. Making one allocates; keep it. */
export class Board {
  readonly sizes: BoardSizes;
  readonly global: Int32Array;
  readonly workers: Int32Array;
  readonly frontends: Int32Array;
  readonly backends: Int32Array;
  readonly servers: Int32Array;
  readonly totals: readonly WorkerTotals[];

  /** `buffer` holds at least boardBytes(sizes), zeroed at first; it stays owned by the caller. */
  constructor(buffer: ArrayBufferLike, sizes: BoardSizes) {
    const m = measure(sizes);
    assert(buffer.byteLength >= m.bytes, "board memory too small");
    assert((sizes.logBytes & (sizes.logBytes - 1)) === 0, "logBytes must be a power of two");
    this.sizes = sizes;
    let at = 0;
    const words = (count: number): Int32Array => {
      const view = new Int32Array(buffer as ArrayBuffer, at, count);
      at += count * 4;
      return view;
    };
    this.global = words(GLOBAL.size);
    this.workers = words(sizes.workers * WORKER.size);
    this.frontends = words(sizes.frontends * FRONTEND.size);
    this.backends = words(sizes.backends * BACKEND.size);
    this.servers = words(sizes.servers * SERVER.size);
    this.totals = Array.from({ length: sizes.workers }, (_, i) => {
      at = m.sharedBytes + i * m.totalsBytes;
      const doubles = (count: number): Float64Array => {
        const view = new Float64Array(buffer as ArrayBuffer, at, count);
        at += count * 8;
        return view;
      };
      const logAt = m.sharedBytes + sizes.workers * m.totalsBytes + i * align(sizes.logBytes);
      return {
        process: doubles(PROCESS_TOTALS.size),
        frontends: doubles(sizes.frontends * FRONTEND_TOTALS.size),
        backends: doubles(sizes.backends * BACKEND_TOTALS.size),
        servers: doubles(sizes.servers * SERVER_TOTALS.size),
        frontendTimes: doubles(sizes.frontends * HISTOGRAM.BUCKETS),
        backendTimes: doubles(sizes.backends * HISTOGRAM.BUCKETS),
        processGauges: words(PROCESS_GAUGES.size),
        frontendGauges: words(sizes.frontends * FRONTEND_GAUGES.size),
        backendGauges: words(sizes.backends * BACKEND_GAUGES.size),
        serverGauges: words(sizes.servers * SERVER_GAUGES.size),
        backendWaits: words(sizes.backends),
        serverWaits: words(sizes.servers),
        log: new Uint8Array(buffer as ArrayBuffer, logAt, sizes.logBytes),
      };
    });
    if (this.global[GLOBAL.MAGIC] === 0) {
      this.global[GLOBAL.VERSION] = VERSION;
      this.global[GLOBAL.MAGIC] = MAGIC;
    }
    assert(
      this.global[GLOBAL.MAGIC] === MAGIC && this.global[GLOBAL.VERSION] === VERSION,
      "board memory of another version",
    );
  }
}
