import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseIp } from "#base/ip.ts";
import type { ConnectionView, DirectorView } from "#control/api.ts";
import { MessageWriter } from "#director/sync/encode.ts";
import { type SyncEntry, WIRE_FLAG } from "#director/sync/wire.ts";
import { noBpf } from "#kit/bpf.ts";
import { addAddress, askFrom, type Lan, serverHost, VIP } from "#kit/lan.ts";
import { configurationOf, SERVER_PORT, startDirector, startServers } from "#kit/lan-services.ts";
import { FAMILIES, NAT, viewOf } from "#kit/lan-ways.ts";
import { noNetns, runProgram } from "#kit/netns.ts";
import { createSyncLan, SYNC_HOSTS, speak } from "#kit/sync-lan.ts";
import { until } from "#kit/until.ts";
import type { Weir } from "#kit/weir.ts";
import type { ConnectionsDocument } from "#monitor/document.ts";

/* What a director makes of messages, whoever sends them; and how it tells others. */

const ID = 7;
/** The client's namespace speaks for an IPVS that is not there. */
const SPEAKER = "10.1.0.2";
const SERVERS = { 4: serverHost(4, 0), 6: serverHost(6, 0) };

const ip = (text: string): Uint8Array => parseIp(text)!;

const entry = (change: Partial<SyncEntry> = {}, family: 4 | 6 = 4): SyncEntry => ({
  family,
  ...{ protocol: 6, flags: 0, state: 1, timeoutSeconds: 900, mark: 0 },
  ...{ client: ip(family === 4 ? "10.1.0.50" : "fd01::50"), clientPort: 40_000 },
  ...{ service: ip(VIP[family]), servicePort: NAT.port },
  ...{ server: ip(SERVERS[family]), serverPort: SERVER_PORT },
  ...change,
});

function messagesOf(entries: readonly SyncEntry[], id = ID): Uint8Array[] {
  const writer = new MessageWriter(id, 1472);
  const messages: Uint8Array[] = [];
  for (const one of entries) {
    if (writer.add(one)) continue;
    messages.push(writer.take().bytes);
    writer.add(one);
  }
  return [...messages, writer.take().bytes];
}

type SyncView = NonNullable<DirectorView["sync"]>;
const syncOf = async (weir: Weir): Promise<SyncView> => (await viewOf(weir)).sync!;

const sync = (more = ""): string => `  sync: { interface: eth0, id: ${ID}${more} }`;

async function trackedOf(weir: Weir): Promise<readonly ConnectionView[]> {
  const path = "/api/v1/director/connections?limit=100000";
  const { connections } = (await weir.adminJson(path)) as ConnectionsDocument;
  return connections.filter(({ template }) => !template);
}

/** By family, active and inactive connections of all its servers. */
const loadsOf = async (weir: Weir): Promise<string[]> =>
  (await viewOf(weir)).services.map(({ servers }) => {
    const sum = (key: "active" | "inactive") => servers.reduce((all, one) => all + one[key], 0);
    return `${sum("active")}+${sum("inactive")}`;
  });

async function hear(weir: Weir, lan: Lan, messages: readonly Uint8Array[]): Promise<SyncView> {
  const before = (await syncOf(weir)).counts.receivedMessages;
  speak(lan.client, SPEAKER, messages);
  await until(
    "it heard all of them",
    async () => (await syncOf(weir)).counts.receivedMessages >= before + messages.length,
  );
  return syncOf(weir);
}

const start = (t: Parameters<typeof startDirector>[0], lan: Lan, more = "", service = "") =>
  startDirector(t, lan, configurationOf(lan, NAT, { director: sync(more), service }));

