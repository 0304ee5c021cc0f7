import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { createLan, VIP } from "#kit/lan.ts";
import { configurationOf, NAMES, SERVER_PORT, startDirector } from "#kit/lan-services.ts";
import { DR, FAMILIES, NAT, type Road, viewOf } from "#kit/lan-ways.ts";
import { noNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { type SipAnswer, saySip, sipBegin, sipRequest, startSip } from "#kit/sip.ts";

/* SIP through the director: each datagram by itself, and the calls say where. */

const OPTIONS = ", onePacket: true, persistence: { by: call-id, timeout: 1m }";

async function start(t: Owner, way: Road) {
  const lan = createLan(t, way.method === "dr" ? "direct" : "director");
  await Promise.all(lan.servers.map((netns, i) => startSip(t, netns, NAMES[i]!, SERVER_PORT)));
  const text = configurationOf(lan, way, { service: OPTIONS }).replaceAll("[tcp, udp]", "udp");
  const weir = await startDirector(t, lan, text);
  const say = (family: 4 | 6, texts: readonly string[]): SipAnswer[] => {
    const answers = saySip(lan.client, VIP[family], way.port, texts);
    return answers.map((answer) => {
      assert.ok(answer, JSON.stringify(answers));
      assert.equal(answer.from, `${VIP[family]} ${way.port}`);
      return answer;
    });
  };
  return { weir, say };
}

describe("calls of SIP", { skip: noNetns() || noBpf() }, () => {
  for (const way of [DR, NAT]) {
    test(`${way.method}: calls of one client are spread, and each stays where it is`, async (t) => {
      const { weir, say } = await start(t, way);
      for (const family of FAMILIES) {
        const calls = ["one", "two", "three"].flatMap((call) => [call, call, call]);
        const answers = say(
          family,
          [...calls, ...calls].map((call) => sipRequest(call)),
        );
        const servers = new Map(answers.map(({ call, server }) => [call, server]));
        assert.deepEqual([...servers.values()].sort(), NAMES);
        for (const { call, server } of answers) assert.equal(server, servers.get(call));
      }
      const { services, connections } = await viewOf(weir);
      assert.equal(connections.count, 0);
      for (const { counts } of services) {
        assert.equal(counts.inPackets, 18);
        assert.equal(counts.outPackets, way.method === "nat" ? 18 : 0);
      }
      const list = await weir.cli("l4", "list");
      assert.match(
        list.out,
        /^UDP {2}10\.1\.0\.100:\d+ rr persistent 60 mask 0\.0\.0\.0 pe sip ops$/m,
      );
    });

    test(`${way.method}: datagrams and answers in pieces`, async (t) => {
      const { say } = await start(t, way);
      for (const family of FAMILIES) {
        const texts = ["one", "two", "one", "two"].map((call) => sipRequest(call, 4000));
        const answers = say(family, texts);
        assert.deepEqual(
          answers.map(({ call, bytes }) => `${call} ${bytes}`),
          ["one 4000", "two 4000", "one 4000", "two 4000"],
        );
        const [one, two, ...again] = answers.map(({ server }) => server);
        assert.notEqual(one, two);
        assert.deepEqual(again, [one, two]);
      }
    });
  }

  test("nat: a call that a server begins is that server's", async (t) => {
    const { say } = await start(t, NAT);
    for (const family of FAMILIES) {
      const texts = [1, 2, 3].flatMap((i) => {
        const own = sipRequest(`own-${i}`);
        return [sipRequest("other"), sipBegin(`own-${i}`, `asked-${i}`), own, own];
      });
      const answers = say(family, texts);
      for (const i of [1, 2, 3]) {
        const own = answers.filter(({ call }) => call === `own-${i}`);
        assert.equal(own.length, 3);
        assert.equal(new Set(own.map(({ server }) => server)).size, 1);
      }
      assert.ok(new Set(answers.map(({ server }) => server)).size > 1);
    }
  });
});
