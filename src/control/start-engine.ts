import { createRandom, type Timers } from "#base/clock.ts";
import { type CodeName, WeirError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { createDiscovery, type Discovery } from "#discovery/discovery.ts";
import { createHealth, type Health } from "#health/health.ts";
import { askByDatagram } from "#io/datagram.ts";
import { dial } from "#io/dial.ts";
import { signal } from "#io/eventfd.ts";
import { mapShared } from "#io/memory.ts";
import { ping } from "#io/ping.ts";
import { runProgram } from "#io/program.ts";
import { createResolver } from "#io/resolver.ts";
import { randomSeed } from "#io/seed.ts";
import { closeFd, duplicateFd } from "#io/sockets.ts";
import { Board, boardBytes } from "#plan/board.ts";
import { forgetAllWorkers, forgetWorkers } from "#plan/gauges.ts";
import type { Plan } from "#plan/plan.ts";
import type { StartMonitor } from "./api.ts";
import { Configuration, type JudgeFiles } from "./configuration.ts";
import { DirectorPlace } from "./director-place.ts";
import { Engine } from "./engine.ts";
import { EngineListeners } from "./engine-listeners.ts";
import {
  boardLayout,
  loadState,
  type PlanSlots,
  type Running,
  sizesFor,
  slotsOf,
} from "./engine-state.ts";
import { EventHub } from "./events.ts";
import { LogDrain } from "./log-drain.ts";
import { dropPrivileges } from "./privileges.ts";
import type { EngineStart } from "./protocol.ts";
import { watchShortages } from "./shortages.ts";
import type { SpareWorkers } from "./spare-workers.ts";
import { withStableLogs } from "./stable-logs.ts";
import type { SupervisorLink } from "./supervisor-link.ts";
import { Workers } from "./workers.ts";

/** After a start there is better to do at first. */
const WARM_UP_MS = 500;

/** What an engine gets from the process it is. */
export interface EngineWorld {
  readonly link: SupervisorLink;
  readonly timers: Timers;
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly cpus: number;
  readonly threads: SpareWorkers;
  loadMonitor(): Promise<StartMonitor>;
  exit(code: number): void;
}

/** Waits for the supervisor's word, then becomes a serving engine, or says why not and exits. */
export async function startEngine(world: EngineWorld): Promise<void> {
  const start = await world.link.start();
  try {
    await assemble(world, start);
  } catch (error) {
    const code: CodeName = error instanceof WeirError ? error.code : "START_FAILED";
    const text = error instanceof Error ? error.message : String(error);
    world.link.send({ type: "failed", code, text });
    world.exit(1);
  }
}

async function assemble(world: EngineWorld, start: EngineStart): Promise<void> {
  const { link, timers, log } = world;
  const judgeFiles = readerOf(world, start);
  const { running, slots } = await firstConfiguration(start, judgeFiles);
  const { board, boardFd } = await openBoard(link, start, running);
  const listeners = await openListeners(link, running.plan);
  await dropPrivileges(running.plan);

  const events = new EventHub(timers, log);
  const logs = new LogDrain(board, timers, log);
  const { threads } = running.plan.engine;
  const first = start.half * threads;
  for (let row = first; row < first + threads; row++) logs.addRow(row);
  const workers = new Workers(
    {
      timers,
      board,
      boardFd,
      log,
      threads: world.threads,
      duplicate: duplicateFd,
      signal,
      close: closeFd,
      shared: () => listeners.fds(),
      died: (index, why) => engine.workerDied(index, why),
    },
    first,
    threads,
  );
  const director = new DirectorPlace(board, timers, events);
  const { discovery, health } = followServers(timers, board, events, director);
  const changed = (_: Plan, state: Uint8Array): void => {
    link.send({ type: "state", state });
    engine.planChanged();
  };
  const parts = { board, timers, listeners, workers, logs, health, director };
  const configuration = new Configuration(
    { ...parts, discovery, judge: judgeFiles, changed },
    running,
    slots,
    start.alone,
  );
  const engine = new Engine({ ...parts, link, start, configuration, events, exit: world.exit });
  await engine.open(world.loadMonitor);
  watchShortages(board, () => engine.plan(), timers, events);
  // The first reload should find its code as it was when this engine started.
  timers.after(WARM_UP_MS, () => void import("./judge.ts").catch(() => {}));
}

function readerOf({ cwd, env, cpus }: EngineWorld, start: EngineStart): JudgeFiles {
  const { configFiles: files, adminSocket } = start;
  return async (slots, generation, before) => {
    const options = { files, cwd, env, cpus, adminSocket, generation };
    const { judge } = await import("./judge.ts");
    return judge(slots ? { ...options, slots } : options, before);
  };
}

async function openListeners(link: SupervisorLink, plan: Plan): Promise<EngineListeners> {
  const listeners = new EngineListeners(link, closeFd);
  const faults = await listeners.ensure(plan);
  if (faults.length === 0) return listeners;
  const denied = faults.some(({ code }) => code === "EACCES" || code === "EPERM");
  const code = denied ? "NOT_PERMITTED" : "START_FAILED";
  throw new WeirError(code, faults.map((fault) => fault.message).join("\n"));
}

/**
 * What to begin with. After a crash that is what was in force, whatever the files say by now; else
 * the files, and the rows of the Board as the engine before named them.
 */
async function firstConfiguration(
  start: EngineStart,
  read: JudgeFiles,
): Promise<{ running: Running; slots: PlanSlots }> {
  const inherited = start.state && loadState(start.state);
  const before = inherited?.running;
  if (start.role === "recovery" && before && !start.reread) {
    return { running: before, slots: inherited.slots(before.plan.engine.limits) };
  }
  const generation = (before?.plan.generation ?? 0) + 1;
  const fresh = await read(undefined, generation, undefined);
  if (!fresh.plan) throw new WeirError("CONFIG_INVALID", fresh.text.trimEnd());
  let judged = fresh;
  let slots = slotsOf(fresh.plan);
  if (inherited) {
    const known = inherited.slots(fresh.plan.engine.limits);
    const again = await read(known, generation, undefined);
    if (!again.plan) throw new WeirError("CONFIG_INVALID", again.text.trimEnd());
    judged = again;
    slots = known;
  }
  const plan = withStableLogs(judged.plan, slots.logs);
  if (!plan) throw new WeirError("CONFIG_INVALID", "more than 256 different logs");
  const { model, files } = judged;
  return { running: { plan, model, startModel: model, files }, slots };
}

async function openBoard(
  link: SupervisorLink,
  start: EngineStart,
  { plan }: Running,
): Promise<{ board: Board; boardFd: number }> {
  const sizes = sizesFor(plan);
  const bytes = boardBytes(sizes);
  const { fd: boardFd } = await link.board(bytes, boardLayout(sizes));
  const board = new Board(mapShared(boardFd, bytes).buffer, sizes);
  if (start.alone) forgetAllWorkers(board);
  else forgetWorkers(board, start.half * plan.engine.threads, plan.engine.threads);
  return { board, boardFd };
}

/** Where servers are, and who of them is up. */
function followServers(
  timers: Timers,
  board: Board,
  events: EventHub,
  place: DirectorPlace,
): { discovery: Discovery; health: Health } {
  const random = createRandom(randomSeed());
  const discovery = createDiscovery({
    board,
    timers,
    random,
    resolver: createResolver(),
    changed: (slot) => health.addressChanged(slot),
    log: (level, text) => events.tell("server", level, text),
  });
  const health = createHealth({
    board,
    timers,
    random,
    dial: (address, options, done) => dial(timers, address, options, done),
    run: (path, options, done) => runProgram(timers, path, options, done),
    datagram: (address, options, done) => askByDatagram(timers, address, options, done),
    ping: (host, options, done) => ping(timers, host, options, done),
    locate: (address, slot) => discovery.locate(address, slot),
    pathTo: (service, server) =>
      place.director?.pathTo(service, server) ?? { problem: "packets are not directed" },
  });
  return { discovery, health };
}
