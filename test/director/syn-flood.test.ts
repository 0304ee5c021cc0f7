import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { createLan, VIP } from "#kit/lan.ts";
import { configurationOf, startDirector, startServers } from "#kit/lan-services.ts";
import { DR, NAT, viewOf } from "#kit/lan-ways.ts";
import { noNetns, noProgram } from "#kit/netns.ts";
import { SteadyClients } from "#kit/steady-clients.ts";
import { synFlood } from "#kit/syn-flood.ts";

/*
 * Far more new flows than are tracked, in a table that even those fill: connections that are there
 * go on, and new ones are served.
 */

const KEPT = 12;
const SECONDS = 3;
const NEW_FLOWS = 1000;
/** Fewer than the flood is given in its time. */
const TABLE = 4096;

describe("a flood of SYNs", { skip: noNetns() || noBpf() || noProgram("hping3") }, () => {
  for (const [road, balance] of [
    [DR, "maglev"],
    [DR, "wlc"],
    [NAT, "wlc"],
  ] as const) {
    test(`${road.method}, ${balance}`, async (t) => {
      const lan = createLan(t, road.method === "dr" ? "direct" : "director");
      await startServers(t, lan);
      const director = `  newFlows: ${NEW_FLOWS}\n  connections: ${TABLE}`;
      const text = configurationOf(lan, road, { balance, director });
      const weir = await startDirector(t, lan, text);
      const clients = new SteadyClients(t, lan.client, VIP[4], road.port, KEPT);
      await clients.reach(
        "all are served",
        ({ servers }) => servers.filter(Boolean).length === KEPT,
      );
      await clients.reach("new ones too", ({ served }) => served > 20);
      const before = clients.now;
      const sent = await synFlood(t, lan.client, VIP[4], road.port, SECONDS);
      const during = clients.now;
      const { connections, incidents } = await viewOf(weir);
      const served = during.served - before.served;
      t.diagnostic(`${sent} SYNs, ${served} new connections served meanwhile`);
      assert.ok(sent > 10_000, "it was a flood");
      assert.deepEqual(during.lost, [], "kept connections");
      assert.equal(during.refused, 0);
      // Where answers need a connection, new ones have to find a moment in which one may be had.
      assert.ok(served > (road === DR ? 20 : 0), "new connections");
      await clients.reach("it goes on", ({ served }) => served > during.served + 50);
      assert.equal(connections.size, TABLE);
      assert.ok(connections.count <= TABLE);
      assert.ok(incidents!.STATELESS > 1000);
    });
  }
});
