import { mkdtempSync, rmSync } from "node:fs";
import { bpfRefusal } from "#io/bpf/features.ts";
import { createLan, type Lan, VIP } from "#kit/lan.ts";
import { inNetns, noNetns, noProgram } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { until } from "#kit/until.ts";
import { startWeir, type Weir } from "#kit/weir.ts";
import { atLeast, atMost } from "../kit/bench.ts";
import { fullSpeed } from "../kit/load.ts";
import { median } from "../kit/statistics.ts";
import { limitCpu, noQuota } from "./quota.ts";
import { startWeb, WEB } from "./servers.ts";
import { right, type Work } from "./work.ts";

const COUNTS = [1, 2, 4, 8];
/** Of one processor for each server: all of them together leave most of the machine to the rest. */
const SHARE = 0.025;
const CONNECTIONS_EACH = 16;

const configuration = (lan: Lan, count: number): string => `
director: { interfaces: ${lan.device}, pins: ${lan.pins} }
services: { web: { bind: "${VIP[4]}:80", method: nat, backend: app } }
backends:
  app:
    balance: rr
    check: off
    servers: { ${Array.from({ length: count }, (_, i) => `s${i}: "10.2.0.${11 + i}:${WEB[0]}"`)} }
`;

/** A director with so many slow servers. */
async function startPlace(owner: Owner): Promise<{ lan: Lan; weir: Weir }> {
  const lan = createLan(owner, "director", COUNTS.at(-1));
  const scratch = mkdtempSync("/dev/shm/weir-bench-");
  owner.after(() => rmSync(scratch, { recursive: true, force: true }));
  for (const netns of lan.servers) {
    const service = startWeb(owner, scratch, netns);
    await until("nginx has its worker", () => service.tree().length > 1);
    limitCpu(owner, service.tree(), SHARE);
  }
  const weir = await startWeir(owner, () => configuration(lan, 1), {
    netns: lan.director,
    ports: [],
  });
  return { lan, weir };
}

export const capacity: Work = {
  name: "capacity",
  lacks: () => noNetns() || noProgram("nginx", "wrk") || noQuota() || (bpfRefusal() ?? false),
  async run(owner, options) {
    const { lan, weir } = await startPlace(owner);
    const rates: number[][] = [];
    let failed = 0;
    for (let round = options.quick ? 0 : -1; round < options.rounds; round++) {
      const row: number[] = [];
      for (const count of COUNTS) {
        weir.configure(configuration(lan, count));
        const { code, err } = await weir.cli("reload");
        if (code !== 0) throw new Error(err);
        const result = await fullSpeed({
          url: `http://${VIP[4]}/1k`,
          connections: CONNECTIONS_EACH * count,
          seconds: options.quick ? 1 : 3,
          cpus: undefined,
          before: inNetns(lan.client),
        });
        row.push(result.perSecond);
        failed += result.failed;
      }
      if (round < 0) continue;
      rates.push(row);
      const said = row.map((rate, i) => `${COUNTS[i]}: ${rate.toFixed(0)}`).join(", ");
      options.say(`round ${round + 1} capacity, requests/s by servers: ${said}`);
    }
    const linear = COUNTS.map((count, i) =>
      median(rates.map((row) => row[i]! / (row[0]! * count))),
    );
    return {
      tables: [
        {
          title: `Servers with ${SHARE * 100} % of a processor each, NAT`,
          columns: [right("servers"), right("req/s"), right("of linear")],
          rows: COUNTS.map((count, i) => [
            `${count}`,
            median(rates.map((row) => row[i]!)).toFixed(0),
            linear[i]!.toFixed(3),
          ]),
        },
      ],
      checks: [
        ...COUNTS.slice(1).map((count, i) =>
          atLeast(`${count} servers, rate of linear`, linear[i + 1]!, 0.95),
        ),
        atMost("capacity, failed requests", failed, 0),
      ],
      data: { counts: COUNTS, rates },
    };
  },
};
