import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { createLan, serverHost, startNamed, VIP } from "#kit/lan.ts";
import { configurationOf, SERVER_PORT, startDirector } from "#kit/lan-services.ts";
import { DR, NAT, nameOfRoad, type Road, viewOf } from "#kit/lan-ways.ts";
import { noNetns, noProgram, runInNetns, withNetns } from "#kit/netns.ts";
import { until } from "#kit/until.ts";

/*
 * Others make the packets (hping3) and others judge them (nftables at server and client): none of
 * our own readers and writers of packets is in between.
 */

const COUNT = 5;
const CLIENT = "10.1.0.2";

/** What is counted at the server: a name, and an expression of nftables. */
function judged(road: Road): Record<string, string> {
  const to = road.method === "nat" ? serverHost(4, 0) : VIP[4];
  const port = road.method === "nat" ? SERVER_PORT : road.port;
  // One hop less, the class as it came.
  const ip = `ip saddr ${CLIENT} ip daddr ${to} ip ttl 63 ip dscp 10`;
  return {
    syns: `${ip} tcp dport ${port} tcp flags & (syn | ack | rst | fin) == syn`,
    acks: `${ip} tcp dport ${port} tcp flags & (syn | ack | rst) == ack`,
    odds: `${ip} tcp dport ${port} tcp flags & (fin | psh | urg) == (fin | psh | urg)`,
    datagrams: `${ip} udp dport ${port} ip frag-off & 0x3fff == 0`,
    pieces: `${ip} meta l4proto udp ip frag-off & 0x1fff != 0`,
  };
}

/** Has nftables count what comes in; the counts so far. */
function judge(
  netns: string,
  rules: Readonly<Record<string, string>>,
): () => Record<string, number> {
  const names = Object.keys(rules);
  const text = `table ip judge {
${names.map((name) => `counter ${name} {}`).join("\n")}
chain seen { type filter hook prerouting priority -500;
${Object.entries(rules)
  .map(([name, rule]) => `${rule} counter name ${name}`)
  .join("\n")}
}
}`;
  runInNetns(netns, "nft", text);
  return () => {
    const said = runInNetns(netns, "nft", "-j", "list", "counters", "table", "ip", "judge");
    const { nftables } = JSON.parse(said) as {
      nftables: { counter?: { name: string; packets: number } }[];
    };
    return Object.fromEntries(
      nftables.flatMap(({ counter }) => (counter ? [[counter.name, counter.packets]] : [])),
    );
  };
}

/** What the kernel of a namespace counts of UDP. */
function udpOf(netns: string): Record<string, number> {
  const lines = withNetns(netns, () => readFileSync("/proc/thread-self/net/snmp", "utf8"));
  const [names, values] = lines
    .split("\n")
    .filter((line) => line.startsWith("Udp: "))
    .map((line) => line.split(" "));
  return Object.fromEntries(names!.map((name, i) => [name, Number(values![i])]));
}

const skip = noNetns() || noBpf() || noProgram("hping3", "nft");

describe("packets of others, judged by others", { skip }, () => {
  for (const road of [NAT, DR]) {
    test(nameOfRoad(road), async (t) => {
      const lan = createLan(t, road.method === "dr" ? "direct" : "director", 1);
      const [server] = lan.servers;
      await startNamed(t, server!, "a", SERVER_PORT);
      const weir = await startDirector(t, lan, configurationOf(lan, road, { servers: ["a"] }));
      const arrived = judge(server!, judged(road));
      const from = `ip saddr ${VIP[4]} ip daddr ${CLIENT} tcp sport ${road.port}`;
      const came = judge(lan.client, {
        answers: `${from} tcp flags & (syn | ack) == (syn | ack)`,
      });
      let port = 20_000;
      const send = (...words: string[]): void => {
        // Each has ports of its own, one a packet.
        const ends = ["-s", String((port += 100)), "-p", String(road.port)];
        const all = ["-c", String(COUNT), "-i", "u2000", "-q", "-o", "28", ...ends, ...words];
        // It ends with 1 where nothing came back.
        runInNetns(lan.client, "sh", "-c", `hping3 ${all.join(" ")} ${VIP[4]}; true`);
      };
      const incidents = async () => (await viewOf(weir)).incidents!;

      send("-S");
      await until("SYNs arrive", () => arrived()["syns"] === COUNT);
      await until("and are answered", () => came()["answers"]! >= COUNT);
      const before = await incidents();
      send("-A");
      send("-F", "-P", "-U");
      const after = await incidents();
      assert.equal(after["NOT_SYN"]! - (before["NOT_SYN"] ?? 0), 2 * COUNT, "of no connection");

      const told = udpOf(server!);
      const since = (name: string): number => udpOf(server!)[name]! - told[name]!;
      send("-2", "-d", "100");
      await until("UDP is taken", () => since("InDatagrams") === COUNT);
      send("-2", "-d", "100", "-b");
      await until("a wrong sum stays wrong", () => since("InCsumErrors") === COUNT);
      send("-2", "-d", "100", "-f");
      await until("pieces are put together", () => since("InDatagrams") === 2 * COUNT);
      const { syns, acks, odds, datagrams, pieces } = arrived();
      assert.deepEqual([syns, odds, datagrams], [COUNT, 0, 2 * COUNT]);
      assert.equal(acks, 0);
      assert.ok(pieces! >= COUNT, `${pieces} pieces`);
      assert.equal(since("InCsumErrors"), COUNT);
    });
  }
});
