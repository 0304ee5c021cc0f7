import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { createCgroup, inCgroup, noCgroup } from "#kit/client-cgroup.ts";
import { createLan, type Family, type Lan, VIP } from "#kit/lan.ts";
import {
  configurationOf,
  SERVER_PORT,
  startDirector,
  startServers,
  type Way,
} from "#kit/lan-services.ts";
import { FAMILIES, FULLNAT, urlOf, viewOf } from "#kit/lan-ways.ts";
import { noNetns, noProgram, runInNetns } from "#kit/netns.ts";
import { nodePlace, weirIn } from "#kit/tunnel-lan.ts";
import { startWeir } from "#kit/weir.ts";

/* Layer 4 in front of layer 7. */

const AT = `${VIP[4]}:8080`;
const WAY: Way = { method: "dr", port: 8080 };
const CLIENT = { 4: "10.1.0.2", 6: "fd01::2" } as const;

/** A weir on the machine of a server, which is its own. */
const layer7 = (bind: string): string => `
frontends: { web: { bind: ${bind}, default: app } }
backends: { app: { check: off, servers: { a: "127.0.0.1:${SERVER_PORT}" } } }
`;

/** The client's address as the server behind layer 7 is told. */
function seenClient(lan: Lan, port: number, family: Family): string | undefined {
  const url = urlOf({ ...WAY, port }, family);
  const answer = runInNetns(lan.client, "curl", "-si", "-m", "5", url);
  return /^x-client: (.*)\r$/im.exec(answer)?.[1];
}

describe("in front of layer 7", {
  skip: noNetns() || noBpf() || noCgroup() || noProgram("curl"),
}, () => {
  test("local: a service of packets leads to a frontend of the same machine", async (t) => {
    const lan = createLan(t, "director");
    await startServers(t, lan);
    const weir = await startDirector(
      t,
      lan,
      `
director: { interfaces: ${lan.device}, pins: ${lan.pins} }
services: { web: { bind: "${AT}", method: local, backend: here } }
frontends: { web: { bind: "${AT}", default: app } }
backends:
  here: { balance: rr, check: off, servers: { a: "${AT}" } }
  app: { servers: { a: "10.2.0.11:${SERVER_PORT}", b: "10.2.0.12:${SERVER_PORT}" } }
`,
    );
    assert.match(runInNetns(lan.client, "curl", "-s", "-m", "3", `http://${AT}/`), /^[ab]\n$/);
    const { out } = await weir.cli("l4", "list", "--stats", "--json");
    const [service] = (JSON.parse(out) as { services: { counts: { connections: number } }[] })
      .services;
    assert.equal(service!.counts.connections, 1);
  });

  test("dr over weirs of other machines: they see clients, of both families", async (t) => {
    const lan = createLan(t, "direct", 2);
    await startServers(t, lan);
    const vips = layer7(`["${AT}", "[${VIP[6]}]:8080"]`);
    for (const netns of lan.servers) await startWeir(t, () => vips, { netns, ports: [] });
    const check = "{ type: http, path: /, via: vFAMILY, interval: 100ms }";
    const servers = ["a", "b"];
    const text = configurationOf(lan, WAY, { servers, check, protocol: "tcp" });
    const way = text.replaceAll(`:${SERVER_PORT}"`, `:${WAY.port}"`);
    const weir = await startDirector(t, lan, way);
    for (const family of FAMILIES) {
      for (let i = 0; i < 4; i++) assert.equal(seenClient(lan, WAY.port, family), CLIENT[family]);
    }
    const { services } = await viewOf(weir);
    for (const { servers } of services) {
      const counts = servers.map(({ counts }) => counts.connections);
      assert.deepEqual(counts, [2, 2], "both have their share");
    }
  });

  for (const driver of ["io_uring", "epoll"]) {
    test(`fullnat that tells of clients: a weir on ${driver} knows them`, async (t) => {
      const cgroup = createCgroup(t);
      const lan = createLan(t, "director", 1);
      await startServers(t, lan);
      const [netns] = lan.servers;
      const before = inCgroup(cgroup);
      const text = `${layer7('"[::]:8080"')}engine: { threads: 1, driver: ${driver} }\n`;
      await startWeir(t, () => text, { netns: netns!, ports: [], before });
      const from = lan.locals.flatMap((address) => ["--from", address]);
      const place = nodePlace(t, lan.pins);
      const words = ["join", "fullnat", ...from, "--cgroup", cgroup, ...place];
      const { code, err } = weirIn(netns!, "node", ...words);
      assert.equal(code, 0, err);
      const wanted = { servers: ["a"], protocol: "tcp", service: ", passClient: true" };
      const way = configurationOf(lan, FULLNAT, wanted);
      await startDirector(t, lan, way.replaceAll(`:${SERVER_PORT}"`, `:${WAY.port}"`));
      for (const family of FAMILIES) {
        assert.equal(seenClient(lan, FULLNAT.port, family), CLIENT[family]);
      }
    });
  }
});
