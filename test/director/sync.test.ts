import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DirectorView } from "#control/api.ts";
import { noBpf } from "#kit/bpf.ts";
import { HeldConnection, type Lan, VIP } from "#kit/lan.ts";
import { configurationOf, SERVER_PORT, startDirector, startServers } from "#kit/lan-services.ts";
import { DR, FAMILIES, NAT, serviceOf, TUN, viewOf } from "#kit/lan-ways.ts";
import { noNetns, noProgram } from "#kit/netns.ts";
import {
  createSyncLan,
  joinSyncTunnels,
  moveAddresses,
  SYNC_HOSTS,
  startDownload,
  startStream,
} from "#kit/sync-lan.ts";
import { until } from "#kit/until.ts";
import type { Weir } from "#kit/weir.ts";
import { runWrk } from "#kit/wrk.ts";

/* Two directors that tell each other of connections: the address moves, and nothing breaks. */

const HELD = 4;
const STREAM_BYTES = 12 << 20;

const sync = (more = ""): string => `  sync: { interface: eth0${more} }`;

type SyncView = NonNullable<DirectorView["sync"]>;

async function syncOf(weir: Weir): Promise<SyncView> {
  const { sync } = await viewOf(weir);
  assert.ok(sync);
  return sync;
}

const connectionsOf = async (weir: Weir): Promise<number> =>
  (await viewOf(weir)).services.reduce(
    (sum, { servers }) => sum + servers.reduce((all, one) => all + one.active, 0),
    0,
  );

async function holdSome(t: Parameters<typeof HeldConnection.open>[0], lan: Lan, port: number) {
  const held: HeldConnection[] = [];
  for (const family of FAMILIES) {
    for (let i = 0; i < HELD; i++) {
      held.push(await HeldConnection.open(t, lan.client, VIP[family], port));
    }
  }
  return held;
}

const askAll = (held: readonly HeldConnection[]): Promise<string[]> =>
  Promise.all(held.map((connection) => connection.ask()));

describe("connection sync", { skip: noNetns() || noBpf() || noProgram("wrk") }, () => {
  for (const way of [NAT, DR, TUN]) {
    test(`${way.method}: the address moves under load, and back`, async (t) => {
      const { first, second } = createSyncLan(t, way.method === "dr" ? "direct" : "director");
      if (way.method === "tun") joinSyncTunnels(t, first);
      await startServers(t, first);
      const wanted = { director: sync(), service: serviceOf(way) };
      const one = await startDirector(t, first, configurationOf(first, way, wanted));
      const other = await startDirector(t, second, configurationOf(second, way, wanted));
      const held = await holdSome(t, first, way.port);
      const before = await askAll(held);
      const running = runWrk(t, first.client, `http://${VIP[4]}:${way.port}/`, 8);
      await until("the other one has them", async () => (await connectionsOf(other)) >= 16);
      moveAddresses(first, second);
      assert.deepEqual(await askAll(held), before, "by the other director");
      const all = await viewOf(other);
      const packets = all.services.flatMap(({ servers }) => servers.map((s) => s.counts.inPackets));
      assert.ok(packets.reduce((a, b) => a + b) >= held.length, "they came by it");
      const begun = all.services.flatMap(({ servers }) => servers.map((s) => s.counts.connections));
      assert.equal(
        begun.reduce((a, b) => a + b),
        0,
        "and did not begin anew",
      );
      moveAddresses(second, first);
      assert.deepEqual(await askAll(held), before, "and back");
      const { requests, failed, text } = await running;
      t.diagnostic(`${requests} requests, ${failed} failed`);
      assert.ok(requests > 1000 && failed === 0, text);
      const { counts, peers } = await syncOf(one);
      assert.deepEqual(
        peers.map(({ address, kind }) => [address, kind]),
        [[SYNC_HOSTS[1], "weir"]],
      );
      assert.equal(counts.refused.malformed + counts.refused.server + counts.refused.service, 0);
    });
  }

  for (const way of [NAT, DR]) {
    test(`${way.method}: a long download goes on`, async (t) => {
      const { first, second } = createSyncLan(t, way.method === "dr" ? "direct" : "director", 1);
      await startStream(t, first.servers[0]!, SERVER_PORT, STREAM_BYTES);
      const wanted = { servers: ["a"], director: sync(", group: 'ff02::51'") };
      // As another account: it needs no more rights than the director.
      const start = (lan: Lan) =>
        startDirector(t, lan, `engine: { user: nobody }${configurationOf(lan, way, wanted)}`);
      await start(first);
      const other = await start(second);
      const downloads = await Promise.all(
        FAMILIES.map((family) => startDownload(t, first.client, VIP[family], way.port)),
      );
      await until("the other one has them", async () => (await connectionsOf(other)) === 2);
      assert.ok(
        downloads.every(({ isOver }) => !isOver()),
        "they are still going on",
      );
      moveAddresses(first, second);
      for (const { done } of downloads) assert.equal(await done, STREAM_BYTES);
    });
  }

  test("nat: a server's port behind two services", async (t) => {
    const { first, second } = createSyncLan(t, "director", 1);
    await startServers(t, first);
    const start = (lan: Lan) => {
      const text = configurationOf(lan, NAT, { servers: ["a"], director: sync() });
      const more = `  other: { bind: "${VIP[4]}:81", method: nat, backend: v4, maxPerSource: 50 }\n`;
      return startDirector(t, lan, text.replace("backends:", `${more}backends:`));
    };
    await start(first);
    const other = await start(second);
    const held = [
      await HeldConnection.open(t, first.client, VIP[4], 80),
      await HeldConnection.open(t, first.client, VIP[4], 81),
    ];
    const before = await askAll(held);
    await until("the other one has them", async () => (await connectionsOf(other)) === 2);
    moveAddresses(first, second);
    assert.deepEqual(await askAll(held), before);
  });
});
