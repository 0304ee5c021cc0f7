import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { createLan } from "#kit/lan.ts";
import {
  configurationOf,
  SERVER_PORT,
  startDirector,
  startServers,
  type Way,
} from "#kit/lan-services.ts";
import { noNetns, runProgram, withNetns } from "#kit/netns.ts";
import { until } from "#kit/until.ts";
import { allUp, checkBy, loseAndRegain, nodesOf } from "#kit/via.ts";

/*
 * Checks that go the way of packets: a server that answers at its own address, but has lost the
 * service's or cannot open the tunnel, is found out.
 */

describe("checks by the way of packets", { skip: noNetns() || noBpf() }, () => {
  for (const type of ["tcp", "http"]) {
    test(`dr, ${type}: the service's address goes, and comes back`, async (t) => {
      const lan = createLan(t, "director");
      const nodes = nodesOf(t, lan, "dr");
      await startServers(t, lan);
      const way: Way = { method: "dr", port: SERVER_PORT };
      const weir = await startDirector(t, lan, configurationOf(lan, way, { check: checkBy(type) }));
      await allUp(weir);
      await loseAndRegain(lan, weir, nodes[1]!);
    });
  }

  for (const type of ["ipip", "gue", "gre"]) {
    test(`tun, ${type}: what opens the tunnel goes, and comes back`, async (t) => {
      const lan = createLan(t, "director");
      const from = ["--from", "10.2.0.1", "--from", "fd02::1"];
      const nodes = nodesOf(t, lan, "tun", "--type", type, ...from);
      await startServers(t, lan);
      const way: Way = { method: "tun", port: SERVER_PORT };
      const wanted = { check: checkBy("http"), service: `, tunnel: { type: ${type} }` };
      const weir = await startDirector(t, lan, configurationOf(lan, way, wanted));
      await allUp(weir);
      await loseAndRegain(lan, weir, nodes[1]!);
    });
  }

  test("a server that sends checks on to who has the address does not pass by another's answer", async (t) => {
    const lan = createLan(t, "director");
    const nodes = nodesOf(t, lan, "dr");
    await startServers(t, lan);
    const way: Way = { method: "dr", port: SERVER_PORT };
    // By turns, another would answer for most of them.
    const check = checkBy("tcp").replace("fall: 2", "fall: 8");
    const weir = await startDirector(t, lan, configurationOf(lan, way, { check }));
    await allUp(weir);
    withNetns(nodes[1]!.netns, () => {
      writeFileSync("/proc/sys/net/ipv4/ip_forward", "1");
      assert.equal(readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8"), "1\n");
    });
    runProgram("ip", "-n", nodes[1]!.netns, "route", "del", "10.1.0.0/24", "dev", lan.device);
    nodes[1]!.leave();
    await weir.said(/Server v4\/b is DOWN: .*no connection in time/);
  });

  test("answers come in where the director takes no packets; without `via` nothing is left", async (t) => {
    const lan = createLan(t, "director");
    const nodes = nodesOf(t, lan, "dr");
    await startServers(t, lan);
    runProgram("ip", "-n", lan.director, "link", "add", "clients", "type", "veth");
    runProgram("ip", "-n", lan.director, "link", "set", "clients", "up");
    const way: Way = { method: "dr", port: SERVER_PORT };
    const elsewhere = { ...lan, device: "clients" };
    const weir = await startDirector(
      t,
      lan,
      configurationOf(elsewhere, way, { check: checkBy("tcp") }),
    );
    await allUp(weir);
    nodes[1]!.leave();
    await weir.said(/Server v4\/b is DOWN: .*no connection in time/);
    const hooks = (): string[] => readdirSync(`/sys/fs/bpf/${lan.pins}/tcx`).toSorted();
    assert.deepEqual(hooks(), ["clients:ingress", "eth0:egress", "eth0:ingress"]);
    weir.configure(configurationOf(elsewhere, way));
    assert.equal((await weir.cli("reload")).code, 0);
    await until("nothing is left", () => hooks().join() === "clients:ingress");
  });
});
