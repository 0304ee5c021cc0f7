import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Association,
  ECHO_PORT,
  noAssociations,
  startAssociationServers,
} from "#kit/associations.ts";
import { noBpf } from "#kit/bpf.ts";
import { type Lan, VIP } from "#kit/lan.ts";
import { configurationOf, NAMES, startDirector, type Wanted } from "#kit/lan-services.ts";
import {
  createLanFor,
  DR,
  FAMILIES,
  FULLNAT,
  NAT,
  nameOfRoad,
  type Road,
  serviceOf,
  TUN,
  viewOf,
} from "#kit/lan-ways.ts";
import { noNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { until } from "#kit/until.ts";
import type { Weir } from "#kit/weir.ts";
import type { ConnectionsDocument } from "#monitor/document.ts";

/* Associations of a real stack through the director, and servers that come and go. */

/** Ports are changed where they can be. */
const ROADS: readonly Road[] = [
  NAT,
  FULLNAT,
  { ...DR, port: ECHO_PORT },
  { ...TUN, port: ECHO_PORT },
];

/** Servers have the service's address, and answer past the director. */
const isDirect = ({ method }: Road): boolean => method === "dr" || method === "tun";

const textFor = (lan: Lan, road: Road, more: Wanted = {}): string =>
  configurationOf(lan, road, {
    ...{ protocol: "sctp", serverPort: ECHO_PORT, service: serviceOf(road) },
    ...more,
  });

async function startAll(t: Owner, road: Road, more: Wanted = {}) {
  const lan = createLanFor(t, road);
  startAssociationServers(t, lan, isDirect(road));
  const weir = await startDirector(t, lan, textFor(lan, road, more));
  return { lan, weir };
}

const trackedOf = async (weir: Weir): Promise<ConnectionsDocument["connections"]> =>
  ((await weir.adminJson("/api/v1/director/connections")) as ConnectionsDocument).connections;

/** State of the client's connections, in order. */
const statesOf = async (weir: Weir): Promise<string[]> =>
  (await trackedOf(weir)).map(({ state }) => state).sort();

/** Of each server, how many connections are active and inactive: `1+0 0+0 0+0`. */
async function loadsOf(weir: Weir, service: string): Promise<string> {
  const { services } = await viewOf(weir);
  const servers = services.find(({ name }) => name === service)!.servers;
  return servers.map(({ active, inactive }) => `${active}+${inactive}`).join(" ");
}

describe("SCTP", { skip: noNetns() || noBpf() || noAssociations() }, () => {
  for (const road of ROADS) {
    for (const family of FAMILIES) {
      test(`${nameOfRoad(road)}, IPv${family}: begins, goes on, ends`, async (t) => {
        const { lan, weir } = await startAll(t, road);
        const begin = () => Association.open(t, lan.client, VIP[family], road.port);
        const one = await begin();
        const { out } = await weir.cli("l4", "connections");
        assert.match(out, /^SCTP \d\d:\d\d {2}ESTABLISHED /m);
        const others = [await begin(), await begin()];
        for (const each of [one, ...others]) await each.ask();
        assert.equal(await loadsOf(weir, `v${family}`), "1+0 1+0 1+0", "in turn");
        await one.shutDown();
        // Of IPv6 usrsctp may answer from the server's own address: there the client ends it then.
        const ends = family === 6 && isDirect(road) ? ["CLOSED", "S-RECEIVED"] : ["CLOSED"];
        await until("it ends here too", async () =>
          (await statesOf(weir)).some((state) => ends.includes(state)),
        );
        const loads = (await loadsOf(weir, `v${family}`)).split(" ").sort();
        assert.deepEqual(loads, ["0+1", "1+0", "1+0"]);
        for (const each of others) await each.ask();
      });
    }
  }

  test("control ends, and associations go on", async (t) => {
    const { lan, weir } = await startAll(t, NAT);
    const one = await Association.open(t, lan.client, VIP[4], NAT.port);
    await weir.kill();
    await one.ask();
    await Association.open(t, lan.client, VIP[4], NAT.port);
    await weir.start();
    await one.ask();
    await one.shutDown();
  });

  test("a server that drains keeps its associations and gets no others", async (t) => {
    const { lan, weir } = await startAll(t, NAT);
    const begin = () => Association.open(t, lan.client, VIP[4], NAT.port);
    const one = await begin();
    const at = (await loadsOf(weir, "v4")).split(" ").indexOf("1+0");
    assert.equal((await weir.cli("server", "drain", `v4/${NAMES[at]}`)).code, 0);
    await until("it takes nothing new", async () => {
      const { services } = await viewOf(weir);
      return services.find(({ name }) => name === "v4")!.servers[at]!.weight === 0;
    });
    for (let i = 0; i < 3; i++) await begin();
    assert.equal((await loadsOf(weir, "v4")).split(" ")[at], "1+0");
    await one.ask();
    await one.shutDown();
  });

  for (const [what, service] of [
    ["removed", ""],
    ["removed, and kept until its associations end", ", onServerRemoved: keep"],
  ] as const) {
    test(`a server that is ${what}, and comes back`, async (t) => {
      const { lan, weir } = await startAll(t, NAT, { service });
      const one = await Association.open(t, lan.client, VIP[4], NAT.port);
      const at = (await loadsOf(weir, "v4")).split(" ").indexOf("1+0");
      const reload = async (servers: readonly string[]): Promise<void> => {
        weir.configure(textFor(lan, NAT, { service, servers }));
        const { code, err } = await weir.cli("reload");
        assert.equal(code, 0, err);
      };
      await reload(NAMES.filter((_, i) => i !== at));
      if (service !== "") {
        await one.ask();
        await one.shutDown();
        return;
      }
      const dropped = async (): Promise<number> =>
        (await viewOf(weir)).incidents?.["NO_DESTINATION"] ?? 0;
      const before = await dropped();
      const line = one.say();
      await until("its packets are dropped", async () => (await dropped()) > before);
      assert.equal(one.hears(line), false);
      await reload(NAMES);
      // What was lost is sent again.
      await until("it goes on", () => one.hears(line));
      await one.shutDown();
    });
  }
});
