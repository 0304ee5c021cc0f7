import { fixedRate, fullSpeed } from "../kit/load.ts";
import { freePort, listening } from "../kit/service.ts";
import { type Arena, metered, type Subject, urlOf, type Work } from "./work.ts";

/**
 * Load of each thread, requests a second: with two threads, load and server still fit on two CPUs,
 * so that nobody waits for a processor and none is measured by what the others leave it.
 */
const PER_THREAD = 8000;
const CONNECTIONS = 32;

/** CPU µs a request with so many threads, each under the same load; all share all CPUs. */
async function cpuWith(count: number, { contender }: Subject, arena: Arena) {
  const port = await freePort();
  const service = contender.start({
    scratch: arena.scratch,
    port,
    backendPort: arena.backendPort,
    threads: count,
    cpus: undefined,
  });
  try {
    await listening(port, service);
    const load = {
      url: urlOf({ port }, "/1k"),
      connections: CONNECTIONS * count,
      seconds: arena.seconds,
      cpus: undefined,
    };
    await fullSpeed(load);
    return await metered(service, () =>
      fixedRate({ ...load, perSecond: PER_THREAD * count, scratch: arena.scratch }),
    );
  } finally {
    await service.stop();
  }
}

/**
 * What a second thread costs: 1 means that each of two does as much as one alone with the same CPU.
 */
export const threads: Work = {
  name: "threads",
  title: `Two threads against one, ${PER_THREAD} requests/s a thread, CPUs shared with the load`,
  columns: [
    { key: "linear", title: "of linear", digits: 2 },
    { key: "cpuUsOne", title: "CPU µs/req 1", digits: 2 },
    { key: "cpuUsTwo", title: "CPU µs/req 2", digits: 2 },
    { key: "perSecondOne", title: "req/s 1", digits: 0 },
    { key: "perSecondTwo", title: "req/s 2", digits: 0 },
  ],
  only: ["weir", "haproxy"],
  async measure(subject, arena) {
    const one = await cpuWith(1, subject, arena);
    const two = await cpuWith(2, subject, arena);
    return {
      linear: one.cpuUs / two.cpuUs,
      cpuUsOne: one.cpuUs,
      cpuUsTwo: two.cpuUs,
      perSecondOne: one.perSecond,
      perSecondTwo: two.perSecond,
    };
  },
};
