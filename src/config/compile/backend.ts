import type { Address } from "#base/address.ts";
import type { BackendPlan, CheckPlan, CookiePlan, ServerPlan } from "#plan/plan.ts";
import type { Backend } from "../model/backend.ts";
import { agentType, type Check, type Pace } from "../model/check.ts";
import type { Cookie } from "../model/cookie.ts";
import type { Server } from "../model/server.ts";
import { planTunnel } from "./director.ts";

/** Longest a check may take that says nothing of it. */
const MAX_CHECK_MS = 10_000;

/** `slot` is the backend's; `serverSlot` gives those of its servers. */
export function planBackend(
  name: string,
  from: Backend,
  slot: number,
  serverSlot: (server: string) => number,
): BackendPlan {
  const { timeouts, balance } = from;
  return {
    name,
    slot,
    mode: from.mode,
    balance: { name: balance.name, options: balance.options },
    check: from.check ? planCheck(from.check) : undefined,
    agent: from.agent ? planAgent(from.agent) : undefined,
    servers: [...from.servers].map(([key, server]) => planServer(key, server, serverSlot(key))),
    cookie: from.cookie ? planCookie(from.cookie) : undefined,
    timeouts: {
      connectMs: timeouts.connect,
      serverMs: timeouts.server,
      queueMs: timeouts.queue ?? timeouts.connect,
      tunnelMs: timeouts.tunnel,
    },
    retries: from.retries,
    redispatch: from.redispatch,
    retryOn: from.retryOn,
    queueLimit: from.queue.limit,
    reuse: from.reuse,
    idleLimit: from.idle.limit,
    idleMs: from.idle.timeout,
    killOnDown: from.killOnDown,
    allBackups: from.allBackups,
    resolve: {
      intervalMs: from.resolve.interval,
      holdMs: from.resolve.hold ?? Number.MAX_SAFE_INTEGER,
    },
  };
}

function planPace(pace: Pace) {
  return {
    rise: pace.rise,
    fall: pace.fall,
    interMs: pace.interval,
    fastInterMs: pace.fastInterval ?? pace.interval,
    downInterMs: pace.downInterval ?? pace.interval,
    timeoutMs: pace.timeout ?? Math.min(pace.interval, MAX_CHECK_MS),
    jitter: pace.jitter,
  };
}

function planCheck({ name, options, beside }: Check): CheckPlan {
  return {
    type: { name, options },
    ...planPace(beside),
    port: beside.port,
    via: beside.via,
    vip: beside.vip,
    observeFailures: beside.observe,
    ejectMs: beside.eject,
  };
}

function planAgent(agent: NonNullable<Backend["agent"]>): CheckPlan {
  const values = agent as Readonly<Record<string, unknown>>;
  const options = Object.keys(agentType.options).map((key) => [key, values[key]]);
  return {
    type: { name: agentType.name, options: Object.fromEntries(options) },
    ...planPace(agent),
    port: agent.port,
    via: undefined,
    vip: undefined,
    observeFailures: 0,
    ejectMs: 0,
  };
}

function planServer(name: string, from: Server, slot: number): ServerPlan {
  return {
    name,
    slot,
    address: from.address,
    weight: from.weight,
    maxConnections: from.maxConnections,
    minConnections: lowerThreshold(from),
    backup: from.backup,
    slowStartMs: from.slowStart,
    cookie: from.cookie ?? name,
    admin: from.state,
    checkAddress: checkAddress(from),
    agentPort: from.agent,
    method: from.method,
    tunnel: from.tunnel && planTunnel(from.tunnel),
  };
}

/** As IPVS has it: overload ends below three quarters of the limit where nothing else is said. */
const lowerThreshold = ({ maxConnections, minConnections }: Server): number =>
  maxConnections === 0 ? 0 : (minConnections ?? Math.ceil((maxConnections * 3) / 4));

/** Where a server is checked, when that is not its own address and the backend's port. */
function checkAddress({ address, check }: Server): Address | undefined {
  if (!check?.address && check?.port === undefined) return undefined;
  const at = check.address ?? address;
  if (at.kind !== "inet" && at.kind !== "name") return at;
  const own = "port" in address ? address.port : 0;
  return { ...at, port: check.port ?? (at.port || own) };
}

function planCookie(from: Cookie): CookiePlan {
  return {
    name: from.name,
    mode: from.mode,
    indirect: from.indirect && from.mode === "insert",
    nocache: from.nocache,
    httpOnly: from.httpOnly,
    secure: from.secure,
    sameSite: from.sameSite,
    path: from.path,
    domain: from.domain,
    maxAgeMs: from.maxAge,
  };
}
