import { formatAddress } from "#base/address.ts";
import type { ControlApi, WorkerStatus } from "#control/api.ts";
import { FRONTEND, GLOBAL, PROCESS_TOTALS, WORKER } from "#plan/board.ts";
import type { FrontendPlan } from "#plan/plan.ts";
import { answersDocument, NO_LATENCY } from "./answers.ts";
import { backendDocument } from "./backend-status.ts";
import { directorDocument } from "./director-status.ts";
import type {
  EngineDocument,
  FrontendDocument,
  StatusDocument,
  TrafficDocument,
  WorkerDocument,
} from "./document.ts";
import { type Sampler, share } from "./sampler.ts";

/** Everything there is to say now, as one plain document. */
export function statusDocument(api: ControlApi, sampler: Sampler): StatusDocument {
  const plan = api.plan();
  const health = new Map(api.health().map((backend) => [backend.name, backend]));
  return {
    version: api.status().version,
    at: api.timers.wallMs(),
    engine: engineDocument(api),
    workers: api.status().workers.map((worker) => workerDocument(api, worker)),
    traffic: trafficDocument(sampler),
    frontends: plan.frontends.map((frontend) => frontendDocument(api, sampler, frontend)),
    backends: plan.backends.map((backend) =>
      backendDocument(api.board, sampler, backend, health.get(backend.name)),
    ),
    director: directorDocument(api),
  };
}

function engineDocument(api: ControlApi): EngineDocument {
  const status = api.status();
  const { lastReload } = status;
  return {
    state: status.state,
    pid: status.enginePid,
    supervisorPid: status.supervisorPid,
    startedAt: status.startedAt,
    uptimeMs: api.timers.wallMs() - status.supervisorStartedAt,
    generation: status.generation,
    configFiles: status.configFiles,
    reload: {
      ok: lastReload?.ok ?? true,
      at: lastReload?.at ?? null,
      message: lastReload?.message ?? "not reloaded yet",
      faults: lastReload?.faults.length ?? 0,
      done: api.board.global[GLOBAL.RELOADS]!,
      refused: api.board.global[GLOBAL.RELOADS_REFUSED]!,
    },
  };
}

function workerDocument(api: ControlApi, worker: WorkerStatus): WorkerDocument {
  const { workers, totals } = api.board;
  const row = worker.index * WORKER.size;
  return {
    ...worker,
    beat: workers[row + WORKER.BEAT]!,
    connections: workers[row + WORKER.CONNECTIONS]!,
    upstreams: workers[row + WORKER.UPSTREAMS]!,
    requests: workers[row + WORKER.REQUESTS]!,
    logDropped: totals[worker.index]?.process[PROCESS_TOTALS.LOG_DROPPED] ?? 0,
  };
}

function trafficDocument(sampler: Sampler): TrafficDocument {
  const { whole } = sampler;
  const requests = whole.rate("REQUESTS");
  const errors = whole.rate("STATUS_5XX");
  return {
    requestsPerSecond: requests.current,
    requestsPerSecondMinute: requests.minute,
    requestsPerSecondPeak: requests.peak,
    connectionsPerSecond: whole.rate("CONNECTIONS").current,
    inFlight: sampler.inFlight,
    connections: sampler.connections,
    bytesInPerSecond: whole.rate("BYTES_IN").current,
    bytesOutPerSecond: whole.rate("BYTES_OUT").current,
    errorShare: share(errors.current, requests.current),
    errorShareMinute: share(errors.minute, requests.minute),
    requests: whole.total("REQUESTS"),
    latency: sampler.latency.second(),
    latencyMinute: sampler.latency.minute(),
  };
}

function frontendDocument(api: ControlApi, sampler: Sampler, plan: FrontendPlan): FrontendDocument {
  const meter = sampler.frontend(plan.name);
  const row = plan.slot * FRONTEND.size;
  const cells = api.board.frontends;
  return {
    name: plan.name,
    state: cells[row + FRONTEND.STATE] === 0 ? "open" : "paused",
    binds: plan.binds.map((bind) => formatAddress(bind.address)),
    connections: cells[row + FRONTEND.CONNECTIONS]!,
    maxConnections: cells[row + FRONTEND.MAX_CONNECTIONS]!,
    connectionsTotal: meter?.total("CONNECTIONS") ?? 0,
    connectionsPerSecond: meter?.rate("CONNECTIONS").current ?? 0,
    refused: meter?.total("REFUSED") ?? 0,
    denied: meter?.total("DENIED") ?? 0,
    malformed: meter?.total("MALFORMED") ?? 0,
    timeouts: meter?.total("TIMEOUTS") ?? 0,
    aborts: meter?.total("ABORTS") ?? 0,
    latency: meter?.latency.minute() ?? NO_LATENCY,
    ...answersDocument(meter),
  };
}
