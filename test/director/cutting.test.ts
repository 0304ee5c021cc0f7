import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { type Lan, VIP } from "#kit/lan.ts";
import { echoDatagrams, startEcho } from "#kit/lan-echo.ts";
import { configurationOf, SERVER_PORT, startDirector } from "#kit/lan-services.ts";
import {
  createLanFor,
  DR,
  FULLNAT,
  GUE6,
  NAT,
  nameOfRoad,
  type Road,
  serviceOf,
  TUN,
  viewOf,
} from "#kit/lan-ways.ts";
import { inNetns, noNetns, runProgram } from "#kit/netns.ts";

/*
 * A client sends larger packets than fit on the way to a server, and lets them be cut up: in frames
 * of 9,100 bytes whole, in those of 1,500 in fragments that are too large as well. Nothing on the
 * way puts them together, and the switch drops what is larger than the server's frames.
 */

const SERVER_MTU = 1300;
const CLIENT_MTU = [9100, 1500];
const SIZES = [1200, 1400, 2950, 4097, 8000, 9000];

function setMtu(lan: Lan, mtu: number): void {
  const set = (netns: string, device: string, bytes: number): void =>
    void runProgram("ip", "-n", netns, "link", "set", device, "mtu", String(bytes));
  for (const port of ["client", "director"]) set(lan.wire, port, mtu);
  for (const netns of [lan.client, lan.director]) set(netns, lan.device, mtu);
  for (const [i, netns] of lan.servers.entries()) {
    set(lan.wire, `server${i}`, SERVER_MTU);
    set(netns, lan.device, SERVER_MTU);
  }
  for (const way of [
    ["-4", "10.2.0.0/24", "src", "10.2.0.1"],
    // In place of the kernel's own, which is preferred.
    ["-6", "fd02::/64", "metric", "256"],
  ]) {
    const [family, to, ...words] = way as [string, string, ...string[]];
    const route = [family, "route", "replace", to, "dev", lan.device, "mtu", String(SERVER_MTU)];
    runProgram("ip", "-n", lan.director, ...route, ...words);
  }
}

describe("what is too big for a server is cut up", { skip: noNetns() || noBpf() }, () => {
  const roads: readonly Road[] = [NAT, FULLNAT, DR, TUN, GUE6, { ...TUN, tunnel: "gre" }];
  for (const road of roads) {
    test(nameOfRoad(road), async (t) => {
      const lan = createLanFor(t, road, 1);
      // Its packets may be cut up.
      const [program, ...words] = [...inNetns(lan.client), "sysctl", "-qw"];
      runProgram(program!, ...words, "net.ipv4.ip_no_pmtu_disc=1");
      setMtu(lan, CLIENT_MTU[0]!);
      await startEcho(t, lan.servers[0]!, SERVER_PORT);
      const wanted = { servers: ["a"], service: serviceOf(road), outer: road.outer };
      const weir = await startDirector(t, lan, configurationOf(lan, road, wanted));
      for (const mtu of CLIENT_MTU) {
        setMtu(lan, mtu);
        const before = (await viewOf(weir)).incidents!;
        const answers = echoDatagrams(lan.client, VIP[4], road.port, SIZES);
        assert.deepEqual(
          answers,
          SIZES.map(() => "equal"),
          `frames of ${mtu}`,
        );
        const after = (await viewOf(weir)).incidents!;
        assert.equal(after.TOO_BIG - before.TOO_BIG, 0);
        assert.ok(after.CUT - before.CUT >= SIZES.length, `${after.CUT - before.CUT} pieces`);
      }
    });
  }
});
