// @hot
import { CODE, FACTS } from "#base/errors.ts";
import { peerIp } from "#io/peer-ip.ts";
import {
  BACKEND,
  BACKEND_TOTALS,
  FRONTEND,
  FRONTEND_TOTALS,
  HISTOGRAM,
  SERVER,
  SERVER_TOTALS,
} from "#plan/board.ts";
import { record as recordTime } from "#traffic/histogram.ts";
import type { Core } from "./core.ts";
import { createLogRecord } from "./log-record.ts";
import { N, X, XF } from "./tables.ts";

const NOTHING = new Uint8Array(0);

/** Column of FRONTEND_TOTALS that counts an ending, by CODE; -1 = none. */
const KINDS = createKinds();

function createKinds(): Int8Array {
  const kinds = new Int8Array(FACTS.length).fill(-1);
  kinds[CODE.REQUEST_MALFORMED] = FRONTEND_TOTALS.MALFORMED;
  kinds[CODE.BODY_MALFORMED] = FRONTEND_TOTALS.MALFORMED;
  kinds[CODE.REQUEST_DENIED] = FRONTEND_TOTALS.DENIED;
  kinds[CODE.REQUEST_TIMEOUT] = FRONTEND_TOTALS.TIMEOUTS;
  kinds[CODE.CLIENT_BODY_TIMEOUT] = FRONTEND_TOTALS.TIMEOUTS;
  kinds[CODE.REQUEST_ABORTED] = FRONTEND_TOTALS.ABORTS;
  kinds[CODE.QUEUE_ABORTED] = FRONTEND_TOTALS.ABORTS;
  kinds[CODE.CONNECT_ABORTED] = FRONTEND_TOTALS.ABORTS;
  kinds[CODE.CLIENT_LEFT] = FRONTEND_TOTALS.ABORTS;
  kinds[CODE.CLIENT_ABORTED] = FRONTEND_TOTALS.ABORTS;
  return kinds;
}

const line = createLogRecord();

/** Counts an exchange that is over on the Board, and writes its line to the log. */
export function recordExchange(core: Core, x: number): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const slot = cells[at + X.FRONTEND]!;
  const totals = core.totals.frontends;
  const row = slot * FRONTEND_TOTALS.size;
  const n = x * N.size;
  totals[row + FRONTEND_TOTALS.REQUESTS]!++;
  totals[row + FRONTEND_TOTALS.BYTES_IN]! += core.numbers[n + N.BYTES_IN]!;
  totals[row + FRONTEND_TOTALS.BYTES_OUT]! += core.numbers[n + N.BYTES_OUT]!;
  const status = cells[at + X.STATUS]!;
  const hundreds = Math.floor(status / 100);
  if (hundreds >= 1 && hundreds <= 5) totals[row + FRONTEND_TOTALS.STATUS_1XX + hundreds - 1]!++;
  if (status === 101) totals[row + FRONTEND_TOTALS.UPGRADES]!++;
  const kind = KINDS[cells[at + X.CODE]!]!;
  if (kind >= 0) totals[row + kind]!++;
  const micros = (core.nowMs - core.numbers[n + N.START]!) * 1000;
  if (status !== 101) recordTime(core.totals.frontendTimes, slot * HISTOGRAM.BUCKETS, micros);
  if (cells[at + X.BACKEND]! >= 0) countBackend(core, x, hundreds);
  const frontend = core.runtime.frontends[slot]!;
  if (frontend.format !== undefined) {
    fillLine(core, x);
    core.log.write(frontend.logIndex, frontend.format, line);
  }
}

function countBackend(core: Core, x: number, hundreds: number): void {
  const at = x * X.size;
  const n = x * N.size;
  const cells = core.exchanges;
  const slot = cells[at + X.BACKEND]!;
  const totals = core.totals.backends;
  const row = slot * BACKEND_TOTALS.size;
  const first = core.numbers[n + N.FIRST]!;
  totals[row + BACKEND_TOTALS.REQUESTS]!++;
  totals[row + BACKEND_TOTALS.BYTES_IN]! += core.numbers[n + N.BYTES_IN]!;
  totals[row + BACKEND_TOTALS.BYTES_OUT]! += core.numbers[n + N.BYTES_OUT]!;
  if (hundreds >= 1 && hundreds <= 5) totals[row + BACKEND_TOTALS.STATUS_1XX + hundreds - 1]!++;
  const code = cells[at + X.CODE]!;
  if (code === CODE.QUEUE_TIMEOUT) totals[row + BACKEND_TOTALS.QUEUE_TIMEOUTS]!++;
  if (KINDS[code] === FRONTEND_TOTALS.ABORTS) totals[row + BACKEND_TOTALS.CLIENT_ABORTS]!++;
  if (isServerAbort(code)) totals[row + BACKEND_TOTALS.SERVER_ABORTS]!++;
  if (first >= 0) {
    const micros = (first - core.numbers[n + N.START]!) * 1000;
    recordTime(core.totals.backendTimes, slot * HISTOGRAM.BUCKETS, micros);
  }
  if ((cells[at + X.FLAGS]! & XF.REDISPATCHED) !== 0) totals[row + BACKEND_TOTALS.REDISPATCHES]!++;
  if (cells[at + X.SERVER]! >= 0) countServer(core, x, hundreds, first);
}

/** The server broke off an answer that it had begun. */
function isServerAbort(code: number): boolean {
  if (code === CODE.SERVER_ABORTED || code === CODE.SERVER_BODY_TIMEOUT) return true;
  return code === CODE.RESPONSE_BODY_MALFORMED;
}

