import { bpfRefusal } from "#io/bpf/features.ts";
import { noClang } from "#kit/bpf.ts";
import { noNetns, noProgram } from "#kit/netns.ts";
import { atLeast, atMost, type Check } from "../kit/bench.ts";
import { chosen } from "../kit/chosen.ts";
import { fullSpeed } from "../kit/load.ts";
import { type Figures, type Results, ratio } from "../kit/results.ts";
import { createNet, fromClient, type Net } from "./net.ts";
import { startRivals } from "./rivals.ts";
import { startWebs } from "./servers.ts";
import { type Contest, spentSeconds, TURN_SECONDS, tableOf, takeTurns } from "./turns.ts";
import { answers, direct, router, startWeirWays, type Way } from "./ways.ts";
import type { Work } from "./work.ts";

const CONNECTIONS = 64;

/** Requests as fast as they go, and what the whole machine spent on each. */
async function press(net: Net, way: Way, headers: string[]): Promise<Figures> {
  const before = spentSeconds();
  const url = `http://${way.host}:${way.web}/1k`;
  const load = {
    url,
    connections: CONNECTIONS,
    seconds: TURN_SECONDS,
    cpus: undefined,
    before: fromClient(net),
  };
  const result = await fullSpeed(load, headers);
  return { ...result, cpuUs: ((spentSeconds() - before) / result.requests) * 1e6 };
}

function contestsOf(net: Net): Contest[] {
  const columns = (what: string) => [
    { key: "perSecond", title: `${what}/s`, digits: 0 },
    { key: "cpuUs", title: `CPU µs/${what}`, digits: 1 },
    { key: "ownUs", title: "the balancer's", digits: 1 },
    { key: "p50Ms", title: "p50 ms", digits: 2 },
    { key: "p99Ms", title: "p99 ms", digits: 2 },
    { key: "failed", title: "failed", digits: 0 },
  ];
  return [
    {
      name: "keep",
      title: `1 KiB answers, ${CONNECTIONS} kept connections, full speed`,
      columns: columns("req"),
      measure: (way) => press(net, way, []),
    },
    {
      name: "close",
      title: `1 KiB answers, a new connection for each, ${CONNECTIONS} at a time`,
      columns: columns("conn"),
      measure: (way) => press(net, way, ["Connection: close"]),
    },
  ];
}

/**
 * Clients and servers spend the same whoever is between them: what a balancer spends on a request
 * is what it takes more than without one, in the same round.
 */
function withOwn(results: Record<string, readonly Figures[]>): Record<string, readonly Figures[]> {
  const direct = results["direct"]!;
  const own = (figures: Figures, i: number): Figures => ({
    ...figures,
    ownUs: figures["cpuUs"]! - direct[i]!["cpuUs"]!,
  });
  return Object.fromEntries(Object.entries(results).map(([way, all]) => [way, all.map(own)]));
}

/** What is to be reached: a rate of at least, or CPU a request of at most so much of another's. */
interface Target {
  readonly contests: readonly string[];
  readonly figure: "perSecond" | "ownUs";
  readonly ways: readonly string[];
  readonly of: string;
  readonly least?: number;
  readonly most?: number;
}

const BOTH = ["keep", "close"];
const RATE = "perSecond";
const TARGETS: readonly Target[] = [
  { contests: ["keep"], figure: RATE, ways: ["DR", "NAT", "TUN"], of: "direct", least: 0.8 },
  { contests: ["keep"], figure: RATE, ways: ["NAT"], of: "router", least: 0.8 },
  { contests: BOTH, figure: RATE, ways: ["DR", "NAT"], of: "nftables", least: 1 },
  { contests: BOTH, figure: RATE, ways: ["DR", "NAT"], of: "haproxy", least: 1.5 },
  { contests: BOTH, figure: RATE, ways: ["DR", "NAT"], of: "nginx stream", least: 1.5 },
  { contests: BOTH, figure: "ownUs", ways: ["DR", "NAT"], of: "haproxy", most: 0.6 },
  { contests: BOTH, figure: "ownUs", ways: ["DR", "NAT"], of: "nginx stream", most: 0.6 },
];

function checksOf(results: Results): Check[] {
  const checks: Check[] = [];
  for (const { contests, figure, ways, of, least, most } of TARGETS) {
    for (const contest of contests) {
      for (const way of ways) {
        if (!results[contest]?.[way] || !results[contest][of]) continue;
        const value = ratio(results, contest, figure, way, of);
        const name = `${contest}, ${figure === RATE ? "rate" : "CPU"}: ${way} of ${of}`;
        checks.push(least ? atLeast(name, value, least) : atMost(name, value, most!));
      }
    }
  }
  for (const [contest, byWay] of Object.entries(results)) {
    const ours = ["DR", "NAT", "TUN", "FULLNAT"].flatMap((way) => byWay[way] ?? []);
    const failed = ours.reduce((sum, figures) => sum + figures["failed"]!, 0);
    checks.push(atMost(`${contest}, failed requests`, failed, 0));
  }
  return checks;
}

export const lacksNet = (): string | false => noNetns() || noClang() || (bpfRefusal() ?? false);

/** All ways that were asked for; the direct one always, for it is what others are compared with. */
export function waysOf(all: readonly Way[], only: readonly string[]): Way[] {
  const ways = chosen(all, only);
  return ways.some(({ name }) => name === "direct") ? ways : [all[0]!, ...ways];
}

export const traffic: Work = {
  name: "traffic",
  lacks: () => lacksNet() || noProgram("nginx", "wrk", "curl"),
  async run(owner, options) {
    const net = createNet(owner);
    startWebs(owner, net);
    const ours = await startWeirWays(owner, net);
    const rivals = startRivals(owner, net, options.say);
    const ways = waysOf([direct(net), router(net), ...ours, ...rivals], options.only);
    for (const way of ways) await answers(net, way);
    const results: Record<string, Record<string, readonly Figures[]>> = {};
    const contests = chosen(contestsOf(net), options.only);
    for (const contest of contests) {
      results[contest.name] = withOwn(await takeTurns(contest, ways, options));
    }
    return {
      tables: contests.map((contest) => tableOf(contest, results)),
      checks: checksOf(results),
      data: results,
    };
  },
};
