import { isDeepStrictEqual } from "node:util";
import type { Cancel, Random, Timers } from "#base/clock.ts";
import { deadline } from "#base/deadline.ts";
import type { CheckPlan } from "#plan/plan.ts";
import type { CheckContext, CheckPath, CheckResult, CheckTarget, CheckType } from "./check.ts";
import { nextIntervalMs, type RiseFall, step, UNKNOWN } from "./rise-fall.ts";

/** One server to be asked again and again. `key` stays the same from Plan to Plan. */
export interface ProbeSpec {
  readonly key: string;
  readonly plan: CheckPlan;
  readonly type: CheckType;
  /** What is known at the start: of an engine before us, or nothing. */
  readonly initial: RiseFall;
  readonly paused: boolean;
  /** Whom to ask now; undefined while the address is not known, and then nobody is asked. */
  readonly target: () => CheckTarget | undefined;
  readonly ended: (ending: CheckEnding) => void;
}

export interface CheckEnding {
  readonly result: CheckResult;
  readonly durationMs: number;
  /** Rise and fall before and after this result. */
  readonly was: RiseFall;
  readonly is: RiseFall;
  /** Results in a row alike, this one included; failures negative. */
  readonly streak: number;
}

export interface RunnerOptions {
  readonly timers: Timers;
  readonly random: Random;
  readonly dial: CheckContext["dial"];
  readonly run: CheckContext["run"];
  readonly ping: CheckContext["ping"];
}

/**
 * A check that keeps neither its promise to end in time nor to fail is ended after twice its time
 * (an event loop that stalled doubles it) and this.
 */
const GRACE_MS = 1000;

interface Probe {
  spec: ProbeSpec;
  machine: RiseFall;
  streak: number;
  paused: boolean;
  /** Cancels the wait for the next check. */
  waiting: Cancel | undefined;
  /** Cancels the check under way. */
  checking: Cancel | undefined;
}

