import { noProgram } from "#kit/netns.ts";
import { atLeast, type Check } from "../kit/bench.ts";
import { type Figures, middle, type Results, ratio } from "../kit/results.ts";
import { runTool } from "../kit/service.ts";
import { createNet, fromClient, type Net, received } from "./net.ts";
import { startRivals } from "./rivals.ts";
import { startBulks, startWebs } from "./servers.ts";
import { lacksNet, waysOf } from "./traffic.ts";
import { type Contest, spentSeconds, TURN_SECONDS, tableOf, takeTurns } from "./turns.ts";
import { answers, direct, startWeirWays, type Way } from "./ways.ts";
import type { Work } from "./work.ts";

/** One connection as fast as it goes, to the server or (`-R`) from it. */
async function transfer(net: Net, way: Way, more: string[]): Promise<Figures> {
  const { director, lan } = net;
  const from = { cpu: spentSeconds(), ...received(director, lan.device) };
  const to = ["-c", way.host, "-p", `${way.bulk}`, "-t", `${TURN_SECONDS}`, ...more];
  const stdout = await runTool([...fromClient(net), "iperf3", "-J", ...to]);
  const { end } = JSON.parse(stdout) as {
    end: { sum_received: { bytes: number; seconds: number } };
  };
  const { bytes, seconds: lasted } = end.sum_received;
  const now = received(director, lan.device);
  return {
    gbPerSecond: bytes / lasted / 1e9,
    cpuPerGb: (spentSeconds() - from.cpu) / (bytes / 1e9),
    packetBytes: (now.bytes - from.bytes) / (now.packets - from.packets),
  };
}

function contestsOf(net: Net): Contest[] {
  const columns = [
    { key: "gbPerSecond", title: "GB/s", digits: 2 },
    { key: "cpuPerGb", title: "CPU s/GB", digits: 2 },
    { key: "packetBytes", title: "bytes a packet into our director", digits: 0 },
  ];
  return [
    {
      name: "upload",
      title: "One connection to the server, full speed",
      columns,
      measure: (way) => transfer(net, way, []),
    },
    {
      name: "download",
      title: "One connection from the server, full speed",
      columns,
      measure: (way) => transfer(net, way, ["-R"]),
    },
  ];
}

/** Packets that came in as many put together, and went out so. */
const LEAST_PACKET = 10_000;

function checksOf(results: Results): Check[] {
  const checks: Check[] = [];
  for (const contest of ["upload", "download"]) {
    for (const way of ["DR", "NAT", "TUN"]) {
      if (!results[contest]?.[way]) continue;
      const value = ratio(results, contest, "gbPerSecond", way, "direct");
      checks.push(atLeast(`${contest}, rate: ${way} of direct`, value, 0.9));
      // What is downloaded by the others goes past the director.
      if (contest === "download" && way !== "NAT") continue;
      const bytes = middle(results, contest, "packetBytes", way);
      checks.push(atLeast(`${contest}, ${way}: bytes a packet`, bytes, LEAST_PACKET));
    }
  }
  return checks;
}

export const bulk: Work = {
  name: "bulk",
  lacks: () => lacksNet() || noProgram("iperf3", "nginx", "curl"),
  async run(owner, options) {
    const net = createNet(owner);
    startWebs(owner, net);
    startBulks(owner, net);
    const ours = (await startWeirWays(owner, net)).filter(({ bulk }) => bulk !== 0);
    const rivals = startRivals(owner, net, options.say);
    const ways = waysOf([direct(net), ...ours, ...rivals], options.only);
    for (const way of ways) await answers(net, way);
    const results: Record<string, Record<string, readonly Figures[]>> = {};
    const contests = contestsOf(net);
    for (const contest of contests) {
      results[contest.name] = await takeTurns(contest, ways, options);
    }
    return {
      tables: contests.map((contest) => tableOf(contest, results)),
      checks: checksOf(results),
      data: results,
    };
  },
};
