import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { addFilter } from "#kit/filters.ts";
import { type Asked, askFrom, createLan, type Lan, startNamed, VIP } from "#kit/lan.ts";
import { NAMES, SERVER_PORT, startDirector, startServers } from "#kit/lan-services.ts";
import { viewOf } from "#kit/lan-ways.ts";
import { noNetns } from "#kit/netns.ts";
import type { Weir } from "#kit/weir.ts";
import type { ConnectionsDocument } from "#monitor/document.ts";

/* Services by firewall mark, which a filter in front of the director sets on what comes in. */

const TCP = 6;
const UDP = 17;
const MARK = 7;
/** Another port that servers listen on. */
const SECOND = SERVER_PORT + 1;

const mark = (t: TestContext, lan: Lan, at: number, protocol: number, ports: number[]): void =>
  addFilter(t, {
    ...{ netns: lan.director, device: lan.device, side: "ingress", at },
    ...{ protocol, destination: VIP[4], ports, verdict: { mark: MARK } },
  });

const textFor = (lan: Lan, services: string, port: number, director = ""): string => `
director: { interfaces: ${lan.device}, pins: ${lan.pins}${director} }
services: { ${services} }
backends:
${["all", "udp"]
  .map((name) => {
    const servers = name === "udp" ? [2] : [0, 1];
    const list = servers.map((i) => `${NAMES[i]}: "10.2.0.${11 + i}:${port}"`).join(", ");
    return `  ${name}: { balance: rr, check: off, servers: { ${list} } }\n`;
  })
  .join("")}`;

/** Who answers, one question after the other. */
const askAll = (lan: Lan, protocol: Asked, port: number, count: number): string[] =>
  askFrom(lan.client, protocol, VIP[4], port, count).map((answer) => answer.split(" ")[0]!);

async function reload(weir: Weir, text: string): Promise<void> {
  weir.configure(text);
  await weir.adminJson("/api/v1/reload", { method: "POST" });
}

async function hookOf(weir: Weir): Promise<string | undefined> {
  const { interfaces } = await viewOf(weir);
  return interfaces[0]!.hook;
}

/** Ports that connections of a service came for. */
async function portsOf(weir: Weir, service: string): Promise<number[]> {
  const { out } = await weir.cli("l4", "connections", "--service", service, "--json");
  const { connections } = JSON.parse(out) as ConnectionsDocument;
  const own = connections.filter(({ template }) => !template);
  return own.map(({ servicePort }) => servicePort).sort((a, b) => a - b);
}

describe("services by mark", { skip: noNetns() || noBpf() }, () => {
  test("nat: a group of ports is one service, of the protocols that it names", async (t) => {
    const lan = createLan(t, "director");
    await startServers(t, lan);
    const plain = `web: { bind: "${VIP[4]}:90", method: nat, backend: all }`;
    const marked = `m: { mark: ${MARK}, protocol: tcp, method: nat, backend: all, persistence: 1m }`;
    const udp = `u: { mark: ${MARK}, protocol: udp, method: nat, backend: udp }`;
    const weir = await startDirector(t, lan, textFor(lan, plain, SERVER_PORT));
    const before = await hookOf(weir);
    await weir.said(new RegExp(`Packets of ${lan.device}: by ${before}\\b`));

    await reload(weir, textFor(lan, `${plain}, ${marked}`, SERVER_PORT));
    assert.equal(await hookOf(weir), "clsact");
    await weir.said(/by clsact, behind filters of tc/);
    assert.match((await weir.cli("status")).out, /^layer 4 takes packets of eth0 by clsact$/m);
    mark(t, lan, 1, TCP, [80, 443]);
    mark(t, lan, 2, UDP, [80]);
    const answers = [80, 443, 80].flatMap((port) => askAll(lan, "tcp", port, 2));
    assert.equal(new Set(answers).size, 1, answers.join());
    assert.match(answers[0]!, /^[ab]$/);
    assert.deepEqual(new Set(askAll(lan, "tcp", 90, 4)), new Set(["a", "b"]));
    assert.deepEqual(askAll(lan, "udp", 80, 1), ["ECONNREFUSED"], "it is left to this machine");

    await reload(weir, textFor(lan, `${plain}, ${marked}, ${udp}`, SERVER_PORT));
    assert.deepEqual(askAll(lan, "udp", 80, 2), ["c", "c"]);
    assert.deepEqual(askAll(lan, "tcp", 443, 1), [answers[0]]);
    assert.deepEqual(await portsOf(weir, "m"), [80, 80, 80, 80, 443, 443, 443]);
    assert.deepEqual(await portsOf(weir, "u"), [80, 80]);
    assert.deepEqual(await portsOf(weir, "web"), [90, 90, 90, 90]);

    await reload(weir, textFor(lan, plain, SERVER_PORT));
    assert.equal(await hookOf(weir), before);
    assert.deepEqual(askAll(lan, "tcp", 80, 1), ["ECONNREFUSED"]);
  });

  test("dr: two ports of TCP and persistence, one group", async (t) => {
    const lan = createLan(t, "direct");
    await startServers(t, lan);
    await Promise.all(lan.servers.map((netns, i) => startNamed(t, netns, NAMES[i]!, SECOND)));
    const service = `m: { mark: ${MARK}, method: dr, backend: all`;
    const grouped = textFor(lan, `${service}, persistence: 1m }`, 0);
    const weir = await startDirector(t, lan, grouped);
    mark(t, lan, 1, TCP, [SERVER_PORT, SECOND]);
    const ask = (): string[] =>
      [SERVER_PORT, SECOND].flatMap((port) => askAll(lan, "tcp", port, 2));
    assert.equal(new Set(ask()).size, 1);
    await reload(weir, textFor(lan, `${service} }`, 0));
    assert.deepEqual(new Set(ask()), new Set(["a", "b"]), "without persistence they part");
  });

  test("a hook that is said stays, with a warning where no mark can be there", async (t) => {
    const lan = createLan(t, "director", 1);
    await startServers(t, lan);
    const text = textFor(
      lan,
      `m: { mark: ${MARK}, method: nat, backend: all }`,
      SERVER_PORT,
      ", hook: tcx",
    );
    const weir = await startDirector(t, lan, text);
    assert.equal(await hookOf(weir), "tcx");
    assert.match(
      weir.err,
      / warning +Packets of eth0: by tcx, where no filter of tc has set a mark/,
    );
    mark(t, lan, 1, TCP, [80]);
    assert.deepEqual(askAll(lan, "tcp", 80, 1), ["ECONNREFUSED"]);
  });
});
