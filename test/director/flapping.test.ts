import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { VIP } from "#kit/lan.ts";
import { configurationOf, NAMES, startDirector, startServers } from "#kit/lan-services.ts";
import { createLanFor, NAT, nameOfRoad, SOME_ROADS, serviceOf, urlOf } from "#kit/lan-ways.ts";
import { noNetns, noProgram } from "#kit/netns.ts";
import { killNow } from "#kit/processes.ts";
import { SteadyClients } from "#kit/steady-clients.ts";
import type { Weir } from "#kit/weir.ts";
import { loadDuring } from "#kit/wrk.ts";

/* Servers come and go while requests do: no flow is broken that could have lived. */

const ROUNDS = 10;

async function change(weir: Weir, server: string, body: object): Promise<void> {
  await weir.adminJson(`/api/v1/servers/${server}`, { method: "POST", body });
}

async function reload(weir: Weir, text: string): Promise<void> {
  weir.configure(text);
  await weir.adminJson("/api/v1/reload", { method: "POST" });
}

describe("servers flap under load", { skip: noNetns() || noBpf() || noProgram("wrk") }, () => {
  for (const [road, family] of SOME_ROADS) {
    const name = `${nameOfRoad(road)}, IPv${family}`;
    const service = serviceOf(road);

    for (const balance of road === NAT ? ["wrr", "maglev"] : ["wrr"]) {
      test(`${name}, ${balance}: they drain, weights change, reloads take them out and back`, async (t) => {
        const lan = createLanFor(t, road);
        await startServers(t, lan);
        const all = configurationOf(lan, road, { balance, service });
        const weir = await startDirector(t, lan, all);
        await loadDuring(t, lan.client, urlOf(road, family), async () => {
          for (let round = 0; round < ROUNDS; round++) {
            const [server, other] = [NAMES[round % 3]!, NAMES[(round + 1) % 3]!];
            await change(weir, `v${family}/${server}`, { admin: "drain" });
            await change(weir, `v${family}/${other}`, { weight: 1 + (round % 5) });
            await change(weir, `v${family}/${server}`, { admin: "ready" });
            // Who has a server that is not there waits: TCP says it all again when it is back.
            const servers = NAMES.filter((one) => one !== server);
            await reload(weir, configurationOf(lan, road, { balance, service, servers }));
            await reload(weir, all);
          }
        });
      });
    }

    test(`${name}: a server is killed: nobody else's connection notices`, async (t) => {
      const lan = createLanFor(t, road);
      const servers = await startServers(t, lan);
      const check = "{ type: tcp, interval: 100ms, fall: 1, rise: 1 }";
      await startDirector(t, lan, configurationOf(lan, road, { check, service }));
      const clients = new SteadyClients(t, lan.client, VIP[family], road.port, 12);
      await clients.reach(
        "all have a server",
        ({ servers }) => servers.filter(Boolean).length === 12,
      );
      const had = clients.now.servers.filter((one) => one === "c");
      assert.ok(had.length > 1 && had.length < 12, clients.now.servers.join());
      await killNow(servers[2]!.pid!);
      await clients.reach("its own are lost", ({ lost }) => lost.length === had.length);
      await clients.reach("new ones are served", ({ served }) => served > 50);
      t.diagnostic(`${clients.now.refused} new connections were refused until it was found out`);
      assert.deepEqual(clients.now.lost, had);
    });
  }
});
