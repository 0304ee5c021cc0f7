import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import {
  addAddress,
  askEach,
  createLan,
  createSwitch,
  type Family,
  holdSilently,
  joinSwitch,
  type Lan,
  plug,
  serverHost,
  startNamed,
  VIP,
} from "#kit/lan.ts";
import {
  configurationOf,
  NAMES,
  SERVER_PORT,
  startDirector,
  startServers,
} from "#kit/lan-services.ts";
import {
  FAMILIES,
  FULLNAT,
  joinTunnels,
  NAT,
  nameOfRoad,
  ROADS,
  type Road,
  serviceOf,
  viewOf,
} from "#kit/lan-ways.ts";
import { noNetns, runInNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import type { Weir } from "#kit/weir.ts";

/* Real traffic through the director: methods, tunnels, families, protocols, hooks. */

/** The director's, towards servers. */
const OTHER = "eth1";
/** How often each service is asked. */
const TIMES = 3;

/** A Lan whose servers take packets from every road, and give answers back as each wants. */
async function createLanForAll(owner: Owner): Promise<Lan> {
  const lan = createLan(owner, "director");
  const forwarding = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"];
  runInNetns(lan.director, "sysctl", "-qw", ...forwarding);
  // What is routed back to one wire has the kernel say that there is a shorter way.
  const redirects = ["ipv4.conf.all", `ipv4.conf.${lan.device}`, `ipv6.conf.${lan.device}`];
  const off = redirects.map((name) => `net.${name}.accept_redirects=0`);
  runInNetns(lan.client, "sysctl", "-qw", ...off);
  for (const netns of lan.servers) {
    holdSilently(netns);
    for (const [family, network] of [
      ["-4", "10.1.0.0/24"],
      ["-6", "fd01::/64"],
    ] as const) {
      const vip = VIP[family === "-4" ? 4 : 6];
      runInNetns(netns, "ip", family, "rule", "add", "from", vip, "lookup", "100");
      const way = ["route", "add", network, "dev", lan.device, "table", "100"];
      runInNetns(netns, "ip", family, ...way);
    }
  }
  joinTunnels(owner, lan, "all");
  await startServers(owner, lan);
  await startNamed(owner, lan.director, "here", SERVER_PORT);
  return lan;
}

const addressOf = ({ method }: Road, family: Family): string =>
  method === "bypass" ? serverHost(family, 0) : VIP[family];

function textFor(lan: Lan, road: Road, hook: string): string {
  const text = configurationOf(lan, road, {
    service: serviceOf(road),
    outer: road.outer,
    director: `  hook: ${hook}`,
  });
  return FAMILIES.reduce(
    (changed, family) => changed.replace(`"${VIP[family]}:`, `"${addressOf(road, family)}:`),
    text.replace(`[${VIP[6]}]`, `[${addressOf(road, 6)}]`),
  );
}

function expectedOf({ method }: Road, family: Family): string[] {
  const own = family === 4 ? "10.2.0.1" : "fd02::1";
  const client = method === "fullnat" ? own : family === 4 ? "10.1.0.2" : "fd01::2";
  const names = { local: ["here", "here", "here"], bypass: ["a", "a", "a"] };
  const answering = names[method as keyof typeof names] ?? ["a", "b", "c"];
  return answering.map((name) => `${name} ${client}`);
}

/** Flows that the director has had. */
const flows = async (weir: Weir): Promise<number> =>
  (await viewOf(weir)).services.reduce((sum, { counts }) => sum + counts.connections, 0);

/** A Lan whose servers are on a wire of their own, at another interface of the director. */
async function createTwoArmedLan(owner: Owner): Promise<Lan> {
  const lan = createLan(owner, "director", 0);
  const { director } = lan;
  const wire = createSwitch(owner);
  plug(wire, "director", director, OTHER);
  for (const address of ["10.2.0.1/24", "fd02::1/64"]) {
    runInNetns(director, "ip", "address", "del", address, "dev", lan.device);
    addAddress(director, address, OTHER);
  }
  const servers = NAMES.map((_, i) => {
    const addresses = [`${serverHost(4, i)}/24`, `${serverHost(6, i)}/64`];
    const netns = joinSwitch(owner, wire, `server${i}`, addresses);
    for (const via of lan.locals) {
      const family = via.includes(":") ? "-6" : "-4";
      runInNetns(netns, "ip", family, "route", "add", "default", "via", via);
    }
    return netns;
  });
  await startServers(owner, { ...lan, servers });
  return { ...lan, servers };
}

/** Every service has its clients answered, and by the director. */
async function assertCarried(lan: Lan, weir: Weir, road: Road): Promise<void> {
  const before = await flows(weir);
  const asked = FAMILIES.flatMap((family) =>
    (["tcp", "udp"] as const).map((protocol) => ({
      question: `${protocol} ${addressOf(road, family)}` as const,
      answers: expectedOf(road, family),
    })),
  );
  const questions = asked.map(({ question }) => question);
  const came = askEach(lan.client, questions, road.port, TIMES);
  // Turns go on where they were.
  for (const answers of Object.values(came)) answers.sort();
  assert.deepEqual(
    came,
    Object.fromEntries(asked.map(({ question, answers }) => [question, answers])),
  );
  assert.equal((await flows(weir)) - before, TIMES * asked.length, "the director's");
}

async function use(weir: Weir, text: string): Promise<void> {
  weir.configure(text);
  await weir.adminJson("/api/v1/reload", { method: "POST" });
}

describe("packets go to servers and back", { skip: noNetns() || noBpf() }, () => {
  for (const hook of ["tcx", "clsact"]) {
    test(`${hook}: every method, TCP and UDP, IPv4 and IPv6`, async (t) => {
      const lan = await createLanForAll(t);
      const weir = await startDirector(t, lan, textFor(lan, ROADS[0]!, hook));
      for (const road of ROADS) {
        await t.test(nameOfRoad(road), async () => {
          await use(weir, textFor(lan, road, hook));
          const { interfaces } = await viewOf(weir);
          assert.deepEqual(interfaces, [{ device: lan.device, hook }]);
          await assertCarried(lan, weir, road);
        });
      }
    });
  }

  test("clients at one interface, servers at another", async (t) => {
    const lan = await createTwoArmedLan(t);
    const both = (road: Road): string =>
      configurationOf(lan, road).replace(
        `interfaces: ${lan.device}`,
        `interfaces: [${lan.device}, ${OTHER}]`,
      );
    const weir = await startDirector(t, lan, both(NAT));
    for (const road of [NAT, FULLNAT]) {
      await t.test(nameOfRoad(road), async () => {
        await use(weir, both(road));
        await assertCarried(lan, weir, road);
      });
    }
  });
});
