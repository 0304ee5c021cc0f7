import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import type { DirectorView } from "#control/api.ts";
import { noBpf } from "#kit/bpf.ts";
import { askFrom, createLan, HeldConnection, VIP } from "#kit/lan.ts";
import { startServers } from "#kit/lan-services.ts";
import { noNetns } from "#kit/netns.ts";
import { until } from "#kit/until.ts";
import { runWeir, startWeir } from "#kit/weir.ts";
import type { ConnectionsDocument, TablesDocument } from "#monitor/document.ts";

/* What commands show and do about a director with real traffic. */

describe("commands of layer 4", { skip: noNetns() || noBpf() }, () => {
  test("rules imported, run, listed, saved, and taken out again", async (t) => {
    const lan = createLan(t, "director", 1);
    await startServers(t, lan);
    const rules = `-A -t ${VIP[4]}:80 -s wlc -p 300\n-a -t ${VIP[4]}:80 -r 10.2.0.11:8000 -m -w 2\n`;
    const config = (imported: string): string =>
      imported.replace(/^director:\n/m, `director:\n  pins: ${lan.pins}\n`);
    const imported = await runWeir(["import", "ipvsadm", "-i", lan.device], { input: rules });
    assert.deepEqual([imported.code, imported.err], [0, ""]);

    const weir = await startWeir(t, () => config(imported.out), { netns: lan.director, ports: [] });
    const held = await HeldConnection.open(t, lan.client, VIP[4], 80);
    assert.equal(await held.ask(), "a 10.1.0.2");
    assert.equal(askFrom(lan.client, "tcp", VIP[4], 80, 2).length, 2);

    const list = await weir.cli("l4", "list", "-n");
    assert.match(list.out, /^TCP {2}10\.1\.0\.100:80 wlc persistent 300$/m);
    assert.match(list.out, /^ {2}-> 10\.2\.0\.11:8000 +Masq +2 +1 +2 *$/m);
    const stats = await weir.cli("l4", "list", "--stats", "--exact");
    assert.match(stats.out, /^TCP {2}10\.1\.0\.100:80 +3 +\d+ +\d+ +\d+ +\d+$/m);
    assert.equal((await weir.cli("l4", "save")).out, rules);
    assert.match((await weir.cli("status")).out, /tcp 10\.1\.0\.100:80 +nat +wlc +1\/1 +1 +2 /);

    const tracked = await weir.cli("l4", "connections", "--client", "10.1.0.2", "--json");
    const { connections, complete } = JSON.parse(tracked.out) as ConnectionsDocument;
    assert.deepEqual([connections.length, complete], [4, true]);
    assert.equal(connections[3]!.template, true);
    assert.equal(connections.filter(({ state }) => state === "ESTABLISHED").length, 1);
    const table = await weir.cli("l4", "connections");
    assert.match(table.out, /^TCP 1[45]:\d\d +ESTABLISHED 10\.1\.0\.2:\d+ +10\.1\.0\.100:80 /m);

    const templates = await weir.cli("l4", "connections", "--templates");
    assert.match(
      templates.out,
      /\nTCP 0[45]:\d\d +NONE +10\.1\.0\.2:0 +10\.1\.0\.100:80 +10\.2\.0\.11:8000\n$/,
    );

    const maps = await weir.cli("l4", "maps");
    assert.match(maps.out, /^connections +lru_hash +3 +\d+ +64 B +[\d.]+ [kM]B +connections$/m);
    assert.match(maps.out, /^destinations +array +1 +16384 /m);
    const pinned = await weir.cli("l4", "maps", "--pins", lan.pins, "--json");
    const { tables } = JSON.parse(pinned.out) as TablesDocument;
    assert.equal(tables.length, maps.out.split("\n").length - 4);
    assert.ok(tables.find(({ name }) => name === "connections")!.memoryBytes > 1 << 20);

    const tracing = weir.cli("l4", "trace", "--client", "10.1.0.2", "--count", "4");
    let isTraced = false;
    void tracing.then(() => (isTraced = true));
    await until("packets are told of", async () => {
      await held.ask();
      return isTraced;
    });
    const trace = await tracing;
    assert.equal(trace.err, "(4 packets)\n");
    const [packet] = trace.out.split("\n");
    assert.match(
      packet!,
      /^[\d:.]{15} TCP 10\.1\.0\.2:\d+ [<>] 10\.1\.0\.100:80 \[\w+\] \d+ B tcp-10\.1\.0\.100-80 /,
    );
    assert.match(trace.out, / forwarded → 10\.2\.0\.11-8000 10\.2\.0\.11:8000 ESTABLISHED$/m);
    assert.match(trace.out, / reply ← 10\.2\.0\.11-8000 10\.2\.0\.11:8000 ESTABLISHED$/m);
    const other = await weir.cli("l4", "trace", "--service", `${VIP[4]}:81`);
    assert.deepEqual([other.code, other.out], [2, ""]);
    const none = await weir.cli("l4", "trace", "--client", "10.1.0.99", "--seconds", "1");
    assert.deepEqual([none.code, none.out, none.err], [0, "", "(1 s)\n"]);

    const { text } = await weir.admin("/metrics");
    assert.match(text, /^weir_service_connections_total\{service="tcp-10\.1\.0\.100-80"\} 3$/m);
    assert.match(text, /^weir_director_interface_up\{interface="eth0"\} 1$/m);
    assert.equal((await weir.cli("healthcheck")).code, 0);

    await until("rates are there", async () => {
      askFrom(lan.client, "tcp", VIP[4], 80, 5);
      const { services } = (await weir.adminJson("/api/v1/director")) as DirectorView;
      return services[0]!.rates.connections > 0 && services[0]!.servers[0]!.rates.inBytes > 0;
    });
    const rates = await weir.cli("l4", "rates", "--once");
    assert.match(rates.out, /^ {2}10\.2\.0\.11-8000 +10\.2\.0\.11:8000 +2 +1 +\d+ +[\d.]+ /m);

    assert.equal((await weir.cli("director", "flush", "--pins", lan.pins)).code, 7);
    const stopped = await weir.cli("stop", "--now", "--flush");
    assert.equal(stopped.out, `stopped\ndirector ${lan.pins} is out of the kernel\n`);
    assert.equal(existsSync(`/sys/fs/bpf/${lan.pins}`), false);
  });

  test("an interface that is not there makes it not ready", async (t) => {
    const lan = createLan(t, "director", 1);
    const weir = await startWeir(
      t,
      () => `
director: { interfaces: [eth0, eth7], pins: ${lan.pins} }
services: { web: { bind: "${VIP[4]}:80", method: nat, backend: app } }
backends: { app: { balance: rr, servers: { a: 10.2.0.11:8000 } } }
`,
      { netns: lan.director, ports: [] },
    );
    const health = await weir.cli("healthcheck");
    assert.equal(health.code, 1);
    assert.match(health.out, /packets of eth7 are not taken: /);
    await weir.stop();
    // What goes on in the kernel is taken out by hand.
    const flushed = await weir.cli("director", "flush", "--pins", lan.pins);
    assert.equal(flushed.out, `director ${lan.pins} is out of the kernel\n`);
  });
});
