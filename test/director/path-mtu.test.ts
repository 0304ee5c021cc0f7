import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { VIP } from "#kit/lan.ts";
import { startEcho, transfer } from "#kit/lan-echo.ts";
import { configurationOf, SERVER_PORT, startDirector } from "#kit/lan-services.ts";
import {
  DR,
  FULLNAT,
  GUE6,
  joinTunnels,
  NAT,
  nameOfRoad,
  serviceOf,
  TUN,
  viewOf,
} from "#kit/lan-ways.ts";
import { noNetns } from "#kit/netns.ts";
import { createRoutedLan } from "#kit/routed-lan.ts";

/*
 * Routers on both sides through which less fits than clients and servers think. What they say of it
 * has to reach whom it is about, in words that they know, or nothing large ever arrives.
 */

const BYTES = 4 << 20;

describe("the path's MTU is found out", { skip: noNetns() || noBpf() }, () => {
  for (const road of [NAT, FULLNAT, DR, TUN, GUE6]) {
    test(nameOfRoad(road), async (t) => {
      const lan = createRoutedLan(t, road.method);
      // So much that nothing is spared the way of finding out.
      if (road.tunnel) joinTunnels(t, lan, road.tunnel, "--mss", "1460");
      await startEcho(t, lan.servers[0]!, SERVER_PORT);
      const wanted = { servers: ["a"], service: serviceOf(road), outer: road.outer };
      const weir = await startDirector(t, lan, configurationOf(lan, road, wanted));
      for (const vip of Object.values(VIP)) {
        const before = (await viewOf(weir)).incidents!.ICMP;
        const { error, bytes, equal, ms } = transfer(lan.client, vip, road.port, BYTES, 20_000);
        const told = (await viewOf(weir)).incidents!.ICMP - before;
        t.diagnostic(`${vip}: ${Math.round(ms)} ms, ${told} ICMP errors passed on`);
        assert.deepEqual([error, bytes, equal], [undefined, BYTES, true], vip);
        assert.ok(told > 0, "errors were passed on");
      }
    });
  }
});