function countServer(core: Core, x: number, hundreds: number, first: number): void {
  const n = x * N.size;
  const totals = core.totals.servers;
  const row = core.exchanges[x * X.size + X.SERVER]! * SERVER_TOTALS.size;
  const assigned = core.numbers[n + N.ASSIGNED]!;
  totals[row + SERVER_TOTALS.REQUESTS]!++;
  totals[row + SERVER_TOTALS.BYTES_IN]! += core.numbers[n + N.BYTES_IN]!;
  totals[row + SERVER_TOTALS.BYTES_OUT]! += core.numbers[n + N.BYTES_OUT]!;
  if (hundreds >= 1 && hundreds <= 5) totals[row + SERVER_TOTALS.STATUS_1XX + hundreds - 1]!++;
  const code = core.exchanges[x * X.size + X.CODE]!;
  if (KINDS[code] === FRONTEND_TOTALS.ABORTS) totals[row + SERVER_TOTALS.CLIENT_ABORTS]!++;
  if (isServerAbort(code)) totals[row + SERVER_TOTALS.SERVER_ABORTS]!++;
  if ((core.exchanges[x * X.size + X.FLAGS]! & XF.REDISPATCHED) !== 0) {
    totals[row + SERVER_TOTALS.REDISPATCHES]!++;
  }
  const connected = core.numbers[n + N.CONNECTED]!;
  if (connected >= 0) totals[row + SERVER_TOTALS.CONNECT_MS]! += connected - assigned;
  if (first >= 0) totals[row + SERVER_TOTALS.RESPONSE_MS]! += first - connected;
  totals[row + SERVER_TOTALS.TOTAL_MS]! += core.nowMs - core.numbers[n + N.START]!;
}

/** Whole milliseconds from one moment to another, -1 where the second did not come. */
function span(from: number, to: number): number {
  return to < 0 ? -1 : Math.floor(to - from);
}

function fillLine(core: Core, x: number): void {
  const at = x * X.size;
  const n = x * N.size;
  const cells = core.exchanges;
  const numbers = core.numbers;
  const start = numbers[n + N.START]!;
  const assigned = numbers[n + N.ASSIGNED]!;
  const connected = numbers[n + N.CONNECTED]!;
  const queued = numbers[n + N.QUEUED]!;
  line.wallMs = numbers[n + N.WALL]!;
  const port = peerIp(core.memory, core.transport.peerAt(cells[at + X.CLIENT]!), line.peer, 0);
  line.peerPort = port === 0 ? -1 : port;
  line.requestMs = span(start, numbers[n + N.HEAD]!);
  line.queueMs =
    queued < 0 ? (assigned < 0 ? -1 : 0) : span(queued, assigned < 0 ? core.nowMs : assigned);
  line.connectMs = assigned < 0 ? -1 : span(assigned, connected);
  line.responseMs = connected < 0 ? -1 : span(connected, numbers[n + N.FIRST]!);
  line.totalMs = Math.floor(core.nowMs - start);
  line.status = cells[at + X.STATUS]! > 0 ? cells[at + X.STATUS]! : -1;
  line.bytesOut = numbers[n + N.BYTES_OUT]!;
  line.bodyBytes = Math.max(0, line.bytesOut - numbers[n + N.HEAD_OUT]!);
  line.bytesIn = numbers[n + N.BYTES_IN]!;
  line.code = cells[at + X.CODE]!;
  line.asked = cells[at + X.ASKED]!;
  line.given = cells[at + X.GIVEN]!;
  line.processConnections = core.connections;
  line.retries = cells[at + X.RETRIES]!;
  line.redispatched = (cells[at + X.FLAGS]! & XF.REDISPATCHED) !== 0 ? 1 : 0;
  const own = cells[at + X.LINE_OF]! >= 0;
  line.backendQueue = own ? 0 : cells[at + X.AHEAD]!;
  line.serverQueue = own ? cells[at + X.AHEAD]! : 0;
  fillNames(core, at);
  line.text = core.memory;
  line.requestFrom = cells[at + X.LINE_AT]!;
  line.requestTo = line.requestFrom + cells[at + X.LINE_BYTES]!;
  line.hostFrom = cells[at + X.HOST_AT]!;
  line.hostTo = line.hostFrom + cells[at + X.HOST_BYTES]!;
  line.agentFrom = cells[at + X.AGENT_AT]!;
  line.agentTo = line.agentFrom + cells[at + X.AGENT_BYTES]!;
  line.refererFrom = cells[at + X.REFERER_AT]!;
  line.refererTo = line.refererFrom + cells[at + X.REFERER_BYTES]!;
}

function fillNames(core: Core, at: number): void {
  const cells = core.exchanges;
  const slot = cells[at + X.FRONTEND]!;
  const backendSlot = cells[at + X.BACKEND]!;
  const serverSlot = cells[at + X.SERVER]!;
  const board = core.board;
  line.frontend = core.runtime.frontends[slot]!.name;
  line.frontendConnections = board.frontends[slot * FRONTEND.size + FRONTEND.CONNECTIONS]!;
  line.backend = backendSlot < 0 ? NOTHING : core.runtime.backends[backendSlot]!.name;
  line.backendActive =
    backendSlot < 0 ? 0 : board.backends[backendSlot * BACKEND.size + BACKEND.ACTIVE]!;
  const server = serverSlot < 0 ? undefined : core.runtime.servers[serverSlot];
  line.server = server === undefined ? NOTHING : server.name;
  line.serverActive = serverSlot < 0 ? 0 : board.servers[serverSlot * SERVER.size + SERVER.ACTIVE]!;
}
