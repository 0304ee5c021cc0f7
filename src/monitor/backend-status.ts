import { formatAddress } from "#base/address.ts";
import type { ControlApi } from "#control/api.ts";
import { BACKEND, type Board, SERVER, WEIGHT_SCALE } from "#plan/board.ts";
import { CHECK_RESULT_WORDS } from "#plan/check-result.ts";
import type { BackendPlan, ServerPlan } from "#plan/plan.ts";
import { answersDocument, NO_LATENCY } from "./answers.ts";
import type { BackendDocument, ServerDocument, ServerWord } from "./document.ts";
import { type Sampler, share } from "./sampler.ts";

type BackendSnapshot = ReturnType<ControlApi["health"]>[number];
type ServerSnapshot = BackendSnapshot["servers"][number];

export function backendDocument(
  board: Board,
  sampler: Sampler,
  plan: BackendPlan,
  health: BackendSnapshot | undefined,
): BackendDocument {
  const meter = sampler.backend(plan.name);
  const row = plan.slot * BACKEND.size;
  const snapshots = new Map(health?.servers.map((server) => [server.name, server]));
  return {
    name: plan.name,
    balance: plan.balance.name,
    usable: board.backends[row + BACKEND.USABLE]!,
    active: board.backends[row + BACKEND.ACTIVE]!,
    queued: board.backends[row + BACKEND.QUEUED]!,
    queueLimit: plan.queueLimit,
    retries: meter?.total("RETRIES") ?? 0,
    redispatches: meter?.total("REDISPATCHES") ?? 0,
    connectErrors: meter?.total("CONNECT_ERRORS") ?? 0,
    responseErrors: meter?.total("RESPONSE_ERRORS") ?? 0,
    latency: meter?.latency.minute() ?? NO_LATENCY,
    ...answersDocument(meter),
    servers: plan.servers.map((server) =>
      serverDocument(board, sampler, plan, server, snapshots.get(server.name)),
    ),
  };
}

function serverDocument(
  board: Board,
  sampler: Sampler,
  backend: BackendPlan,
  plan: ServerPlan,
  snapshot: ServerSnapshot | undefined,
): ServerDocument {
  const meter = sampler.server(backend.name, plan.name);
  const cell = (column: number): number => board.servers[plan.slot * SERVER.size + column]!;
  const configured = formatAddress(plan.address);
  return {
    name: plan.name,
    address: snapshot?.address ?? configured,
    backup: plan.backup,
    state: wordOf(snapshot),
    admin: snapshot?.admin ?? plan.admin,
    health: snapshot?.health ?? "unknown",
    weight: cell(SERVER.WEIGHT),
    effectiveWeight: cell(SERVER.EFFECTIVE) / WEIGHT_SCALE,
    active: cell(SERVER.ACTIVE),
    queued: cell(SERVER.QUEUED),
    idle: cell(SERVER.IDLE),
    maxConnections: cell(SERVER.MAX_CONNECTIONS),
    responseMs: meter
      ? share(meter.rate("RESPONSE_MS").current, meter.rate("REQUESTS").current)
      : null,
    connectErrors: meter?.total("CONNECT_ERRORS") ?? 0,
    responseErrors: meter?.total("RESPONSE_ERRORS") ?? 0,
    retries: meter?.total("RETRIES") ?? 0,
    check: checkDocument(backend, snapshot?.check),
    reason: snapshot?.reason ?? "",
    healthMs: snapshot?.healthMs ?? 0,
    downs: snapshot?.downs ?? 0,
    downMs: snapshot?.downMs ?? 0,
    ...answersDocument(meter),
  };
}

/**
 * What matters most about a server, in one word: what an operator wants comes before what checks
 * saw.
 */
function wordOf(snapshot: ServerSnapshot | undefined): ServerWord {
  if (!snapshot) return "unknown";
  if (snapshot.admin === "maint") return "maint";
  if (snapshot.health === "down") return "down";
  if (snapshot.admin === "drain") return "drain";
  if (snapshot.warmth < 1) return "warming";
  return snapshot.health;
}

function checkDocument(
  backend: BackendPlan,
  check: ServerSnapshot["check"],
): ServerDocument["check"] {
  if (!check) {
    const text = backend.check ? CHECK_RESULT_WORDS.UNK : "no check is configured";
    return { ok: null, code: "UNK", text, durationMs: 0, streak: 0 };
  }
  const { ok, code, detail, durationMs, streak } = check;
  const times = Math.abs(streak);
  const text = `${detail || CHECK_RESULT_WORDS[code]} in ${Math.round(durationMs)} ms`;
  return { ok, code, text: ok ? text : `${text}, ${times} in a row`, durationMs, streak };
}
