import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Owner } from "#kit/owner.ts";
import { killNow } from "#kit/processes.ts";
import { startWorld, type World } from "./world.ts";

/** One fault, what is measured when it happens, and how much of it there may be. */
export interface Fault {
  readonly name: string;
  readonly title: string;
  /** What is measured: milliseconds or requests. */
  readonly unit: "ms" | "requests";
  /** The target; none where the figure is there to compare others with. */
  readonly most?: number;
  /**
   * Measures it once, on a program of its own: what dies again and again is started again later
   * and later. Everything started ends with the owner.
   */
  measure(owner: Owner): Promise<number>;
}

/** Good answers waited for before and behind a fault: then all connections are at work. */
const ANSWERS = 2000;
/** So long a gap is looked for: what takes the place of the dead costs time too when it starts. */
const WATCH_MS = 1000;

/** Longest time without any good answer around a fault. */
async function gap(world: World, harm: () => Promise<void>): Promise<number> {
  const pressure = world.press();
  await pressure.more(ANSWERS);
  pressure.mark();
  await harm();
  await pressure.more(ANSWERS);
  await sleep(WATCH_MS);
  const { gapMs } = pressure;
  await pressure.stop();
  return gapMs;
}

const none: Fault = {
  name: "none",
  title: "no fault: longest time without an answer",
  unit: "ms",
  async measure(owner) {
    return gap(await startWorld(owner, "ab"), async () => {});
  },
};

const engine: Fault = {
  name: "engine",
  title: "engine killed: until the next answer",
  unit: "ms",
  most: 1000,
  async measure(owner) {
    const world = await startWorld(owner, "ab");
    const pid = await world.weir.enginePid();
    return gap(world, () => killNow(pid));
  },
};

const worker: Fault = {
  name: "worker",
  title: "one of two workers dies: longest time without an answer",
  unit: "ms",
  most: 50,
  async measure(owner) {
    const crash = join("/tmp", `weir-bench-faults-${process.pid}`);
    const crashing = new URL("../../test/kit/crashing-worker.ts", import.meta.url).href;
    const world = await startWorld(owner, "ab", { WEIR_WORKER: crashing, WEIR_TEST_CRASH: crash });
    return gap(world, () => {
      writeFileSync(crash, "");
      return world.weir.said(/Worker \d died/);
    });
  },
};

const stopped: Fault = {
  name: "stopped",
  title: "server stopped (SIGSTOP): until it counts as down",
  unit: "ms",
  most: 2000,
  async measure(owner) {
    const world = await startWorld(owner, "ab");
    const beganMs = performance.now();
    world.servers[0]!.freeze();
    await world.states("it is down", "down", "up");
    return performance.now() - beganMs;
  },
};

const back: Fault = {
  name: "back",
  title: "all servers down: from one's return to an answer",
  unit: "ms",
  most: 600,
  async measure(owner) {
    const world = await startWorld(owner, "ab");
    await Promise.all(world.servers.map((server) => server.kill()));
    await world.states("all are down", "down");
    const pressure = world.press();
    await world.servers[1]!.start();
    const beganMs = performance.now();
    await pressure.more(1);
    const servedMs = performance.now() - beganMs;
    await pressure.stop();
    return servedMs;
  },
};

const killed: Fault = {
  name: "killed",
  title: "server killed: requests begun afterwards and lost",
  unit: "requests",
  most: 0,
  async measure(owner) {
    const world = await startWorld(owner, "abc");
    const pressure = world.press();
    await pressure.more(ANSWERS);
    await world.servers[0]!.kill();
    const deadMs = performance.now();
    await world.states("it is down", "down", "up", "up");
    await pressure.more(ANSWERS);
    const { failures } = await pressure.stop();
    return failures.filter(({ beganMs }) => beganMs > deadMs).length;
  },
};

export const FAULTS: readonly Fault[] = [none, engine, worker, stopped, back, killed];
