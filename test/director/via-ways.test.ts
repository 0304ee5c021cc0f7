import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { addFilter } from "#kit/filters.ts";
import { createLan, type Family, VIP } from "#kit/lan.ts";
import {
  configurationOf,
  SERVER_PORT,
  startDirector,
  startServers,
  type Way,
} from "#kit/lan-services.ts";
import { noNetns, noProgram, runInNetns, runProgram } from "#kit/netns.ts";
import { until } from "#kit/until.ts";
import { allUp, answering, checkBy, loseAndRegain, nodesOf } from "#kit/via.ts";

/*
 * Checks by the way of packets where that is not the way of a connection to an address: tunnels of
 * the other family, services of UDP, services by mark.
 */

const DR: Way = { method: "dr", port: SERVER_PORT };
const TUN: Way = { method: "tun", port: SERVER_PORT };
const FROM = ["--from", "10.2.0.1", "--from", "fd02::1"];
const MARK = 7;
const TCP = 6;

describe("checks by ways of packets", {
  skip: noNetns() || noBpf() || noProgram("ethtool"),
}, () => {
  const crossing: readonly (readonly [check: string, tunnel: string, outer: Family])[] = [
    ["http", "ipip", 4],
    ["http", "gue", 6],
    ["tcp", "gre", 4],
    ["tcp", "ipip", 6],
    ["icmp", "gue", 4],
    ["icmp", "gre", 6],
    ["udp", "gre", 4],
    ["udp", "ipip", 6],
  ];
  for (const [check, type, outer] of crossing) {
    test(`tun, ${type} over IPv${outer}, ${check}: services of both families`, async (t) => {
      const lan = createLan(t, "director");
      const nodes = nodesOf(t, lan, "tun", "--type", type, ...FROM);
      await startServers(t, lan);
      const wanted = { check: checkBy(check), service: `, tunnel: { type: ${type} }`, outer };
      const weir = await startDirector(t, lan, configurationOf(lan, TUN, wanted));
      await allUp(weir);
      await loseAndRegain(lan, weir, nodes[1]!);
    });
  }

  test("tun of the other family where nobody leaves sums to a card", async (t) => {
    const lan = createLan(t, "director");
    for (const netns of [lan.director, ...lan.servers]) {
      runInNetns(netns, "ethtool", "-K", lan.device, "tx", "off");
    }
    const nodes = nodesOf(t, lan, "tun", "--type", "gue", ...FROM);
    await startServers(t, lan);
    for (const [check, outer] of [
      ["http", 4],
      ["udp", 6],
      ["icmp", 4],
    ] as const) {
      const wanted = { check: checkBy(check), service: ", tunnel: { type: gue }", outer };
      const weir = await startDirector(t, lan, configurationOf(lan, TUN, wanted));
      await allUp(weir);
      await loseAndRegain(lan, weir, nodes[1]!);
      await weir.stop();
    }
  });

  test("tun of the other family: an address that checks come from is looked for again and again", async (t) => {
    const lan = createLan(t, "director");
    nodesOf(t, lan, "tun", "--type", "ipip", ...FROM);
    await startServers(t, lan);
    const wanted = {
      check: checkBy("http"),
      service: ", tunnel: { type: ipip }",
      outer: 6,
    } as const;
    const weir = await startDirector(t, lan, configurationOf(lan, TUN, wanted));
    await allUp(weir);
    const last = (what: RegExp): Promise<void> =>
      until(`the last check says ${what}`, async () => {
        const { out } = await weir.cli("server", "list", "v4");
        return [...out.matchAll(/^v4\/.*$/gm)].every(
          ([row]) => what.test(row) && row.includes("up"),
        );
      });
    const address = (...words: string[]): string =>
      runProgram("ip", "-n", lan.director, "address", ...words, "dev", lan.device);
    await last(/status 200/);
    for (const own of ["10.1.0.1/24", "10.2.0.1/24"]) address("del", own);
    await last(/no IPv4 address that a check could come from/);
    address("add", "10.2.0.7/24");
    await last(/status 200/);
  });

  for (const check of ["udp", "icmp", "tcp"]) {
    test(`dr, UDP alone, ${check}`, async (t) => {
      const lan = createLan(t, "director");
      const nodes = nodesOf(t, lan, "dr");
      await startServers(t, lan);
      const wanted = { check: checkBy(check), protocol: "udp" };
      const weir = await startDirector(t, lan, configurationOf(lan, DR, wanted));
      await allUp(weir);
      await loseAndRegain(lan, weir, nodes[1]!, "udp");
    });
  }

  for (const way of [DR, TUN]) {
    test(`${way.method}, by mark: the check says which address`, async (t) => {
      const lan = createLan(t, "director");
      const nodes = nodesOf(t, lan, way.method as "dr" | "tun", ...(way === TUN ? FROM : []));
      await startServers(t, lan);
      const check = checkBy("http").replace("via: v", `vip: ${VIP[4]}, via: v`);
      const text = configurationOf(lan, way, { check })
        .replace(`bind: "${VIP[4]}:${SERVER_PORT}"`, `mark: ${MARK}`)
        .replace(/^ {2}v6: .*$/gm, "");
      const weir = await startDirector(t, lan, text);
      addFilter(t, {
        ...{ netns: lan.director, device: lan.device, side: "ingress", at: 1 },
        ...{ protocol: TCP, destination: VIP[4], ports: [SERVER_PORT], verdict: { mark: MARK } },
      });
      await allUp(weir);
      await answering(lan, 4, ["a", "b", "c"]);
      nodes[1]!.leave();
      await weir.said(/Server v4\/b is DOWN: .*no connection in time/);
      await answering(lan, 4, ["a", "c"]);
      nodes[1]!.join();
      await weir.said(/Server v4\/b is UP/);
      await answering(lan, 4, ["a", "b", "c"]);
    });
  }
});
