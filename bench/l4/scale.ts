import { mkdtempSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Director } from "#director/director.ts";
import { bpfRefusal } from "#io/bpf/features.ts";
import { createLan, type Lan, startNamed } from "#kit/lan.ts";
import { inNetns, noNetns, noProgram, withNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { planFromText } from "#kit/plan.ts";
import { SERVER, WEIGHT_SCALE } from "#plan/board.ts";
import type { Plan } from "#plan/plan.ts";
import { atMost, type BenchOptions } from "../kit/bench.ts";
import { fixedRate, type LoadResult } from "../kit/load.ts";
import { owning } from "../kit/owning.ts";
import { median } from "../kit/statistics.ts";
import { boardOf, fillBoard, touchBackend } from "./filled.ts";
import { right, type Work } from "./work.ts";

const SERVICES = 1000;
const SERVERS = 100;
const SCHEDULERS = ["roundrobin", "maglev"] as const;
/** The server that answers, on a Lan; the first service has no other. */
const REAL = "10.2.0.11:8000";
const CHANGES = 20;
/** Requests a second that are sent meanwhile: enough to see a pause, too few to be in the way. */
const RATE = 500;

/** `network`: the second byte of addresses of servers that are not there. */
function configuration(lan: Lan, balance: string, network: number): string {
  const numbers = [...Array(SERVICES).keys()];
  const services = numbers.map((i) => {
    const bind = i === 0 ? "10.1.0.100:80" : `10.8.${i >> 8}.${i & 255}:80`;
    return `  s${i}: { bind: "${bind}", method: nat, backend: b${i} }`;
  });
  const backends = numbers.map((i) => {
    const others = Array.from(
      { length: SERVERS - 1 },
      (_, k) => `s${k}: "10.${network}.${i % 250}.${k + 1}:${8000 + (i >> 8)}"`,
    );
    // The first one has nobody beside who would take a connection of the client.
    const list = i === 0 ? [`real: "${REAL}"`] : [`a: "10.2.0.12:${1000 + i}"`, ...others];
    return `  b${i}: { balance: ${balance}, check: off, servers: { ${list.join(", ")} } }`;
  });
  return `
engine: { limits: { servers: ${SERVICES * SERVERS}, backends: ${SERVICES}, services: ${SERVICES} } }
director: { interfaces: ${lan.device}, pins: ${lan.pins} }
services:
${services.join("\n")}
backends:
${backends.join("\n")}
`;
}

/** Milliseconds that some work takes by the clock, and of this thread's own time. */
interface Took {
  readonly ms: number;
  readonly cpuMs: number;
}

function time(work: () => void): Took {
  const cpu = process.threadCpuUsage();
  const from = performance.now();
  work();
  const ms = performance.now() - from;
  const { user, system } = process.threadCpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1000 };
}

/** Of one scheduler: how long each kind of change took, and what the client saw meanwhile. */
interface Figures {
  readonly first: Took;
  readonly again: Took;
  readonly all: Took;
  readonly one: Took;
  readonly adopt: Took;
  readonly client: LoadResult;
}

const middleOf = (all: readonly Took[]): Took => ({
  ms: median(all.map(({ ms }) => ms)),
  cpuMs: median(all.map(({ cpuMs }) => cpuMs)),
});

/** Takes a server's weight away, or gives it back, in one backend after another. */
function changeSome(director: Director, plan: Plan, board: ReturnType<typeof boardOf>): Took[] {
  return Array.from({ length: CHANGES }, (_, i) => {
    const backend = plan.backends[1 + ((i * 37) % (SERVICES - 1))]!;
    const { slot } = backend.servers[(i * 7) % SERVERS]!;
    board.servers[slot * SERVER.size + SERVER.EFFECTIVE] = i % 5 === 4 ? WEIGHT_SCALE / 2 : 0;
    touchBackend(board, backend.slot);
    return time(() => director.refresh());
  });
}

async function measure(owner: Owner, balance: string): Promise<Figures> {
  const lan = createLan(owner, "director", 1);
  const scratch = mkdtempSync("/dev/shm/weir-bench-");
  owner.after(() => rmSync(scratch, { recursive: true, force: true }));
  await startNamed(owner, lan.servers[0]!, "real", 8000);
  const plan = planFromText(configuration(lan, balance, 4));
  const board = boardOf(plan);
  const there = <T>(work: () => T): T => withNetns(lan.director, work);
  const apply = (director: Director, to: Plan): Took =>
    there(() => time(() => director.apply(to, to.director!)));
  const open = (): Director => there(() => Director.open(plan, plan.director!, board));

  let director = open();
  try {
    const first = apply(director, plan);
    const again = apply(director, plan);
    const one = middleOf(changeSome(director, plan, board));
    // From here on somebody asks: what is answered late or not at all shows a pause.
    const asked = fixedRate({
      url: "http://10.1.0.100:80/",
      connections: 4,
      seconds: 10,
      cpus: undefined,
      before: inNetns(lan.client),
      perSecond: RATE,
      scratch,
    });
    await sleep(500);
    const other = planFromText(configuration(lan, balance, 5));
    fillBoard(board, other);
    await sleep(500);
    const all = apply(director, other);
    director.close();
    await sleep(200);
    director = open();
    const adopt = apply(director, other);
    return { first, again, all, one, adopt, client: await asked };
  } finally {
    director.close();
  }
}

const KINDS = [
  ["first", "all of it, into empty maps"],
  ["again", "the same once more"],
  ["all", "every server has another address"],
  ["adopt", "by a control that finds the maps"],
  ["one", "one server, median"],
] as const;

function rowsOf(balance: string, figures: Figures): string[][] {
  return KINDS.map(([kind, title]) => {
    const { ms, cpuMs } = figures[kind];
    return [balance, title, ms.toFixed(1), cpuMs.toFixed(1)];
  });
}

export const scale: Work = {
  name: "scale",
  lacks: () => noNetns() || noProgram("h2load") || (bpfRefusal() ?? false),
  async run(_owner, options: BenchOptions) {
    const results: Record<string, Figures> = {};
    for (const balance of options.quick ? SCHEDULERS.slice(0, 1) : SCHEDULERS) {
      results[balance] = await owning((owner) => measure(owner, balance));
      const { all, one } = results[balance];
      options.say(`scale ${balance}: all ${all.ms.toFixed(0)} ms, one ${one.ms.toFixed(1)} ms`);
    }
    const { first, all, adopt, one, client } = results["roundrobin"]!;
    return {
      tables: [
        {
          title: `Changes of ${SERVICES} services with ${SERVERS} servers each`,
          columns: [{ title: "" }, { title: "" }, ...["ms", "CPU ms"].map(right)],
          rows: Object.entries(results).flatMap(([balance, figures]) => rowsOf(balance, figures)),
        },
        {
          title: "One client's requests meanwhile",
          columns: [{ title: "" }, ...["answers", "failed", "longest ms"].map(right)],
          rows: Object.entries(results).map(([balance, { client }]) => [
            balance,
            ...[client.requests, client.failed, client.maxMs].map((n) => n.toFixed(0)),
          ]),
        },
      ],
      checks: [
        atMost("change of one server, ms", one.ms, 5),
        atMost("everything anew, ms", Math.max(first.ms, all.ms, adopt.ms), 2000),
        atMost("requests failed meanwhile", client.failed, 0),
        atMost("longest wait for an answer meanwhile, ms", client.maxMs, 200),
      ],
      data: results,
    };
  },
};
