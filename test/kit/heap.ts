import { GCProfiler, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
export const collect = runInNewContext("gc") as () => void;

/** Where the machine is busy, the compiler is late. */
const RUNS = 10;

/**
 * Bytes that `run` allocates on the JavaScript heap: what is there afterwards and what was
 * collected meanwhile. The least of some runs counts, because code that is not compiled yet
 * allocates, and the engine itself now and then; less than `bound` bytes need no further run.
 */
export function allocatedBytes(run: () => void, bound: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < RUNS && least >= bound; i++) {
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
