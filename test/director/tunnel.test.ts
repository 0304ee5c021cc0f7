import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { askFrom, createLan, type Family, type Lan, VIP } from "#kit/lan.ts";
import { configurationOf, SERVER_PORT, startDirector, startServers } from "#kit/lan-services.ts";
import { noNetns, runProgram } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { nodePlace, weirIn } from "#kit/tunnel-lan.ts";

/*
 * Tunnels from our director to real servers that weir node prepared, and what weir doctor says of
 * both.
 */

const FAMILIES: readonly Family[] = [4, 6];

interface Node {
  readonly netns: string;
  readonly place: readonly string[];
}

/** Servers join; they answer clients on the wire, past the director. */
function joinAll(owner: Owner, lan: Lan, ...words: readonly string[]): Node[] {
  return lan.servers.map((netns, i) => {
    runProgram("ip", "-n", netns, "route", "add", "10.1.0.0/24", "dev", lan.device);
    runProgram("ip", "-n", netns, "-6", "route", "add", "fd01::/64", "dev", lan.device);
    const place = nodePlace(owner, `${lan.pins}-${i}`);
    const vips = Object.values(VIP).flatMap((vip) => ["--vip", vip]);
    const { code, err } = weirIn(netns, "node", "join", "tun", ...vips, ...words, ...place);
    assert.equal(code, 0, err);
    return { netns, place };
  });
}

describe("our tunnels, from end to end", { skip: noNetns() || noBpf() }, () => {
  for (const type of ["ipip", "gue", "gre"] as const) {
    test(type, async (t) => {
      const lan = createLan(t, "director");
      // Answers of UDP come from sockets of each address: the services' are to be there first.
      const nodes = joinAll(t, lan, "--type", type, "--from", "10.2.0.1", "--from", "fd02::1");
      await startServers(t, lan);
      const service = `, tunnel: { type: ${type} }`;
      const way = { method: "tun", port: SERVER_PORT } as const;
      await startDirector(t, lan, configurationOf(lan, way, { service }));
      for (const family of FAMILIES) {
        for (const protocol of ["tcp", "udp"] as const) {
          const answers = askFrom(lan.client, protocol, VIP[family], SERVER_PORT, 6);
          const client = family === 4 ? "10.1.0.2" : "fd01::2";
          const expected = ["a", "b", "c", "a", "b", "c"].map((name) => `${name} ${client}`);
          assert.deepEqual(answers, expected, `${protocol} over IPv${family}`);
        }
      }
      for (const { netns, place } of nodes) {
        const none = ["--director-pins", `${lan.pins}-none`];
        const port = String(SERVER_PORT);
        const doctor = weirIn(netns, "doctor", "--strict", "--port", port, ...none, ...place);
        assert.deepEqual([doctor.code, doctor.err], [0, ""], doctor.out);
        const { tunnel } = JSON.parse(weirIn(netns, "node", "status", "--json", ...place).out);
        assert.ok(tunnel.counts[type] > 10, JSON.stringify(tunnel.counts));
        assert.equal(tunnel.counts.failed, 0);
      }
      const state = ["--state", "/nonexistent/weir/node.json"];
      const director = weirIn(lan.director, "doctor", "--director-pins", lan.pins, ...state);
      assert.deepEqual([director.code, director.err], [0, ""], director.out);
      for (const check of ["director-interfaces", "vip-owner", "forwarding"]) {
        assert.match(director.out, new RegExp(`^ok +${check}: `, "m"));
      }
      runProgram("ip", "-n", lan.director, "link", "set", lan.device, "down");
      const down = weirIn(lan.director, "doctor", "--director-pins", lan.pins, ...state);
      assert.equal(down.code, 1);
      assert.match(down.out, /^problem +director-interfaces: eth0 is down; /m);
    });
  }
});
