import type { Address } from "#base/address.ts";
import { Board, boardBytes } from "#plan/board.ts";
import type { BackendPlan, CheckPlan, Plan, ServerPlan } from "#plan/plan.ts";

/**
 * Plans and Boards for tests of health and discovery: everything has a default, a test says the
 * rest.
 */
const sizes = { workers: 1, frontends: 1, backends: 4, servers: 16, logBytes: 4096 };

export const testBoard = (): Board => new Board(new SharedArrayBuffer(boardBytes(sizes)), sizes);

export const testCheck = (change: Partial<CheckPlan> = {}): CheckPlan => ({
  type: { name: "tcp", options: {} },
  rise: 2,
  fall: 3,
  interMs: 2000,
  fastInterMs: 500,
  downInterMs: 5000,
  timeoutMs: 1000,
  jitter: 0,
  port: undefined,
  via: undefined,
  vip: undefined,
  observeFailures: 0,
  ejectMs: 10_000,
  ...change,
});

export const testServer = (
  name: string,
  slot: number,
  change: Partial<ServerPlan> = {},
): ServerPlan => ({
  name,
  slot,
  address: inet(9000 + slot),
  weight: 1,
  maxConnections: 0,
  minConnections: 0,
  backup: false,
  slowStartMs: 0,
  cookie: name,
  admin: "ready",
  checkAddress: undefined,
  agentPort: undefined,
  ...change,
});

export const inet = (port: number, host = "127.0.0.1"): Address => ({ kind: "inet", host, port });

export const testBackend = (
  servers: readonly ServerPlan[],
  change: Partial<BackendPlan> = {},
): BackendPlan => ({
  name: "web",
  slot: 0,
  mode: "http",
  balance: { name: "roundrobin", options: {} },
  check: undefined,
  agent: undefined,
  servers,
  cookie: undefined,
  timeouts: { connectMs: 1000, serverMs: 1000, queueMs: 1000, tunnelMs: 1000 },
  retries: 3,
  redispatch: true,
  retryOn: ["connect"],
  queueLimit: 1024,
  reuse: "safe",
  idleLimit: 16,
  idleMs: 5000,
  killOnDown: false,
  resolve: { intervalMs: 10_000, holdMs: Number.MAX_SAFE_INTEGER },
  ...change,
});

export const testPlan = (...backends: readonly BackendPlan[]): Plan => ({
  generation: 1,
  engine: {
    threads: 1,
    driver: "auto",
    maxConnections: 100,
    memoryBytes: 1 << 20,
    maxHeadBytes: 16_384,
    maxHeaders: 100,
    maxUriBytes: 8192,
    shutdownDelayMs: 0,
    drainMs: 1000,
    limits: { frontends: 1, backends: 4, servers: 16, services: 1 },
    user: undefined,
  },
  frontends: [],
  backends,
  director: undefined,
  services: [],
  logs: [],
  monitor: { bind: undefined, admin: "" },
});