describe("messages of connection sync", { skip: noNetns() || noBpf() }, () => {
  test("connections are taken in, changed, and counted once", async (t) => {
    const { first } = createSyncLan(t, "director");
    const weir = await start(t, first);
    const both = FAMILIES.map((family) => entry({}, family));
    const udp = entry({ protocol: 17, state: 0, timeoutSeconds: 60, flags: WIRE_FLAG.INACTIVE });
    const { counts, peers } = await hear(weir, first, messagesOf([...both, udp]));
    assert.equal(counts.receivedConnections, 3);
    assert.deepEqual(
      peers.map(({ address, kind }) => [address, kind]),
      [[SPEAKER, "ipvs"]],
    );
    assert.deepEqual(await loadsOf(weir), ["1+1", "1+0"]);
    const words = (await trackedOf(weir)).map((one) => ({
      ...one,
      expiresMs: Math.ceil(one.expiresMs / 10_000) * 10_000,
    }));
    const service = { service: VIP[4], servicePort: 80, serviceName: "v4" };
    const at = { client: "10.1.0.50", clientPort: 40_000, ...service };
    const server = { server: SERVERS[4], serverPort: SERVER_PORT };
    assert.deepEqual(
      words.find(({ protocol }) => protocol === 17),
      { protocol: 17, state: "UDP", ...at, ...server, expiresMs: 60_000 },
    );
    assert.deepEqual(
      words.find(({ protocol, client }) => protocol === 6 && client === "10.1.0.50"),
      { protocol: 6, state: "ESTABLISHED", ...at, ...server, expiresMs: 900_000 },
    );
    await hear(weir, first, messagesOf([...both, udp]));
    assert.deepEqual(await loadsOf(weir), ["1+1", "1+0"], "the same again");
    const closed = entry({ state: 4, flags: WIRE_FLAG.INACTIVE, timeoutSeconds: 120 });
    await hear(weir, first, messagesOf([closed]));
    assert.deepEqual(await loadsOf(weir), ["0+2", "1+0"], "FIN_WAIT");
    const moved = entry({ server: ip("10.2.0.12") });
    await hear(weir, first, messagesOf([moved]));
    assert.deepEqual(await loadsOf(weir), ["1+1", "1+0"], "to another server");
    const over = entry({ client: ip("10.1.0.51"), state: 5, flags: WIRE_FLAG.INACTIVE });
    await hear(weir, first, messagesOf([over]));
    assert.equal((await trackedOf(weir)).length, 3, "what is over is not begun");
    const short = entry({ client: ip("10.1.0.52"), timeoutSeconds: 2 });
    await hear(weir, first, messagesOf([short]));
    await until("its time is over", async () => (await loadsOf(weir))[0] === "1+1");
    const { services } = await viewOf(weir);
    assert.ok(
      services.every((one) => one.counts.connections === 0),
      "none of them began here",
    );
    assert.equal((await syncOf(weir)).counts.sentConnections, 0, "nor is any sent again");
  });

  test("what is wrong is refused, and counted", async (t) => {
    const { first } = createSyncLan(t, "director");
    const weir = await start(t, first);
    const cases: readonly [string, SyncEntry][] = [
      ["service", entry({ servicePort: 81 })],
      ["service", entry({ service: ip("10.1.0.99") })],
      ["service", entry({ protocol: 132 })],
      ["server", entry({ server: ip("10.2.0.99") })],
      ["server", entry({ serverPort: 8001 })],
      ["server", entry({ serverPort: 0 })],
      ["state", entry({ state: 11 })],
      ["state", entry({ protocol: 17, state: 1 })],
      ["state", entry({ protocol: 1 })],
      ["kind", entry({ clientPort: 0 })],
      ["kind", entry({ flags: WIRE_FLAG.ONE_PACKET })],
      ["kind", entry({ flags: 0x200 })],
      ["kind", entry({ client: ip("10.1.0.50"), family: 6 })],
      ["kind", entry({ flags: WIRE_FLAG.TEMPLATE, clientPort: 0 })],
      ["kind", entry({ engine: { name: "sip", data: Uint8Array.of(97) } })],
    ];
    const { counts } = await hear(weir, first, messagesOf(cases.map(([, one]) => one)));
    for (const reason of new Set(cases.map(([name]) => name))) {
      const wanted = cases.filter(([name]) => name === reason).length;
      assert.equal(counts.refused[reason as "kind"], wanted, reason);
    }
    const [good] = messagesOf([entry()]);
    const damaged = [0, 3, 5, 6, 11, 20].map((at) => {
      const copy = good!.slice();
      copy[at]! ^= 0x80;
      return copy;
    });
    const noise = Array.from({ length: 20 }, (_, i) => new Uint8Array(1 + i * 3).fill(i));
    const { counts: after } = await hear(weir, first, [
      ...damaged.slice(0, 5),
      ...noise,
      ...messagesOf([entry()], ID + 1),
    ]);
    assert.equal(after.refused.malformed + after.refused.id, 26);
    assert.ok(after.refused.malformed > 5 && after.refused.id > 1);
    assert.equal(after.receivedConnections, 0);
    assert.deepEqual(await loadsOf(weir), ["0+0", "0+0"]);
    await hear(weir, first, messagesOf([entry()]));
    assert.deepEqual(await loadsOf(weir), ["1+0", "0+0"], "and it goes on");
  });

  test("a connection that packets use here is known better here", async (t) => {
    const { first } = createSyncLan(t, "director");
    await startServers(t, first);
    const weir = await start(t, first);
    askFrom(first.client, "udp", VIP[4], NAT.port, 1);
    const [own] = await trackedOf(weir);
    const at = { protocol: 17, state: 0, client: ip(own!.client), clientPort: own!.clientPort };
    const old = entry({ ...at, server: ip(own!.server), timeoutSeconds: 5 });
    const { counts } = await hear(weir, first, messagesOf([old]));
    assert.equal(counts.refused.older, 1);
    const [still] = await trackedOf(weir);
    assert.ok(still!.expiresMs > 250_000);
  });

  test("a director that starts late is told everything, at a pace", async (t) => {
    const { first, second } = createSyncLan(t, "director");
    const one = await start(t, first, ", pace: 1500");
    const many = Array.from({ length: 4000 }, (_, i) =>
      entry({ clientPort: 1024 + i, server: ip(`10.2.0.${11 + (i % 3)}`) }, 4),
    );
    const open = { state: 4, flags: WIRE_FLAG.INACTIVE, timeoutSeconds: 120 };
    const halves = many.slice(0, 100).map((whole) => ({ ...whole, ...open }));
    await hear(one, first, messagesOf([...many, ...halves]));
    assert.deepEqual(await loadsOf(one), ["3900+100", "0+0"]);
    const began = Date.now();
    const other = await start(t, second);
    await until("it has all", async () => (await loadsOf(other))[0] === "3900+100");
    assert.ok(Date.now() - began > 1500, "not all at once");
    const { peers, counts } = await syncOf(other);
    assert.deepEqual(
      peers.map(({ address, role }) => [address, role]),
      [[SYNC_HOSTS[0], "both"]],
    );
    assert.equal(counts.sentConnections, 0, "what it was told it does not tell again");
    assert.match(other.err, /Connection sync: 10\.1\.0\.1 is there/);
    const { out } = await other.cli("l4", "sync");
    assert.match(out, /both, sync id 7, by eth0 to 224\.0\.0\.81:8848/);
    assert.match(out, /10\.1\.0\.1 +weir +both/);
    const told = (await syncOf(one)).counts.sentConnections;
    assert.equal((await one.cli("l4", "sync", "--send")).code, 0);
    await until(
      "all is told again",
      async () => (await syncOf(one)).counts.sentConnections >= told + 4000,
    );
    await other.kill();
    await until("it is missed", async () => (await syncOf(one)).peers.some((peer) => peer.isLost));
    assert.match(one.err, /nothing is heard of 10\.1\.0\.9/);
  });

  test("a client goes where another director sent it", async (t) => {
    const { first } = createSyncLan(t, "director");
    await startServers(t, first);
    const weir = await start(t, first, "", ", persistence: { timeout: 5m, mask: 24, mask6: 64 }");
    const flags = WIRE_FLAG.TEMPLATE;
    const templates = FAMILIES.map((family) =>
      entry({ flags, clientPort: 0, server: ip(serverHost(family, 2)) }, family),
    );
    const { counts } = await hear(weir, first, messagesOf(templates));
    assert.equal(counts.receivedTemplates, 2);
    for (const family of FAMILIES) {
      const [answer] = askFrom(first.client, "tcp", VIP[family], NAT.port, 1);
      assert.match(answer!, /^c /, "where turns would begin with a");
    }
  });

  test("services by mark, of ranges and of all ports", async (t) => {
    const { first } = createSyncLan(t, "director");
    const servers = "servers: { a: 10.2.0.11:0 }";
    const more = "method: dr, backend: all, persistence: 1m }";
    const weir = await startDirector(
      t,
      first,
      `director: { interfaces: eth0, pins: ${first.pins}, sync: { interface: eth0, id: ${ID} } }
services:
  mark: { mark: 9, protocol: tcp, ${more}
  range: { bind: "10.1.0.98:5000-5099", ${more}
  all: { bind: "10.1.0.99:*", ${more}
backends:
  all: { ${servers} }
`,
    );
    const at = { server: ip("10.2.0.11"), flags: WIRE_FLAG.DR };
    const to = (host: string, port: number, change: Partial<SyncEntry> = {}) =>
      entry({ ...at, service: ip(host), servicePort: port, serverPort: port, ...change });
    const template = { flags: WIRE_FLAG.TEMPLATE, clientPort: 0, state: 1 };
    const { counts } = await hear(
      weir,
      first,
      messagesOf([
        to("192.0.2.1", 443, { mark: 9 }),
        to("192.0.2.1", 443, { mark: 8 }),
        to("10.1.0.98", 5050),
        to("10.1.0.98", 5100),
        to("10.1.0.99", 22),
        to("0.0.0.9", 0, { ...template, protocol: 0 }),
        to("10.1.0.98", 5000, template),
        to("10.1.0.98", 0, template),
        to("10.1.0.99", 0, template),
      ]),
    );
    assert.equal(counts.receivedConnections, 3);
    assert.equal(counts.receivedTemplates, 3);
    assert.equal(counts.refused.service, 3);
    assert.equal((await trackedOf(weir)).length, 3);
  });

  test("a reload begins, changes and ends it", async (t) => {
    const { first } = createSyncLan(t, "director");
    const weir = await startDirector(t, first, configurationOf(first, NAT));
    assert.equal((await viewOf(weir)).sync, undefined);
    const refused = await weir.cli("l4", "sync");
    assert.equal(refused.code, 2);
    const reload = async (director: string) => {
      weir.configure(configurationOf(first, NAT, { director }));
      assert.equal((await weir.cli("reload")).code, 0);
    };
    await reload(sync());
    await until("it is open", async () => (await syncOf(weir)).counts.sentMessages > 0);
    await hear(weir, first, messagesOf([entry()]));
    assert.deepEqual(await loadsOf(weir), ["1+0", "0+0"]);
    await reload(sync(", role: master"));
    await until("it is open", async () => (await syncOf(weir)).counts.sentMessages > 0);
    const other = entry({ clientPort: 2 });
    assert.equal((await hear(weir, first, messagesOf([other]))).counts.refused.role, 1);
    const link = (...words: string[]) => runProgram("ip", "-n", first.director, "link", ...words);
    link("add", "side", "type", "veth", "peer", "name", "end");
    for (const device of ["side", "end"]) link("set", device, "up");
    addAddress(first.director, "10.3.0.1/24", "side");
    await reload("  sync: { interface: side, role: backup }");
    await until("it is open", async () => (await syncOf(weir)).counts.sentMessages > 0);
    assert.equal((await weir.cli("l4", "sync", "--send")).code, 2);
    link("del", "side");
    await until("it is missed", async () => (await syncOf(weir)).problem !== undefined);
    await reload("  sync: { interface: nowhere }");
    assert.match((await syncOf(weir)).problem!, /nowhere is down, or has no IPv4 address/);
    await reload("");
    assert.equal((await viewOf(weir)).sync, undefined);
    assert.deepEqual(await loadsOf(weir), ["1+0", "0+0"], "connections stay");
  });

  test("who stays where is told too, and over unicast", async (t) => {
    const { first, second } = createSyncLan(t, "director");
    await startServers(t, first);
    const persistent = ", persistence: 5m";
    const to = (i: 0 | 1): string => `, peers: ${SYNC_HOSTS[i]}, templatesOnly: true`;
    const one = await start(t, first, to(1), persistent);
    const other = await start(t, second, to(0), persistent);
    const [name] = askFrom(first.client, "tcp", VIP[4], NAT.port, 1);
    const [name6] = askFrom(first.client, "tcp", VIP[6], NAT.port, 1);
    await until("it knows them", async () => (await syncOf(other)).counts.receivedTemplates >= 2);
    assert.equal((await syncOf(other)).counts.receivedConnections, 0);
    const { counts, to: targets } = await syncOf(one);
    assert.deepEqual(targets, [SYNC_HOSTS[1]]);
    assert.equal(counts.refused.malformed + counts.sentConnections, 0);
    assert.ok(name && name6);
    const tables = (await other.adminJson("/api/v1/director/maps")) as {
      tables: { name: string; used: number }[];
    };
    assert.equal(tables.tables.find((table) => table.name === "templates")!.used, 2);
  });
});
