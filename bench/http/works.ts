import { fixedRate, fullSpeed } from "../kit/load.ts";
import { idle } from "./idle.ts";
import { threads } from "./threads.ts";
import { columns, metered, urlOf, type Work } from "./work.ts";

/** 1 KiB answers over so many kept connections, as fast as they go. */
const small = (connections: number): Work => ({
  name: `c${connections}`,
  title: `1 KiB responses, ${connections} connections, full speed`,
  columns: [
    columns.cpuUs,
    columns.perSecond,
    columns.p50,
    columns.p99,
    columns.rss,
    columns.failed,
  ],
  async measure(subject, arena) {
    const result = await metered(subject.service, () =>
      fullSpeed({
        url: urlOf(subject, "/1k"),
        connections,
        seconds: arena.seconds,
        cpus: arena.loadCpus,
      }),
    );
    if (subject.contender.name === "haproxy" && connections === 64) {
      arena.haproxyPerSecond = Math.max(arena.haproxyPerSecond, result.perSecond);
    }
    return { ...result };
  },
});

const rate: Work = {
  name: "rate",
  title: "1 KiB responses, 64 connections, at half of HAProxy's full speed",
  columns: [columns.p99, columns.p50, columns.perSecond, columns.cpuUs, columns.failed],
  async measure(subject, arena) {
    const perSecond = arena.haproxyPerSecond / 2 || 5000;
    return {
      ...(await metered(subject.service, () =>
        fixedRate({
          url: urlOf(subject, "/1k"),
          connections: 64,
          seconds: arena.seconds,
          cpus: arena.loadCpus,
          perSecond,
          scratch: arena.scratch,
        }),
      )),
    };
  },
};

const large: Work = {
  name: "large",
  title: "1 MiB responses, 16 connections, full speed",
  columns: [
    { key: "cpuPerGb", title: "CPU s/GB", digits: 3 },
    { key: "gbPerSecond", title: "GB/s", digits: 2 },
    columns.p99,
    columns.rss,
    columns.failed,
  ],
  async measure(subject, arena) {
    const result = await metered(subject.service, () =>
      fullSpeed({
        url: urlOf(subject, "/1m"),
        connections: 16,
        seconds: arena.seconds,
        cpus: arena.loadCpus,
      }),
    );
    const gigabytes = (result.requests * 2 ** 20) / 1e9;
    return {
      ...result,
      cpuPerGb: result.cpuSeconds / gigabytes,
      gbPerSecond: (result.perSecond * 2 ** 20) / 1e9,
    };
  },
};

const fresh: Work = {
  name: "close",
  title: "1 KiB responses, a new connection for each, 64 at a time",
  columns: [
    { ...columns.cpuUs, title: "CPU µs/conn" },
    { ...columns.perSecond, title: "conn/s" },
    columns.p50,
    columns.p99,
    columns.failed,
  ],
  async measure(subject, arena) {
    const load = {
      url: urlOf(subject, "/1k"),
      connections: 64,
      seconds: arena.seconds,
      cpus: arena.loadCpus,
    };
    return {
      ...(await metered(subject.service, () => fullSpeed(load, ["Connection: close"]))),
    };
  },
};

/** In the order they are done in. */
export const WORKS: readonly Work[] = [small(64), small(512), rate, large, fresh, idle, threads];
