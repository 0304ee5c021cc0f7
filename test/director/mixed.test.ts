import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import {
  askEach,
  askFrom,
  createLan,
  type Family,
  HeldConnection,
  holdSilently,
  type Lan,
  serverHost,
  startNamed,
  VIP,
} from "#kit/lan.ts";
import { NAMES, SERVER_PORT, startDirector } from "#kit/lan-services.ts";
import { FAMILIES, joinTunnels, viewOf } from "#kit/lan-ways.ts";
import { noNetns, noProgram, runInNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { until } from "#kit/until.ts";
import type { Weir } from "#kit/weir.ts";
import { loadDuring } from "#kit/wrk.ts";

/*
 * One service whose servers are reached by methods of their own: `a` by nat, at another port; `b`
 * by dr; `c` by a tunnel.
 */

const NAT_PORT = 9000;
const ROUNDS = 6;

const bracket = (host: string): string => (host.includes(":") ? `[${host}]` : host);

/** Servers as YAML, by their names. */
const serversOf = (family: Family): Readonly<Record<string, string>> => {
  const at = (name: string, port: number): string =>
    `address: "${bracket(serverHost(family, NAMES.indexOf(name)))}:${port}"`;
  return {
    a: `{ ${at("a", NAT_PORT)}, method: nat }`,
    b: `{ ${at("b", SERVER_PORT)} }`,
    c: `{ ${at("c", SERVER_PORT)}, method: tun, tunnel: gue }`,
  };
};

interface Wanted {
  readonly names?: readonly string[];
  /** A backend's `check`; `FAMILY` in it is the one its servers are of. */
  readonly check?: string;
  readonly service?: string;
  /** Instead of servers as they are usually. */
  readonly others?: Readonly<Record<string, string>>;
}

function configuration(lan: Lan, wanted: Wanted = {}): string {
  const { names = NAMES, check = "off", service = "", others = {} } = wanted;
  const serviceOf = (family: Family): string =>
    `  v${family}: { bind: "${bracket(VIP[family])}:${SERVER_PORT}", protocol: [tcp, udp], ` +
    `method: dr, backend: v${family}${service} }`;
  const backendOf = (family: Family): string => {
    const all = { ...serversOf(family), ...others };
    const servers = names.map((name) => `${name}: ${all[name]}`).join(", ");
    const own = check.replace("FAMILY", String(family));
    return `  v${family}: { balance: rr, check: ${own}, servers: { ${servers} } }`;
  };
  return `
director: { interfaces: ${lan.device}, pins: ${lan.pins} }
services:
${FAMILIES.map(serviceOf).join("\n")}
backends:
${FAMILIES.map(backendOf).join("\n")}
`;
}

/** A Lan each of whose servers is ready for its own method, and runs. */
async function createMixedLan(owner: Owner): Promise<Lan> {
  const lan = createLan(owner, "director");
  const [a, b, c] = lan.servers as [string, string, string];
  for (const netns of [b, c]) {
    runInNetns(netns, "ip", "route", "add", "10.1.0.0/24", "dev", lan.device);
    runInNetns(netns, "ip", "-6", "route", "add", "fd01::/64", "dev", lan.device);
  }
  holdSilently(b);
  joinTunnels(owner, { ...lan, servers: [c] }, "gue");
  await startNamed(owner, a, "a", NAT_PORT);
  await startNamed(owner, b, "b", SERVER_PORT);
  await startNamed(owner, c, "c", SERVER_PORT);
  return lan;
}

async function reload(weir: Weir, text: string): Promise<void> {
  weir.configure(text);
  await weir.adminJson("/api/v1/reload", { method: "POST" });
}

const nameOf = (answer: string): string => answer.split(" ")[0]!;
const ask = (lan: Lan, count: number): string[] =>
  askFrom(lan.client, "tcp", VIP[4], SERVER_PORT, count).map(nameOf);

/** Connections to these servers, one each, of a client that is asked by turns. */
async function hold(owner: Owner, lan: Lan): Promise<Map<string, HeldConnection>> {
  const held = new Map<string, HeldConnection>();
  for (let i = 0; i < NAMES.length; i++) {
    const one = await HeldConnection.open(owner, lan.client, VIP[4], SERVER_PORT);
    held.set(nameOf(await one.ask()), one);
  }
  assert.deepEqual([...held.keys()].sort(), NAMES);
  return held;
}

describe("servers of one service by methods of their own", { skip: noNetns() || noBpf() }, () => {
  test("each carries traffic its way; the list says which", async (t) => {
    const lan = await createMixedLan(t);
    const weir = await startDirector(t, lan, configuration(lan));
    const questions = FAMILIES.flatMap((family) =>
      (["tcp", "udp"] as const).map((protocol) => `${protocol} ${VIP[family]}` as const),
    );
    const answers = askEach(lan.client, questions, SERVER_PORT, 6);
    for (const question of questions) {
      const client = question.includes(":") ? "fd01::2" : "10.1.0.2";
      const wanted = [...NAMES, ...NAMES].map((name) => `${name} ${client}`);
      assert.deepEqual(answers[question]!.toSorted(), wanted.sort(), question);
    }
    const { services } = await viewOf(weir);
    for (const { servers } of services) {
      for (const { name, counts } of servers) {
        assert.equal(counts.connections, 4, name);
        // Of those who answer clients directly no answer comes this way.
        assert.equal(counts.outPackets > 0, name === "a", name);
      }
    }
    const { out } = await weir.cli("l4", "list");
    const words = out.matchAll(/-> (\S+:\d+) +(\w+) /g);
    assert.deepEqual(
      [...words].map(([, address, word]) => [address, word]),
      FAMILIES.flatMap((family) => [
        [`${bracket(serverHost(family, 0))}:${NAT_PORT}`, "Masq"],
        [`${bracket(serverHost(family, 1))}:${SERVER_PORT}`, "Route"],
        [`${bracket(serverHost(family, 2))}:${SERVER_PORT}`, "Tunnel"],
      ]),
    );
    const { out: rules } = await weir.cli("l4", "save");
    assert.match(rules, /-r 10\.2\.0\.11:9000 -m -w 1\n/);
    assert.match(rules, /-r 10\.2\.0\.12:8000 -g -w 1\n/);
    assert.match(rules, /-r 10\.2\.0\.13:8000 -i -w 1 --tun-type gue --tun-port 6080/);
  });

  test("one after the other taken out and back under load, no request fails", {
    skip: noProgram("wrk"),
  }, async (t) => {
    const lan = await createMixedLan(t);
    const all = configuration(lan);
    const weir = await startDirector(t, lan, all);
    const change = (server: string, body: object): Promise<unknown> =>
      weir.adminJson(`/api/v1/servers/v4/${server}`, { method: "POST", body });
    await loadDuring(t, lan.client, `http://${VIP[4]}:${SERVER_PORT}/`, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const server = NAMES[round % NAMES.length]!;
        await change(server, { admin: "drain" });
        await change(server, { admin: "ready" });
        // Who has a server that is not there waits: TCP says it all again when it is back.
        const names = NAMES.filter((one) => one !== server);
        await reload(weir, configuration(lan, { names }));
        await reload(weir, all);
      }
    });
    const { services } = await viewOf(weir);
    const [v4] = services.filter(({ name }) => name === "v4");
    for (const { name, counts } of v4!.servers) assert.ok(counts.connections > 0, name);
  });

  test("removed, each goes on with what it has, the last that is translated too", async (t) => {
    const lan = await createMixedLan(t);
    const service = ", onServerRemoved: keep";
    const weir = await startDirector(t, lan, configuration(lan, { service }));
    const held = await hold(t, lan);
    for (const names of [["b", "c"], ["b"], ["c"]]) {
      await reload(weir, configuration(lan, { service, names }));
      assert.deepEqual([...new Set(ask(lan, 4))].sort(), names);
      for (const [name, one] of held) assert.equal(nameOf(await one.ask()), name);
    }
    await reload(weir, configuration(lan, { service }));
    assert.deepEqual(ask(lan, 3).sort(), NAMES);
  });

  test("a method that changes holds from then on", async (t) => {
    const lan = await createMixedLan(t);
    const weir = await startDirector(t, lan, configuration(lan));
    assert.deepEqual(ask(lan, 3).sort(), NAMES);
    const address = `address: "${serverHost(4, 2)}:${SERVER_PORT}"`;
    // Answers of nat come by the director.
    runInNetns(lan.servers[2]!, "ip", "route", "del", "10.1.0.0/24", "dev", lan.device);
    const others = { c: `{ ${address}, method: nat }` };
    const text = configuration(lan, { others, names: ["b", "c"] });
    await reload(weir, text.replace(/^ {2}v6: .*$/gm, ""));
    assert.deepEqual([...new Set(ask(lan, 4))].sort(), ["b", "c"]);
    const { out } = await weir.cli("l4", "list");
    assert.match(out, /10\.2\.0\.13:8000 +Masq/);
  });

  test("checks by the way of packets: by nat at the server's own address", async (t) => {
    const lan = await createMixedLan(t);
    const check = "{ type: tcp, via: vFAMILY, interval: 100ms, timeout: 1s, rise: 1, fall: 2 }";
    const weir = await startDirector(t, lan, configuration(lan, { check }));
    const answering = (names: readonly string[]): Promise<void> =>
      until(`${names.join()} answer`, () => {
        return [...new Set(ask(lan, 6))].sort().join() === names.join();
      });
    await answering(NAMES);
    // The server listens still; what clients ask for has no address there.
    runInNetns(lan.servers[1]!, "ip", "addr", "del", `${VIP[4]}/32`, "dev", "lo");
    await weir.said(/Server v4\/b is DOWN/);
    await answering(["a", "c"]);
    runInNetns(lan.servers[1]!, "ip", "addr", "add", `${VIP[4]}/32`, "dev", "lo");
    await weir.said(/Server v4\/b is UP/);
    await answering(NAMES);
    assert.doesNotMatch(weir.err, /Server v4\/[ac] is DOWN/);
  });
});
