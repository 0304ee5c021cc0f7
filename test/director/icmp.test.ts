import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { type Lan, VIP } from "#kit/lan.ts";
import { startEcho } from "#kit/lan-echo.ts";
import { configurationOf, SERVER_PORT, startDirector } from "#kit/lan-services.ts";
import { createLanFor, DR, FAMILIES, FULLNAT, NAT, TUN } from "#kit/lan-ways.ts";
import { ERRORS_TOLD, HOPS, type IcmpError, LEVEL, NetSocket, nextError } from "#kit/net-socket.ts";
import { noNetns, noProgram, runInNetns } from "#kit/netns.ts";
import { createRoutedLan } from "#kit/routed-lan.ts";

/* What a client is told, and by whom: it knows the service's address and nothing behind it. */

const TEXT = new TextEncoder().encode("who");
const TIME_EXCEEDED = { 4: [11, 0], 6: [3, 0] } as const;
const PORT_UNREACHABLE = { 4: [3, 3], 6: [1, 4] } as const;

/** What becomes of a datagram with so many hops: who tells of it, or the answer. */
function probe(
  t: TestContext,
  { client }: Lan,
  family: 4 | 6,
  port: number,
  hops: number,
): IcmpError | string | undefined {
  const icmp = NetSocket.icmp(t, client, family);
  const udp = NetSocket.open(t, client, VIP[family], "udp");
  udp.option(LEVEL[family], HOPS[family], hops);
  udp.option(LEVEL[family], ERRORS_TOLD[family], 1);
  udp.connect(VIP[family], port);
  udp.send(TEXT);
  const answer = udp.receive();
  return answer ? new TextDecoder().decode(answer.bytes) : nextError(icmp, family);
}

const told = (family: 4 | 6, from: string, what: typeof TIME_EXCEEDED, port: number) => {
  const [type, code] = what[family];
  return { from, type, code, to: VIP[family], toPort: port };
};

describe("ICMP", { skip: noNetns() || noBpf() || noProgram("ping") }, () => {
  for (const road of [NAT, FULLNAT]) {
    test(`${road.method}: hop by hop to the server, and what is not there`, async (t) => {
      const lan = createRoutedLan(t, road.method);
      await startDirector(t, lan, configurationOf(lan, road, { servers: ["a"] }));
      const router = { 4: "10.1.0.1", 6: "fd01::1" } as const;
      const hop = (family: 4 | 6, hops: number) => probe(t, lan, family, road.port, hops);
      for (const family of FAMILIES) {
        runInNetns(lan.client, "ping", "-c1", "-W2", VIP[family]);
        const spent = (from: string) => told(family, from, TIME_EXCEEDED, road.port);
        assert.deepEqual(hop(family, 1), spent(router[family]), "the client's router");
        assert.deepEqual(hop(family, 2), spent(VIP[family]), "the director");
        assert.deepEqual(hop(family, 3), spent(VIP[family]), "the servers' router");
        const closed = told(family, VIP[family], PORT_UNREACHABLE as never, road.port);
        assert.deepEqual(hop(family, 64), closed, "nobody listens");
      }
      await startEcho(t, lan.servers[0]!, SERVER_PORT);
      for (const family of FAMILIES) assert.equal(hop(family, 4), "who");
    });
  }

  for (const road of [DR, TUN]) {
    test(`${road.method}: the same where servers answer by themselves`, async (t) => {
      const lan = createLanFor(t, road, 1);
      await startDirector(t, lan, configurationOf(lan, road, { servers: ["a"] }));
      for (const family of FAMILIES) {
        runInNetns(lan.client, "ping", "-c1", "-W2", VIP[family]);
        const spent = told(family, VIP[family], TIME_EXCEEDED, road.port);
        assert.deepEqual(probe(t, lan, family, road.port, 1), spent);
        const closed = told(family, VIP[family], PORT_UNREACHABLE as never, road.port);
        assert.deepEqual(probe(t, lan, family, road.port, 64), closed);
      }
    });
  }
});
