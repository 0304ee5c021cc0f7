import { GCProfiler, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
export const collect = runInNewContext("gc") as () => void;

/**
 * Bytes that `run` allocates on the JavaScript heap: what is there afterwards and what was
 * collected meanwhile. Run the code before until it is compiled. The least of up to three runs
 * counts, because the engine itself allocates now and then; `enough` bytes or fewer need no further
 * run.
 */
export function allocatedBytes(run: () => void, enough = 0): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3 && least > enough; i++) {
    collect();
    const profiler = new GCProfiler();
    profiler.start();
    const before = process.memoryUsage().heapUsed;
    run();
    let bytes = process.memoryUsage().heapUsed - before;
    for (const { beforeGC, afterGC } of profiler.stop()!.statistics) {
      bytes += beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize;
    }
    least = Math.min(least, bytes);
  }
  return least;
}
