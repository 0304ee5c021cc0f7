import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Owner } from "#kit/owner.ts";

/*
 * A share of one processor for some processes: a control group with a quota, as version 2 or 1
 * has it.
 */

const V2 = "/sys/fs/cgroup";
const V1 = "/sys/fs/cgroup/cpu";
/** Short, so that answers come in a steady stream; the kernel takes no quota below 1 ms. */
const PERIOD_US = 40_000;

const TRIES = 50;
const TRY_MS = 20;

type Version = 1 | 2;

function version(): Version | undefined {
  const controllers = join(V2, "cgroup.controllers");
  if (existsSync(controllers)) {
    return readFileSync(controllers, "utf8").split(/\s+/).includes("cpu") ? 2 : undefined;
  }
  return existsSync(join(V1, "cpu.cfs_quota_us")) ? 1 : undefined;
}

/** Why no quotas can be given here; false when they can. */
export function noQuota(): string | false {
  const which = version();
  if (which === undefined) return "there is no control group for CPU time (cgroup v2 or v1)";
  const folder = join(which === 2 ? V2 : V1, `weir-bench-${process.pid}`);
  try {
    mkdirSync(folder);
    rmdirSync(folder);
    return false;
  } catch (error) {
    return `control groups cannot be made: ${(error as Error).message}`;
  }
}

let made = 0;

/** Gives processes, and all they start, so much of one processor together, until the owner ends. */
export function limitCpu(owner: Owner, pids: readonly number[], share: number): void {
  const isV2 = version() === 2;
  const root = isV2 ? V2 : V1;
  if (isV2) writeFileSync(join(root, "cgroup.subtree_control"), "+cpu");
  const folder = join(root, `weir-bench-${process.pid}-${++made}`);
  mkdirSync(folder);
  owner.after(() => remove(folder, root));
  const quota = Math.round(share * PERIOD_US);
  if (isV2) {
    writeFileSync(join(folder, "cpu.max"), `${quota} ${PERIOD_US}`);
  } else {
    writeFileSync(join(folder, "cpu.cfs_period_us"), `${PERIOD_US}`);
    writeFileSync(join(folder, "cpu.cfs_quota_us"), `${quota}`);
  }
  for (const pid of pids) writeFileSync(join(folder, "cgroup.procs"), `${pid}`);
}

/** Takes a group away. Processes still in it go back; those that are ending need a moment. */
function remove(folder: string, root: string): void {
  for (let tries = 0; ; tries++) {
    try {
      for (const pid of readFileSync(join(folder, "cgroup.procs"), "utf8").match(/\d+/g) ?? []) {
        writeFileSync(join(root, "cgroup.procs"), pid);
      }
      rmdirSync(folder);
      return;
    } catch (error) {
      if (tries === TRIES) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TRY_MS);
    }
  }
}
