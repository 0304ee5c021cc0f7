import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { type Harness, LOCAL_4 } from "#kit/driver-harness.ts";
import { overDrivers } from "#kit/drivers.ts";

const HELLO = Buffer.from("hello");
const MEGABYTE = 1024 * 1024;

const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function localPair(h: Harness): [number, number] {
  return h.pair(h.listen(0, LOCAL_4), 0);
}

overDrivers("streams", (test) => {
  test("bytes that nobody asked for wait, and come when asked", (bench) => {
    const h = bench();
    const [client, server] = localPair(h);
    h.sendNow(client, HELLO);
    h.settle();
    assert.deepEqual(h.about(server), []);
    assert.deepEqual(h.read(server, 5), HELLO);
  });

  test("a receive that waits gets what comes later", (bench) => {
    const h = bench();
    const [client, server] = localPair(h);
    h.driver.receive(server);
    h.settle();
    assert.deepEqual(h.about(server), []);
    h.sendNow(client, HELLO);
    assert.equal(h.next("received", server).result, 5);
  });

  test("receiveInto fills the caller's memory, never more of it than allowed", (bench) => {
    const h = bench();
    const [client, server] = localPair(h);
    const at = h.area(64);
    h.driver.memory.fill(0xee, at, at + 64);
    h.sendNow(client, HELLO);
    h.driver.receiveInto(server, at + 10, 3);
    const first = h.next("received", server);
    assert.deepEqual([first.result, first.at, first.buffer], [3, at + 10, -1]);
    h.driver.receiveInto(server, at + 13, 10);
    assert.equal(h.next("received", server).result, 2);
    const seen = h.driver.memory.subarray(at + 9, at + 16);
    assert.deepEqual(Buffer.from(seen), Buffer.from("\xeehello\xee", "latin1"));
  });

  test("receive and receiveInto may take turns on one stream", (bench) => {
    const h = bench({ bufferBytes: 1024 });
    const [client, server] = localPair(h);
    const sent = randomBytes(20_000);
    h.driver.send(client, h.put(sent), sent.length, false);
    const at = h.area(700);
    const parts: Buffer[] = [];
    for (let got = 0, round = 0; got < sent.length; round++) {
      if (round % 3 === 0) h.driver.receive(server);
      else h.driver.receiveInto(server, at, 700);
      const call = h.next("received", server);
      parts.push(Buffer.from(h.driver.memory.subarray(call.at, call.at + call.result)));
      if (call.buffer >= 0) h.driver.release(call.buffer);
      got += call.result;
    }
    assert.equal(hash(Buffer.concat(parts)), hash(sent));
  });

  test("pieces sent with more=true arrive, whole and in order", (bench) => {
    const h = bench();
    const [client, server] = localPair(h);
    const at = h.put(HELLO);
    for (let i = 0; i < 5; i++) {
      h.driver.send(client, at + i, 1, i < 4);
      assert.equal(h.next("sent", client).result, 1);
    }
    assert.deepEqual(h.read(server, 5), HELLO);
  });

  test("a send is done when all of it is, however slowly the other side reads", (bench) => {
    const h = bench();
    const [client, server] = localPair(h);
    const sent = randomBytes(16 * MEGABYTE);
    h.driver.send(client, h.put(sent), sent.length, false);
    h.settle();
    assert.deepEqual(h.calls, [], "the kernel cannot hold all of it");
    const usedBytes = h.driver.pages.usedBytes;
    const got = h.read(server, sent.length);
    assert.equal(hash(got), hash(sent));
    assert.equal(h.next("sent", client).result, sent.length);
    assert.equal(h.driver.pages.usedBytes, usedBytes);
  });

  test("many sockets echo at once", (bench) => {
    const h = bench();
    const address = h.listen(0, LOCAL_4);
    const pairs = Array.from({ length: 100 }, () => h.pair(address, 0));
    const servers = new Set(pairs.map(([, server]) => server));
    const held = new Map<number, number>();
    h.react = ({ kind, id, result, at, buffer }) => {
      if (!servers.has(id)) return;
      if (kind === "received" && result > 0) {
        held.set(id, buffer);
        h.driver.send(id, at, result, false);
      } else if (kind === "sent") {
        h.driver.release(held.get(id)!);
        h.driver.receive(id);
      }
    };
    for (const server of servers) h.driver.receive(server);
    for (let round = 0; round < 5; round++) {
      const sent = pairs.map(([client]) => randomBytes(100 + client));
      for (const [i, [client]] of pairs.entries()) {
        h.driver.send(client, h.put(sent[i]!), sent[i]!.length, false);
      }
      for (const [i, [client]] of pairs.entries()) {
        assert.deepEqual(h.read(client, sent[i]!.length), sent[i]);
      }
    }
  });

  test("after finish the other side sees the end, and can still send", (bench) => {
    const h = bench();
    for (const [listener, local] of [LOCAL_4, h.unixAddress()].entries()) {
      const [client, server] = h.pair(h.listen(listener, local), listener);
      h.sendNow(client, HELLO);
      h.driver.finish(client);
      assert.deepEqual(h.read(server, 100), HELLO);
      h.sendNow(server, HELLO);
      h.driver.finish(server);
      assert.deepEqual(h.read(client, 100), HELLO);
    }
  });

  test("the end comes to a receive that waits, pooled or not, and holds no buffer", (bench) => {
    const h = bench();
    const address = h.listen(0, LOCAL_4);
    const at = h.area(10);
    for (const into of [true, false]) {
      const [client, server] = h.pair(address, 0);
      if (into) h.driver.receiveInto(server, at, 10);
      else h.driver.receive(server);
      h.settle();
      h.driver.finish(client);
      const { result, buffer } = h.next("received", server);
      assert.deepEqual([result, buffer], [0, -1]);
    }
  });
});
