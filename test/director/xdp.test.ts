import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { VIP } from "#kit/lan.ts";
import { echoDatagrams } from "#kit/lan-echo.ts";
import { DR, GRE, GUE, GUE6, NAT, nameOfRoad, TUN, viewOf } from "#kit/lan-ways.ts";
import { noNetns, noProgram, runInNetns } from "#kit/netns.ts";
import { MOST_OF_THEM, move, sentOn, startXdp } from "#kit/xdp-lan.ts";

/* Known flows by XDP, from end to end. */

describe("XDP", { skip: noNetns() || noBpf() || noProgram("ethtool") }, () => {
  for (const road of [DR, TUN, GUE, GUE6, GRE, NAT]) {
    test(`${nameOfRoad(road)}: data is what it was, by the short way`, async (t) => {
      const { lan, weir } = await startXdp(t, road);
      assert.match(weir.err, /XDP is at work at eth0/);
      for (const vip of Object.values(VIP)) {
        const packets = move(lan, road, vip);
        t.diagnostic(`${vip}: ${packets} packets by XDP`);
        assert.ok(packets > MOST_OF_THEM, `${packets} packets`);
        const before = sentOn(lan);
        const sizes = [20, 1000, 1, 1400];
        const answers = echoDatagrams(lan.client, vip, road.port, sizes);
        assert.deepEqual(
          answers,
          sizes.map(() => "equal"),
          `UDP: ${vip}`,
        );
        assert.ok(sentOn(lan) - before >= sizes.length - 1, "all but the first");
      }
      const { xdp, services } = await viewOf(weir);
      assert.deepEqual(xdp, { packets: sentOn(lan), interfaces: [{ device: lan.device }] });
      const counted = services.reduce((sum, { counts }) => sum + counts.inPackets, 0);
      assert.ok(counted >= xdp!.packets, "statistics have them too");
      assert.equal(services[0]!.counts.connections, 2);
    });
  }

  test("sums that are left to a card: tcx does it", async (t) => {
    const { lan } = await startXdp(t, NAT);
    runInNetns(lan.client, "ethtool", "-K", lan.device, "tx", "on");
    for (const vip of Object.values(VIP)) {
      const packets = move(lan, NAT, vip);
      // Of whole sums a few look the same, and of those that are owed none does not.
      assert.ok(packets < MOST_OF_THEM / 100, `${packets} packets`);
    }
  });
});
