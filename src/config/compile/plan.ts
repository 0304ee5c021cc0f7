import type { EnginePlan, FrontendPlan, Plan } from "#plan/plan.ts";
import { Slots } from "#plan/slots.ts";
import type { Model } from "../model/document.ts";
import type { Engine } from "../model/engine.ts";
import { planBackend } from "./backend.ts";
import { planDirector, planService } from "./director.ts";
import { createLogs, planFrontend } from "./frontend.ts";

/** Rows of the Board by name; servers are `backend/server`. */
export interface BoardSlots {
  readonly frontends: Slots;
  readonly backends: Slots;
  readonly servers: Slots;
  readonly services: Slots;
}

export const createSlots = (limits: Engine["limits"]): BoardSlots => ({
  frontends: new Slots(limits.frontends),
  backends: new Slots(limits.backends),
  servers: new Slots(limits.servers),
  services: new Slots(limits.services),
});

/** Where a Plan is to run. */
export interface Ground {
  readonly generation: number;
  /** Workers of `threads: auto`. */
  readonly cpus: number;
  /** The commands' socket when the configuration names none. */
  readonly adminSocket: string;
}

const keysOf = ({ frontends, backends, services }: Model): Record<keyof BoardSlots, string[]> => ({
  frontends: [...frontends.keys()],
  backends: [...backends.keys()],
  servers: [...backends].flatMap(([name, backend]) =>
    [...backend.servers.keys()].map((server) => `${name}/${server}`),
  ),
  services: [...services.keys()],
});

/** Tables in which a faultless model does not find the rows it needs; nothing is assigned. */
export function tablesWithoutRoom(model: Model, slots: BoardSlots): (keyof BoardSlots)[] {
  const keys = keysOf(model);
  const tables = Object.keys(keys) as (keyof BoardSlots)[];
  return tables.filter((table) => !slots[table].fits(keys[table]));
}

/** The Plan of a faultless model. Assigns the slots, which must have room. */
export function planOf(
  model: Model,
  pages: ReadonlyMap<string, FrontendPlan["errorPages"]>,
  slots: BoardSlots,
  ground: Ground,
): Plan {
  const keys = keysOf(model);
  for (const table of Object.keys(keys) as (keyof BoardSlots)[]) slots[table].assign(keys[table]);
  const { logs, index } = createLogs();
  return {
    generation: ground.generation,
    engine: planEngine(model.engine, ground),
    frontends: [...model.frontends].map(([name, frontend]) =>
      planFrontend(name, frontend, {
        slot: slots.frontends.get(name)!,
        maxConnections: model.engine.maxConnections,
        backend: (backend) => keys.backends.indexOf(backend),
        log: index,
        errorPages: pages.get(name)!,
      }),
    ),
    backends: [...model.backends].map(([name, backend]) =>
      planBackend(
        name,
        backend,
        slots.backends.get(name)!,
        (server) => slots.servers.get(`${name}/${server}`)!,
      ),
    ),
    director: model.services.size > 0 ? planDirector(model.director) : undefined,
    services: [...model.services].map(([name, service]) =>
      planService(name, service, {
        slot: slots.services.get(name)!,
        backend: keys.backends.indexOf(service.backend),
      }),
    ),
    logs,
    monitor: {
      bind: model.monitor.bind ?? undefined,
      admin: ground.adminSocket,
    },
  };
}

function planEngine(engine: Engine, { cpus }: Ground): EnginePlan {
  return {
    threads: engine.threads === 0 ? Math.max(1, Math.min(cpus, 64)) : engine.threads,
    driver: engine.driver,
    maxConnections: engine.maxConnections,
    memoryBytes: engine.memory,
    maxHeadBytes: engine.maxHead,
    maxHeaders: engine.maxHeaders,
    maxUriBytes: engine.maxUri,
    shutdownDelayMs: engine.shutdownDelay,
    drainMs: engine.drain,
    limits: engine.limits,
    user: engine.user,
  };
}
