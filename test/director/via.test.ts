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
import { FAMILIES } from "#kit/lan-ways.ts";
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

  for (const type of ["tcp", "icmp"]) {
    test(`${type}: a server that sends checks on to who has the address does not pass by another's answer`, async (t) => {
      const lan = createLan(t, "director");
      const nodes = nodesOf(t, lan, "dr");
      await startServers(t, lan);
      const way: Way = { method: "dr", port: SERVER_PORT };
      // A socket for echoes that hears whatever has its number.
      withNetns(lan.director, () =>
        writeFileSync("/proc/sys/net/ipv4/ping_group_range", "0 2147483647"),
      );
      // By turns, another would answer for most of them.
      const check = checkBy(type).replace("fall: 2", "fall: 8");
      const weir = await startDirector(t, lan, configurationOf(lan, way, { check }));
      await allUp(weir);
      const { netns, leave } = nodes[1]!;
      withNetns(netns, () => {
        for (const name of ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]) {
          writeFileSync(`/proc/sys/net/${name}`, "1");
          assert.equal(readFileSync(`/proc/sys/net/${name}`, "utf8"), "1\n");
        }
      });
      runProgram("ip", "-n", netns, "route", "del", "10.1.0.0/24", "dev", lan.device);
      runProgram("ip", "-n", netns, "-6", "route", "del", "fd01::/64", "dev", lan.device);
      leave();
      for (const family of FAMILIES) {
        // It may also say that it knows a better way, by ICMP.
        await weir.said(new RegExp(`Server v${family}/b is DOWN: ${type} check failed`));
      }
    });
  }

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
