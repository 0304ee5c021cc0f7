import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { DirectorView } from "#control/api.ts";
import { linkIndex } from "#io/bpf/pinned-link.ts";
import { noBpf } from "#kit/bpf.ts";
import { askFrom, createLan, HeldConnection, type Lan, VIP } from "#kit/lan.ts";
import { configurationOf, startDirector, startServers, type Way } from "#kit/lan-services.ts";
import { createLanFor, nameOfRoad, SOME_ROADS, serviceOf } from "#kit/lan-ways.ts";
import { noNetns, runInNetns } from "#kit/netns.ts";
import { SteadyClients } from "#kit/steady-clients.ts";
import { until } from "#kit/until.ts";
import { runWeir } from "#kit/weir.ts";
import type { TablesDocument } from "#monitor/document.ts";

/* The director while control comes and goes, and while servers do. */

const NAT: Way = { method: "nat", port: 80 };
const nameOf = (answer: string): string => answer.split(" ")[0]!;

/** A datagram each from enough ports to have a table of 4096 connections nearly full. */
const SEND_FROM_MANY_PORTS = `
const { createSocket } = require("node:dgram");
const send = (port) => {
  if (port === 10000 + 3900) return;
  const socket = createSocket("udp4");
  const next = () => socket.close(() => send(port + 1));
  socket.bind(port, () => socket.send("?", 80, process.argv[1], next));
};
send(10000);
`;

function ask(lan: Lan, count: number): string[] {
  return askFrom(lan.client, "tcp", VIP[4], NAT.port, count).map(nameOf);
}

