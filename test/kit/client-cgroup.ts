import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupMount } from "#io/bpf/cgroup.ts";
import type { Owner } from "./owner.ts";
import { until } from "./until.ts";

let made = 0;

/** Why no cgroup of version 2 can be had, for node:test's `skip`; false when one can. */
export const noCgroup = (): string | false =>
  cgroupMount() === undefined ? "no cgroups of version 2 are mounted" : false;

/** A cgroup of a test's own; it is gone when its owner ends, with all processes in it. */
export function createCgroup(owner: Owner): string {
  const path = join(cgroupMount()!, `weir-test-${process.pid}-${++made}`);
  mkdirSync(path);
  owner.after(async () => {
    writeFileSync(join(path, "cgroup.kill"), "1");
    await until("the cgroup is empty", () => {
      try {
        rmdirSync(path);
        return true;
      } catch {
        return false;
      }
    });
  });
  return path;
}

/** What to put before a command that is to run in it: sockets stay where they are made. */
export const inCgroup = (path: string): string[] => [
  ...["sh", "-c", `echo $$ > '${path}/cgroup.procs'; exec "$@"`, "sh"],
];
