import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import {
  addAddress,
  createLan,
  HeldConnection,
  holdSilently,
  joinSwitch,
  ownPins,
  VIP,
} from "#kit/lan.ts";
import { configurationOf, startDirector, startServers } from "#kit/lan-services.ts";
import { DR, FAMILIES, viewOf } from "#kit/lan-ways.ts";
import { noNetns, runProgram } from "#kit/netns.ts";

/*
 * Two directors that know nothing of each other and share a service's address: a scheduler that
 * hashes sends a flow to the same server on both, so it may change its way in the middle.
 */

const FIRST = { 4: "10.1.0.1", 6: "fd01::1" } as const;
const SECOND = { 4: "10.1.0.9", 6: "fd01::9" } as const;
const CONNECTIONS = 6;

describe("a second director", { skip: noNetns() || noBpf() }, () => {
  test("goes on with flows that it has never seen", async (t) => {
    const lan = createLan(t, "direct");
    await startServers(t, lan);
    const addresses = ["10.1.0.9/24", "fd01::9/64", "10.2.0.9/24", "fd02::9/64"];
    const other = joinSwitch(t, lan.wire, "director2", addresses);
    holdSilently(other);
    const second = { ...lan, director: other, pins: ownPins(t) };
    const wanted = { balance: "maglev" };
    await startDirector(t, lan, configurationOf(lan, DR, wanted));
    const weir = await startDirector(t, second, configurationOf(second, DR, wanted));
    for (const family of FAMILIES) {
      const lead = (by: string, ...source: readonly string[]): void => {
        const to = [VIP[family], "via", by, ...source];
        runProgram("ip", "-n", lan.client, `-${family}`, "route", "replace", ...to);
      };
      const held: HeldConnection[] = [];
      for (let i = 0; i < CONNECTIONS; i++) {
        const source = family === 4 ? `10.1.0.${20 + i}` : `fd01::${20 + i}`;
        addAddress(lan.client, source, lan.device);
        // The scheduler looks at the client's address.
        lead(FIRST[family], "src", source);
        held.push(await HeldConnection.open(t, lan.client, VIP[family], DR.port));
      }
      const askAll = () => Promise.all(held.map((connection) => connection.ask()));
      const before = await askAll();
      const names = before.map((answer) => answer.split(" ")[0]);
      assert.ok(new Set(names).size > 1, `several servers serve them: ${names}`);
      lead(SECOND[family]);
      assert.deepEqual(await askAll(), before, "by the other director");
      const { services, connections } = await viewOf(weir);
      assert.equal(connections.count, 0, "it tracks none of them");
      const packets = services[0]!.servers.map(({ counts }) => counts.inPackets);
      assert.ok(packets.reduce((a, b) => a + b) >= CONNECTIONS, "they came by it");
      lead(FIRST[family]);
      assert.deepEqual(await askAll(), before, "and back");
    }
  });
});
