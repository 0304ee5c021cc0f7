import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { callPart, helloEntry, readCall, readHello } from "./own.ts";
import { type Peer, Peers } from "./peers.ts";

function watch() {
  const told: string[] = [];
  const say = (what: string) => (peer: Peer) => void told.push(`${what} ${peer.address}`);
  const peers = new Peers({ seen: say("seen"), begun: say("begun"), lost: say("lost") });
  return { peers, news: () => told.splice(0) };
}

const hello = (instance: number) => ({ role: "both", instance }) as const;

describe("who is there", () => {
  test("a director comes, goes and comes back", () => {
    const { peers, news } = watch();
    peers.heard("a", hello(1), 0);
    assert.deepEqual(news(), ["seen a", "begun a"]);
    for (let ms = 1000; ms < 10_000; ms += 1000) {
      peers.heard("a", hello(1), ms);
      peers.look(ms);
    }
    assert.deepEqual(news(), []);
    peers.look(13_900);
    assert.deepEqual(news(), []);
    peers.look(14_000);
    peers.look(15_000);
    assert.deepEqual(news(), ["lost a"]);
    assert.equal(peers.all[0]!.isLost, true);
    peers.heard("a", hello(1), 20_000);
    assert.deepEqual(news(), ["seen a", "begun a"], "it may have lost what it knew");
  });

  test("one that begins anew is told everything, though it was never missed", () => {
    const { peers, news } = watch();
    peers.heard("a", hello(1), 0);
    news();
    peers.heard("a", hello(2), 500);
    assert.deepEqual(news(), ["seen a", "begun a"]);
    assert.equal(peers.all.length, 1);
  });

  test("IPVS says no hello, and is not missed when it is silent", () => {
    const { peers, news } = watch();
    peers.heard("a", undefined, 0);
    peers.heard("a", undefined, 10);
    peers.look(60_000);
    assert.deepEqual(news(), ["seen a"]);
    assert.deepEqual([peers.all[0]!.kind, peers.all[0]!.role], ["ipvs", undefined]);
  });

  test("so many are remembered, whoever speaks", () => {
    const { peers } = watch();
    for (let i = 0; i < 1000; i++) peers.heard(`10.0.0.${i}`, hello(i), i);
    assert.equal(peers.all.length, 32);
    assert.equal(peers.all.at(-1)!.address, "10.0.0.999");
  });
});

test("a hello is read as it was written, and nothing else is one", () => {
  for (const role of ["both", "master", "backup"] as const) {
    const entry = helloEntry({ role, instance: 0xfedc_ba98 });
    assert.deepEqual(readHello(entry), { role, instance: 0xfedc_ba98 });
    assert.equal(readCall(entry), undefined);
    for (const data of [[], [1], [1, 3, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0]]) {
      const odd = { ...entry, engine: { name: "weir", data: Uint8Array.from(data) } };
      assert.equal(readHello(odd), undefined, data.join());
    }
    assert.equal(readHello({ ...entry, engine: { ...entry.engine!, name: "sip" } }), undefined);
  }
  const hash = Uint8Array.from({ length: 16 }, (_, i) => i);
  const call = { ...helloEntry({ role: "both", instance: 1 }), engine: callPart(hash) };
  assert.deepEqual([readCall(call), readHello(call)], [hash, undefined]);
});