describe("the director's life", { skip: noNetns() || noBpf() }, () => {
  for (const [road, family] of SOME_ROADS) {
    test(`${nameOfRoad(road)}, IPv${family}: control is upgraded, killed and back under load`, async (t) => {
      const lan = createLanFor(t, road);
      await startServers(t, lan);
      const text = configurationOf(lan, road, { service: serviceOf(road) });
      const weir = await startDirector(t, lan, text);
      const clients = new SteadyClients(t, lan.client, VIP[family], road.port, 6);
      const goOn = (when: string): Promise<void> => {
        const { served } = clients.now;
        return clients.reach(`new connections ${when}`, (now) => now.served > served + 20);
      };
      await goOn("at first");
      const { servers } = clients.now;
      assert.ok(servers.every(Boolean), servers.join());
      const former = await weir.enginePid();
      assert.equal((await weir.cli("upgrade")).code, 0);
      assert.notEqual(await weir.enginePid(), former);
      await goOn("after the upgrade");
      await weir.kill();
      await goOn("without any process of ours");
      await weir.start();
      assert.match(weir.err, /goes on with the connections that are there/);
      await goOn("in the end");
      const { lost, refused, servers: left } = clients.now;
      assert.deepEqual({ lost, refused, left }, { lost: [], refused: 0, left: servers });
    });
  }

  test("a server that drains keeps its connections and gets no others", async (t) => {
    const lan = createLan(t, "director");
    await startServers(t, lan);
    const weir = await startDirector(t, lan, configurationOf(lan, NAT));
    const held = await HeldConnection.open(t, lan.client, VIP[4], NAT.port);
    const name = nameOf(await held.ask());
    const { code } = await weir.cli("server", "drain", `v4/${name}`);
    assert.equal(code, 0);
    await until("it takes nothing new", () => !ask(lan, 3).includes(name));
    assert.equal(nameOf(await held.ask()), name);
    await weir.cli("server", "ready", `v4/${name}`);
    await until("it is back", () => ask(lan, 3).includes(name));
  });

  test("a server that dies is found out", async (t) => {
    const lan = createLan(t, "director");
    const [first] = await startServers(t, lan);
    const check = "{ type: tcp, interval: 100ms, fall: 2, rise: 1 }";
    await startDirector(t, lan, configurationOf(lan, NAT, { check }));
    assert.deepEqual(new Set(ask(lan, 3)).size, 3);
    first!.kill("SIGKILL");
    await until("it is left out", () => {
      const answers = ask(lan, 4);
      return !answers.includes("a") && !answers.includes("ECONNREFUSED");
    });
  });

  test("servers come and go with a reload, connections stay", async (t) => {
    const lan = createLan(t, "director");
    await startServers(t, lan);
    const weir = await startDirector(t, lan, configurationOf(lan, NAT, { servers: ["b", "c"] }));
    const held = await HeldConnection.open(t, lan.client, VIP[4], NAT.port);
    assert.equal(nameOf(await held.ask()), "b");
    weir.configure(configurationOf(lan, NAT, { servers: ["a", "b", "c"] }));
    assert.equal((await weir.cli("reload")).code, 0);
    assert.deepEqual(new Set(ask(lan, 3)), new Set(["a", "b", "c"]));
    assert.equal(nameOf(await held.ask()), "b");
    weir.configure(configurationOf(lan, NAT, { servers: ["a", "c"] }));
    assert.equal((await weir.cli("reload")).code, 0);
    assert.ok(!ask(lan, 4).includes("b"));
    const { services } = (await weir.adminJson("/api/v1/director")) as DirectorView;
    const [service] = services;
    const present = service!.servers.reduce((sum, { counts }) => sum + counts.connections, 0);
    assert.ok(present < service!.counts.connections, "what the server had still counts");
    // As IPVS has it: packets of a server that was removed are dropped, until it comes back.
    weir.configure(configurationOf(lan, NAT, { servers: ["c", "b"] }));
    assert.equal((await weir.cli("reload")).code, 0);
    assert.equal(nameOf(await held.ask()), "b");
  });

  for (const method of ["nat", "fullnat"] as const) {
    test(`a server is removed, its connections go on where they may (${method})`, async (t) => {
      const lan = createLan(t, "director");
      await startServers(t, lan);
      const configuration = (servers: readonly string[], director = ""): string =>
        configurationOf(
          lan,
          { method, port: NAT.port },
          { servers, service: ", onServerRemoved: keep", director },
        );
      const weir = await startDirector(t, lan, configuration(["b", "c"]));
      const held = await HeldConnection.open(t, lan.client, VIP[4], NAT.port);
      assert.equal(nameOf(await held.ask()), "b");
      weir.configure(configuration(["c"]));
      assert.equal((await weir.cli("reload")).code, 0);
      assert.deepEqual(new Set(ask(lan, 4)), new Set(["c"]));
      assert.equal(nameOf(await held.ask()), "b");
      await weir.kill();
      await weir.start();
      assert.equal(nameOf(await held.ask()), "b", "the next control knows it, too");
      weir.configure(configuration(["c"], "  timeouts: { tcp: 1s }"));
      assert.equal((await weir.cli("reload")).code, 0);
      await until("it is silent for too long, and nothing of the server is left", async () => {
        const { tables } = (await weir.adminJson("/api/v1/director/maps")) as TablesDocument;
        // One server of two services, for TCP and UDP.
        return tables.find(({ name }) => name === "servers")!.used === 4;
      });
      assert.match(await held.ask(), /ECONNRESET/);
    });
  }

  test("a service gets many more servers: connections go on", async (t) => {
    const lan = createLan(t, "director");
    await startServers(t, lan);
    const configuration = (more: number): string => {
      const text = configurationOf(lan, NAT, { servers: ["b", "c"] });
      const others = Array.from(
        { length: more },
        (_, i) => `x${i}: { address: "10.2.0.${50 + i}:8000", weight: 0 }, `,
      );
      return text.replace(/(v4: \{ balance.*servers: \{ )/, `$1${others.join("")}`);
    };
    const weir = await startDirector(t, lan, configuration(0));
    const held = await HeldConnection.open(t, lan.client, VIP[4], NAT.port);
    assert.equal(nameOf(await held.ask()), "b");
    for (const more of [20, 40]) {
      weir.configure(configuration(more));
      assert.equal((await weir.cli("reload")).code, 0);
      assert.equal(nameOf(await held.ask()), "b");
      assert.deepEqual(new Set(ask(lan, 4)), new Set(["b", "c"]));
    }
    await weir.kill();
    await weir.start();
    assert.equal(nameOf(await held.ask()), "b", "the next control knows it, too");
  });

  test("as another account: only what the director needs is kept of root's rights", async (t) => {
    const lan = createLan(t, "director");
    await startServers(t, lan);
    const engine = "engine: { threads: 1, user: nobody }";
    const weir = await startDirector(t, lan, `${configurationOf(lan, NAT)}${engine}\n`);
    chmodSync(weir.directory, 0o755);
    assert.equal(new Set(ask(lan, 3)).size, 3);
    const pid = await weir.enginePid();
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    assert.match(status, /^Uid:\t65534/m);
    // CAP_NET_ADMIN, CAP_PERFMON, CAP_BPF.
    assert.match(status, /^CapEff:\t000000c000001000$/m);
    const task = `/proc/${pid}/task`;
    const read = (thread: string, file: string) =>
      readFileSync(`${task}/${thread}/${file}`, "utf8");
    // A thread begins with what its maker has.
    await until("no other thread has them, nor the worker that stands by", () => {
      const others = readdirSync(task).filter((thread) => thread !== String(pid));
      const workers = others.filter((thread) => /^(spare )?worker/.test(read(thread, "comm")));
      const bare = others.filter((thread) => /^CapEff:\t0{16}$/m.test(read(thread, "status")));
      return workers.length === 2 && bare.length === others.length;
    });
    weir.configure(`${configurationOf(lan, NAT, { servers: ["c"] })}${engine}\n`);
    assert.equal((await weir.cli("reload")).code, 0);
    assert.deepEqual(ask(lan, 3), ["c", "c", "c"]);
    await weir.kill();
    await weir.start();
    assert.match(weir.err, /goes on with the connections that are there/);
    assert.deepEqual(ask(lan, 2), ["c", "c"]);
  });

  test("the connection table keeps its size, and that is said, until it is flushed", async (t) => {
    const lan = createLan(t, "director");
    await startServers(t, lan);
    const configuration = (connections: number): string =>
      configurationOf(lan, NAT, { director: `  connections: ${connections}` });
    const weir = await startDirector(t, lan, configuration(4096));
    const held = await HeldConnection.open(t, lan.client, VIP[4], NAT.port);
    const name = nameOf(await held.ask());
    weir.configure(configuration(8192));
    assert.equal((await weir.cli("upgrade")).code, 0);
    assert.equal(nameOf(await held.ask()), name);
    const said = /keeps the 4096 entries .* not director\.connections 8192: stop weir, `weir direc/;
    await weir.said(said);
    assert.match((await weir.cli("status")).out, said);
    assert.match(
      (await weir.cli("l4", "maps")).out,
      /connections keeps 4096 rows, wanted: 8192; .*templates keeps 1024 rows, wanted: 2048/,
    );
    await weir.stop();
    assert.equal((await runWeir(["director", "flush", "--pins", lan.pins])).code, 0);
    await weir.start();
    assert.doesNotMatch(weir.err, said);
    assert.match((await weir.cli("l4", "maps")).out, /^connections +lru_hash +0 +8192 /m);
  });

  test("a connection table that is nearly full is told of, and that it is over", async (t) => {
    const lan = createLan(t, "director");
    const more = (udp: string): string => `  connections: 4096\n  timeouts: { udp: ${udp} }`;
    const weir = await startDirector(t, lan, configurationOf(lan, NAT, { director: more("5m") }));
    runInNetns(lan.client, process.execPath, "-e", SEND_FROM_MANY_PORTS, "--", VIP[4]);
    await weir.said(/The connection table is 9\d% full \(\d+ of 4096\): a full one throws out/);
    assert.match((await weir.cli("status")).out, /▼ layer 4: The connection table is 9\d% full/);
    weir.configure(configurationOf(lan, NAT, { director: more("1s") }));
    assert.equal((await weir.cli("reload")).code, 0);
    await weir.said(/The connection table has room again: it has \d+ of 4096 connections now/);
    assert.doesNotMatch((await weir.cli("status")).out, /▼ layer 4/);
  });

  test("an interface that comes later, or is made anew, is taken as well", async (t) => {
    const lan = createLan(t, "director");
    await startServers(t, lan);
    const both = `interfaces: [${lan.device}, later]`;
    const text = configurationOf(lan, NAT).replace(`interfaces: ${lan.device}`, both);
    const weir = await startDirector(t, lan, text);
    const taken = async () => {
      const { interfaces } = (await weir.adminJson("/api/v1/director")) as DirectorView;
      return interfaces.find(({ device }) => device === "later")!;
    };
    assert.match((await taken()).problem!, /ENODEV/);
    for (let round = 1; round <= 2; round++) {
      runInNetns(lan.director, "ip", ..."link add later type veth peer name other".split(" "));
      await until("its packets are taken", async () => (await taken()).problem === undefined);
      await weir.said(/Packets of later: by \w+/, round);
      const index = Number.parseInt(
        runInNetns(lan.director, "ip", "-o", "link", "show", "later"),
        10,
      );
      assert.equal(linkIndex(`/sys/fs/bpf/${lan.pins}/tcx/later:ingress`), index);
      runInNetns(lan.director, "ip", "link", "delete", "later");
      await until("it is missed", async () => (await taken()).problem !== undefined);
    }
    assert.equal(new Set(ask(lan, 3)).size, 3);
  });

  test("no service is left: nothing stays in the kernel", async (t) => {
    const lan = createLan(t, "director");
    await startServers(t, lan);
    const weir = await startDirector(t, lan, configurationOf(lan, NAT));
    assert.ok(existsSync(`/sys/fs/bpf/${lan.pins}`));
    weir.configure(`
frontends: { web: { bind: "127.0.0.1:0", default: app } }
backends: { app: { servers: { a: 127.0.0.1:1 } } }
`);
    assert.equal((await weir.cli("reload")).code, 0);
    assert.ok(!existsSync(`/sys/fs/bpf/${lan.pins}`));
  });
});
