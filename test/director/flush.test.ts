import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { allObjects, networkOf, objectsOf } from "#kit/kernel-objects.ts";
import { createLan, VIP } from "#kit/lan.ts";
import { configurationOf, SERVER_PORT, startDirector, startServers } from "#kit/lan-services.ts";
import { createLanFor, serviceOf, TUN } from "#kit/lan-ways.ts";
import { noNetns, noProgram } from "#kit/netns.ts";
import { nodePlace, weirIn } from "#kit/tunnel-lan.ts";
import { until } from "#kit/until.ts";

/* What was put into the kernel is out of it again, and the network is as it was. */

const skip = noNetns() || noBpf() || noProgram("bpftool", "tc");

describe("nothing is left", { skip }, () => {
  for (const hook of ["tcx", "clsact"]) {
    test(`weir stop --flush, with ${hook}`, async (t) => {
      const lan = createLanFor(t, TUN, 1);
      await startServers(t, lan);
      const before = networkOf(lan.director);
      const text = configurationOf(lan, TUN, {
        servers: ["a"],
        service: serviceOf(TUN),
        check: "{ type: tcp, via: vFAMILY, interval: 100ms }",
        director: `  hook: ${hook}`,
      });
      const engine = "engine: { threads: 1, user: nobody }";
      const weir = await startDirector(t, lan, `${text}${engine}\n`);
      const folder = `/sys/fs/bpf/${lan.pins}`;
      await until("checks go the way of packets", () =>
        ["tcx", "clsact"].some((name) => existsSync(`${folder}/${name}/${lan.device}:egress`)),
      );
      assert.ok(existsSync(`${folder}/${hook}/${lan.device}:ingress`));
      const objects = objectsOf(await weir.enginePid());
      for (const kind of ["prog", "map", "link"]) {
        assert.ok(
          objects.some((object) => object.startsWith(kind)),
          objects.join(),
        );
      }
      const words = ["stop", "--now", "--flush", "--socket", weir.socket];
      const stopped = weirIn(lan.director, ...words);
      assert.equal(stopped.code, 0, stopped.err);
      assert.equal(existsSync(folder), false);
      assert.deepEqual(networkOf(lan.director), before);
      await until("the kernel has freed them", () => {
        const left = allObjects();
        return !objects.some((object) => left.has(object));
      });
    });
  }

  for (const words of [
    ["dr", "--vip", VIP[4], "--vip", VIP[6]],
    ["tun", "--vip", VIP[4], "--vip", VIP[6], "--from", "10.2.0.1"],
    ["fullnat", "--from", "10.2.0.1", "--port", String(SERVER_PORT)],
  ]) {
    test(`weir node leave, with ${words[0]}`, (t) => {
      const lan = createLan(t, "director", 1);
      const [netns] = lan.servers;
      const place = nodePlace(t, lan.pins);
      const before = networkOf(netns!);
      const joined = weirIn(netns!, "node", "join", ...words, ...place);
      assert.equal(joined.code, 0, joined.err);
      const folder = `/sys/fs/bpf/${place.at(-1)}`;
      assert.equal(existsSync(folder), words[0] !== "dr");
      assert.equal(weirIn(netns!, "node", "leave", ...place).code, 0);
      assert.deepEqual(networkOf(netns!), before);
      assert.equal(existsSync(folder), false);
    });
  }
});