/**
 * Asks each server in its own rhythm: one check at a time, intervals counted from start to start
 * and moved a little at random, so that many servers and many balancers do not fall into step.
 */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #probes = new Map<string, Probe>();

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /**
   * Exactly these are asked from now on. Those known before keep what they found and their rhythm.
   */
  apply(specs: readonly ProbeSpec[]): void {
    const keys = new Set(specs.map((spec) => spec.key));
    for (const [key, probe] of this.#probes) {
      if (keys.has(key)) continue;
      halt(probe);
      this.#probes.delete(key);
    }
    const fresh = specs.filter((spec) => !this.#probes.has(spec.key)).length;
    let started = 0;
    for (const spec of specs) {
      const probe = this.#probes.get(spec.key);
      if (probe) this.#adapt(probe, spec);
      else this.#start(spec, started++ / fresh);
    }
  }

  /** Asks no more until `resume`. */
  pause(key: string): void {
    const probe = this.#probes.get(key);
    if (!probe || probe.paused) return;
    probe.paused = true;
    halt(probe);
  }

  /** Asks again, at once, with everything known before forgotten. */
  resume(key: string): void {
    const probe = this.#probes.get(key);
    if (!probe?.paused) return;
    probe.paused = false;
    probe.streak = 0;
    this.#set(probe, UNKNOWN, 0);
  }

  /** Somebody else knows better: takes his word, and checks it after the fast interval. */
  force(key: string, state: "up" | "down"): void {
    const probe = this.#probes.get(key);
    if (probe) this.#set(probe, { state, against: 0 }, probe.spec.plan.fastInterMs);
  }

  /** Asks now: something about the server changed. */
  hurry(key: string): void {
    const probe = this.#probes.get(key);
    if (probe) this.#set(probe, probe.machine, 0);
  }

  stop(): void {
    this.apply([]);
  }

  #set(probe: Probe, machine: RiseFall, delayMs: number): void {
    probe.machine = machine;
    halt(probe);
    if (!probe.paused) this.#wait(probe, delayMs);
  }

  /** `share` 0 … 1 spreads the first checks over the interval. */
  #start(spec: ProbeSpec, share: number): void {
    const probe: Probe = {
      spec,
      machine: spec.initial,
      streak: 0,
      paused: spec.paused,
      waiting: undefined,
      checking: undefined,
    };
    this.#probes.set(spec.key, probe);
    if (!probe.paused) this.#wait(probe, share * nextIntervalMs(probe.machine, spec.plan));
  }

  #adapt(probe: Probe, spec: ProbeSpec): void {
    const same = isDeepStrictEqual(probe.spec.plan, spec.plan);
    probe.spec = spec;
    if (spec.paused) this.pause(spec.key);
    else if (probe.paused) this.resume(spec.key);
    else if (!same) this.#set(probe, probe.machine, this.#share() * spec.plan.fastInterMs);
  }

  /** 0 … 1 */
  #share(): number {
    return this.#options.random.next() / 0x1_0000_0000;
  }

  #wait(probe: Probe, delayMs: number): void {
    probe.waiting = this.#options.timers.after(delayMs, () => this.#check(probe));
  }

  #waitForNext(probe: Probe, spentMs: number): void {
    const { plan } = probe.spec;
    const spread = 1 + plan.jitter * (2 * this.#share() - 1);
    this.#wait(probe, Math.max(0, nextIntervalMs(probe.machine, plan) * spread - spentMs));
  }

  #check(probe: Probe): void {
    probe.waiting = undefined;
    const { timers, dial, run, ping } = this.#options;
    const { plan, type, target } = probe.spec;
    const asked = target();
    if (!asked) {
      this.#waitForNext(probe, 0);
      return;
    }
    const startedMs = timers.monotonicMs();
    let over = false;
    let cancel: Cancel | undefined;
    const end = (): void => {
      over = true;
      overdue();
      probe.checking = undefined;
    };
    const report = (result: CheckResult): void => {
      if (over) return;
      end();
      this.#ended(probe, result, timers.monotonicMs() - startedMs);
    };
    const overdue = deadline(timers, 2 * plan.timeoutMs + GRACE_MS, () => {
      cancel?.();
      report({ ok: false, code: "L7TOUT", detail: "the check did not end in time" });
    });
    probe.checking = () => {
      end();
      cancel?.();
    };
    const { timeoutMs } = plan;
    const context = { timers, dial: dialBy(asked.path, timers, dial), run, ping, timeoutMs };
    try {
      cancel = type.start(asked, plan.type.options, context, report);
    } catch (error) {
      report({ ok: false, code: "SOCKERR", detail: String(error) });
    }
  }

  #ended(probe: Probe, result: CheckResult, durationMs: number): void {
    const was = probe.machine;
    // A check that could not be made here (no descriptor left) says nothing about the server.
    const counts = result.code !== "SOCKERR";
    if (counts) {
      probe.machine = step(was, probe.spec.plan, result.ok);
      const sign = result.ok ? 1 : -1;
      probe.streak = Math.sign(probe.streak) === sign ? probe.streak + sign : sign;
    }
    this.#waitForNext(probe, durationMs);
    probe.spec.ended({ result, durationMs, was, is: probe.machine, streak: probe.streak });
  }
}

/** Connections of a check that has a way of its own. */
function dialBy(
  path: CheckPath | undefined,
  timers: Timers,
  dial: CheckContext["dial"],
): CheckContext["dial"] {
  if (!path || path === "address") return dial;
  if ("mark" in path) {
    return (address, options, done) => dial(address, { ...options, mark: path.mark }, done);
  }
  const failure = { phase: "connect", timeout: false, local: true, text: path.problem } as const;
  return (_address, _options, done) =>
    timers.after(0, () => done({ failure, end: "failed", bytes: new Uint8Array() }));
}

/** Neither waits nor checks any more. */
function halt(probe: Probe): void {
  probe.waiting?.();
  probe.waiting = undefined;
  probe.checking?.();
}
