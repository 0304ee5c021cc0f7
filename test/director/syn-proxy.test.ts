import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { askFrom, createLan, HeldConnection, type Lan, VIP } from "#kit/lan.ts";
import { startEcho, transfer } from "#kit/lan-echo.ts";
import { configurationOf, SERVER_PORT, startDirector, startServers } from "#kit/lan-services.ts";
import { FULLNAT, NAT, type Road, viewOf } from "#kit/lan-ways.ts";
import { noNetns, noProgram, runInNetns } from "#kit/netns.ts";
import { SteadyClients } from "#kit/steady-clients.ts";
import { synFlood } from "#kit/syn-flood.ts";
import type { Weir } from "#kit/weir.ts";

/*
 * Real clients and servers, whose connections begin with SYN cookies.
 */

const ROADS: readonly Road[] = [NAT, FULLNAT];
const BYTES = 20 << 20;
/** Of these some are sent again and again. */
const LOSSY_BYTES = 3 << 20;
const SECONDS = 3;
const KEPT = 12;
/** Of the flood none are left for real clients. */
const NEW_FLOWS = 50;
const OFF = ["tx", "tso", "gso", "gro", "rx"].flatMap((name) => [name, "off"]);

const configured = (lan: Lan, road: Road, how: string, more = {}): string =>
  configurationOf(lan, road, { protocol: "tcp", service: `, synProxy: ${how}`, ...more });

const cookies = async (weir: Weir): Promise<{ sent: number; accepted: number }> => {
  const { incidents } = await viewOf(weir);
  return { sent: incidents!.COOKIE_SENT, accepted: incidents!.COOKIE_ACCEPTED };
};

/** TCP that comes or goes and matches is lost; the end of that, which says how much was. */
function lose(netns: string, hook: string, what: string): () => number {
  const nft = (...words: string[]): string => runInNetns(netns, "nft", ...words);
  nft("add table inet loss");
  nft(`add chain inet loss here { type filter hook ${hook} priority 0; }`);
  nft(`add rule inet loss here meta l4proto tcp ${what} counter drop`);
  return () => {
    const text = nft("list", "table", "inet", "loss");
    nft("delete", "table", "inet", "loss");
    return Number(/packets (\d+)/.exec(text)![1]);
  };
}

function asOnWire({ client, director, servers, device }: Lan): void {
  for (const netns of [client, director, ...servers]) {
    runInNetns(netns, "ethtool", "-K", device, ...OFF);
  }
}

describe("SYN cookies", {
  skip: noNetns() || noBpf() || noProgram("ethtool", "hping3", "nft"),
}, () => {
  for (const road of ROADS) {
    test(`${road.method}: short connections, over IPv4 and IPv6`, async (t) => {
      const lan = createLan(t, "director");
      await startServers(t, lan);
      const weir = await startDirector(t, lan, configured(lan, road, "always"));
      for (const vip of Object.values(VIP)) {
        const answers = askFrom(lan.client, "tcp", vip, road.port, 6);
        const names = answers.map((text) => text.split(" ")[0]);
        assert.deepEqual(names, ["a", "b", "c", "a", "b", "c"], vip);
      }
      const held = await HeldConnection.open(t, lan.client, VIP[4], road.port);
      assert.match(await held.ask(), /^a /);
      assert.deepEqual(await cookies(weir), { sent: 13, accepted: 13 });
    });

    test(`${road.method}: much data both ways, compared`, async (t) => {
      const lan = createLan(t, "director", 1);
      await startEcho(t, lan.servers[0]!, SERVER_PORT);
      const weir = await startDirector(t, lan, configured(lan, road, "always", { servers: ["a"] }));
      const check = (what: string): void => {
        for (const vip of Object.values(VIP)) {
          const { error, bytes, equal, ms } = transfer(lan.client, vip, road.port, BYTES);
          assert.deepEqual([error, bytes, equal], [undefined, BYTES, true], `${what}: ${vip}`);
          t.diagnostic(`${what}, ${vip}: ${Math.round(bytes / 1000 / ms)} MB/s each way`);
        }
      };
      check("offloaded");
      asOnWire(lan);
      check("as on a wire");
      assert.deepEqual(await cookies(weir), { sent: 4, accepted: 4 });
    });

    test(`${road.method}: whatever packet of a beginning is lost, it begins`, async (t) => {
      const lan = createLan(t, "director", 1);
      await startServers(t, lan);
      await startDirector(t, lan, configured(lan, road, "always", { servers: ["a"] }));
      const vip = VIP[road === NAT ? 4 : 6];
      for (const netns of [lan.client, lan.servers[0]!]) {
        for (const hook of ["input", "output"]) {
          for (const number of [0, 1, 2]) {
            const regain = lose(netns, hook, `numgen inc mod 1000 == ${number}`);
            const [answer] = askFrom(lan.client, "tcp", vip, road.port, 1, 5);
            assert.match(answer!, /^a /, `packet ${number} of ${netns}, ${hook}`);
            assert.equal(regain(), 1, "lost");
          }
        }
      }
    });

    test(`${road.method}: much data, of which some is lost`, async (t) => {
      const lan = createLan(t, "director", 1);
      const [server] = lan.servers;
      await startEcho(t, server!, SERVER_PORT);
      const weir = await startDirector(t, lan, configured(lan, road, "always", { servers: ["a"] }));
      asOnWire(lan);
      const regain = [lan.client, server!].map((netns) =>
        lose(netns, "input", "numgen random mod 100 == 0"),
      );
      for (const vip of Object.values(VIP)) {
        const { error, equal } = transfer(lan.client, vip, road.port, LOSSY_BYTES);
        assert.deepEqual([error, equal], [undefined, true], vip);
      }
      assert.ok(regain.every((end) => end() > 10));
      assert.equal((await cookies(weir)).accepted, 2);
    });
  }

  test("auto: real clients are served while a flood goes on, which takes no room", async (t) => {
    const lan = createLan(t, "director");
    await startServers(t, lan);
    const director = `  newFlows: ${NEW_FLOWS}`;
    const weir = await startDirector(t, lan, configured(lan, NAT, "auto", { director }));
    const clients = new SteadyClients(t, lan.client, VIP[4], NAT.port, KEPT);
    await clients.reach("all are served", ({ served }) => served > 5);
    const before = clients.now;
    const sent = await synFlood(t, lan.client, VIP[4], NAT.port, SECONDS);
    const during = clients.now;
    const { connections, incidents } = await viewOf(weir);
    const served = during.served - before.served;
    t.diagnostic(`${sent} SYNs, ${served} new connections served meanwhile`);
    assert.ok(sent > 10_000, "it was a flood");
    assert.deepEqual([during.lost, during.refused], [[], 0]);
    assert.ok(served > 20, "new connections");
    assert.ok(incidents!.COOKIE_SENT > sent / 2);
    assert.ok(incidents!.COOKIE_ACCEPTED > 0);
    assert.equal(incidents!.STATELESS, 0);
    const mostTracked = NEW_FLOWS * availableParallelism() * (SECONDS + 2);
    assert.ok(
      connections.count < mostTracked + during.served + KEPT,
      `${connections.count} entries`,
    );
  });
});
