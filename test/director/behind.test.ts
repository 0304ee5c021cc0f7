import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { addFilter, type Filter } from "#kit/filters.ts";
import { askFrom, createLan, type Lan, startNamed, VIP } from "#kit/lan.ts";
import { configurationOf, SERVER_PORT, startDirector, startServers } from "#kit/lan-services.ts";
import { createLanFor, serviceOf, TUN, viewOf } from "#kit/lan-ways.ts";
import { noNetns, noProgram, runInNetns } from "#kit/netns.ts";

/* Who stands behind our programs sees what these leave to the kernel, and may say no. */

const OWN = "10.1.0.1";
const LOCAL_PORT = 8001;
const ICMP = 1;
const TCP = 6;
/** Behind our filters. */
const LAST = 60_000;

const answersPing = (from: string, host: string): boolean => {
  try {
    runInNetns(from, "ping", "-c", "1", "-W", "2", host);
    return true;
  } catch {
    return false;
  }
};

const answerOf = (lan: Lan, port: number): string =>
  askFrom(lan.client, "tcp", VIP[4], port, 1)[0]!.split(" ")[0]!;

describe("behind our programs", { skip: noNetns() || noBpf() || noProgram("ping") }, () => {
  const refuse = (
    t: TestContext,
    { device }: Lan,
    netns: string,
    filter: Pick<Filter, "at" | "protocol"> & Partial<Filter>,
  ): void => addFilter(t, { netns, device, side: "ingress", verdict: "drop", ...filter });

  for (const [hook, at] of [
    ["tcx", "tcx"],
    ["tcx", 1],
    ["clsact", LAST],
  ] as const) {
    test(`${hook}, then ${at}: foreign packets, and those for the director's machine`, async (t) => {
      const lan = createLan(t, "director", 1);
      await startServers(t, lan);
      await startNamed(t, lan.director, "here", LOCAL_PORT);
      const weir = await startDirector(
        t,
        lan,
        `
director: { interfaces: ${lan.device}, pins: ${lan.pins}, hook: ${hook} }
services:
  web: { bind: "${VIP[4]}:80", method: nat, backend: app }
  here: { bind: "${VIP[4]}:${LOCAL_PORT}", method: local, backend: here }
backends:
  app: { check: off, servers: { a: "10.2.0.11:${SERVER_PORT}" } }
  here: { check: off, servers: { here: "${VIP[4]}:${LOCAL_PORT}" } }
`,
      );
      assert.deepEqual((await viewOf(weir)).interfaces, [{ device: lan.device, hook }]);
      assert.ok(answersPing(lan.client, OWN));
      assert.deepEqual([answerOf(lan, LOCAL_PORT), answerOf(lan, 80)], ["here", "a"]);
      refuse(t, lan, lan.director, { at, protocol: ICMP });
      assert.ok(!answersPing(lan.client, OWN));
      assert.deepEqual([answerOf(lan, LOCAL_PORT), answerOf(lan, 80)], ["here", "a"]);
      const next = at === "tcx" ? at : at + 1;
      refuse(t, lan, lan.director, { at: next, protocol: TCP, ports: [LOCAL_PORT, 80] });
      const answers = [answerOf(lan, LOCAL_PORT), answerOf(lan, 80)];
      assert.deepEqual(answers, ["timeout", "a"], "what was sent on is seen by nobody");
    });
  }

  for (const at of ["tcx", LAST] as const) {
    const nodes = async (t: TestContext): Promise<{ lan: Lan; server: string }> => {
      const lan = createLanFor(t, TUN, 1);
      await startServers(t, lan);
      const more = { service: serviceOf(TUN), servers: ["a"] };
      await startDirector(t, lan, configurationOf(lan, TUN, more));
      assert.equal(answerOf(lan, TUN.port), "a");
      return { lan, server: lan.servers[0]! };
    };

    test(`a node, then ${at}: foreign packets, and those that a tunnel brought`, async (t) => {
      const { lan, server } = await nodes(t);
      assert.ok(answersPing(lan.director, "10.2.0.11"));
      refuse(t, lan, server, { at, protocol: ICMP });
      assert.ok(!answersPing(lan.director, "10.2.0.11"));
      assert.equal(answerOf(lan, TUN.port), "a");
      const next = at === "tcx" ? at : at + 1;
      refuse(t, lan, server, { at: next, protocol: TCP, destination: VIP[4] });
      assert.equal(answerOf(lan, TUN.port), "timeout");
    });

    test(`a node, then ${at}: its answers, whose MSS is lowered`, async (t) => {
      const { lan, server } = await nodes(t);
      refuse(t, lan, server, { at, side: "egress", protocol: TCP, source: VIP[4] });
      assert.equal(answerOf(lan, TUN.port), "timeout");
    });
  }
});
