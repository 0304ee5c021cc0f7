import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import type { TestContext } from "node:test";
import { type Harness, LOCAL_4 } from "#kit/driver-harness.ts";
import { overDrivers } from "#kit/drivers.ts";

const MEGABYTE = 1024 * 1024;

const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

interface Relay {
  /** source → from ⇒ to → sink: what source sends, sink receives by way of a splice. */
  readonly source: number;
  readonly from: number;
  readonly to: number;
  readonly sink: number;
}

function relay(h: Harness): Relay {
  const address = h.listen(0, LOCAL_4);
  const [source, from] = h.pair(address, 0);
  const [sink, to] = h.pair(address, 0);
  h.driver.unlisten(0);
  return { source, from, to, sink };
}

/** A driver may have no splice; then it must say so, and there is nothing to test. */
function canSplice(h: Harness, t: TestContext): boolean {
  const { from, to } = relay(h);
  const can = h.driver.splice(from, to, 1);
  h.closeNow(from);
  h.closeNow(to);
  if (!can) t.skip("this driver does not splice");
  return can;
}

overDrivers("splice", (test) => {
  test("ten megabytes go from one socket to another unchanged, then the end", (bench, t) => {
    const h = bench();
    if (!canSplice(h, t)) return;
    const { source, from, to, sink } = relay(h);
    const sent = randomBytes(10 * MEGABYTE);
    h.driver.send(source, h.put(sent), sent.length, false);
    let moved = 0;
    let ended = false;
    h.react = ({ kind, id, result }) => {
      if (kind === "sent" && id === source) h.driver.finish(source);
      if (kind !== "spliced") return;
      assert.ok(result >= 0 && result <= MEGABYTE, `spliced: ${result}`);
      moved += result;
      if (result > 0) h.driver.splice(from, to, MEGABYTE);
      else ended = true;
    };
    h.driver.splice(from, to, MEGABYTE);
    const got = h.read(sink, sent.length);
    h.until(() => ended, "the end of the file");
    assert.equal(moved, sent.length);
    assert.equal(hash(got), hash(sent));
    // The sockets are ordinary again.
    h.sendNow(to, Buffer.from("bye"));
    assert.equal(h.read(sink, 3).toString(), "bye");
  });

  test("no more is moved than was asked for", (bench, t) => {
    const h = bench();
    if (!canSplice(h, t)) return;
    const { source, from, to, sink } = relay(h);
    h.sendNow(source, Buffer.from("0123456789"));
    h.driver.splice(from, to, 4);
    assert.equal(h.next("spliced", from).result, 4);
    assert.equal(h.read(sink, 4).toString(), "0123");
    assert.equal(h.read(from, 6).toString(), "456789");
  });

  test("few bytes of many that are to come are not held back, nor the next, read as usual", (bench, t) => {
    const h = bench();
    if (!canSplice(h, t)) return;
    const { source, from, to, sink } = relay(h);
    for (const word of ["drop", "by", "drop!"]) {
      h.driver.splice(from, to, MEGABYTE);
      h.settle();
      h.sendNow(source, Buffer.from(word));
      assert.equal(h.next("spliced", from).result, word.length);
      assert.equal(h.read(sink, word.length).toString(), word);
    }
    h.driver.receive(from);
    h.settle();
    h.sendNow(source, Buffer.from("on"));
    const { result, buffer } = h.next("received", from);
    assert.equal(result, 2);
    h.driver.release(buffer);
    const at = h.area(1000);
    h.driver.splice(from, to, MEGABYTE);
    h.settle();
    h.sendNow(source, Buffer.from("more"));
    assert.equal(h.next("spliced", from).result, 4);
    h.driver.receiveInto(from, at, 1000);
    h.settle();
    h.sendNow(source, Buffer.from("and on"));
    assert.equal(h.next("received", from).result, 6);
  });

  test("a splice waits for bytes, and for room", (bench, t) => {
    const h = bench();
    if (!canSplice(h, t)) return;
    const { source, from, to, sink } = relay(h);
    h.driver.splice(from, to, MEGABYTE);
    h.settle();
    assert.deepEqual(h.calls, []);
    const much = 24 * MEGABYTE;
    h.driver.send(source, h.area(much), much, false);
    let moved = 0;
    h.react = ({ kind, result }) => {
      if (kind !== "spliced") return;
      moved += result;
      h.driver.splice(from, to, MEGABYTE);
    };
    h.settle(60);
    assert.ok(moved < much, "nobody reads, so it must stop");
    assert.equal(h.read(sink, much).length, much);
    assert.equal(moved, much);
  });

  test("both directions at once", (bench, t) => {
    const h = bench();
    if (!canSplice(h, t)) return;
    const { source, from, to, sink } = relay(h);
    h.driver.splice(from, to, 100);
    h.driver.splice(to, from, 100);
    h.sendNow(source, Buffer.from("there"));
    h.sendNow(sink, Buffer.from("back"));
    assert.equal(h.read(sink, 5).toString(), "there");
    assert.equal(h.read(source, 4).toString(), "back");
    assert.equal(h.next("spliced", from).result, 5);
    assert.equal(h.next("spliced", to).result, 4);
  });

  test("closing the source is silent, closing the destination ends the splice", (bench, t) => {
    const h = bench();
    if (!canSplice(h, t)) return;
    const one = relay(h);
    h.driver.splice(one.from, one.to, 100);
    h.settle();
    h.closeNow(one.from);
    h.settle();
    assert.deepEqual(h.calls, []);
    h.sendNow(one.to, Buffer.from("still here"));
    const two = relay(h);
    h.driver.splice(two.from, two.to, 100);
    h.settle();
    h.closeNow(two.to);
    assert.ok(h.next("spliced", two.from).result < 0);
    h.sendNow(two.source, Buffer.from("x"));
    assert.equal(h.read(two.from, 1).toString(), "x");
  });

  test("bytes stuck on their way are dropped with their socket, pipes are not lost", (bench, t) => {
    const h = bench();
    if (!canSplice(h, t)) return;
    const at = h.area(8 * MEGABYTE);
    for (let round = 0; round < 80; round++) {
      const { source, from, to, sink } = relay(h);
      h.driver.send(source, at, 8 * MEGABYTE, false);
      h.react = ({ kind, result }) => {
        if (kind === "spliced" && result > 0) assert.ok(h.driver.splice(from, to, MEGABYTE));
      };
      assert.ok(h.driver.splice(from, to, MEGABYTE), `a pipe in round ${round}`);
      h.settle(8);
      h.react = () => {};
      for (const socket of [round % 2 ? from : to, source, sink]) h.closeNow(socket, true);
      h.closeNow(round % 2 ? to : from, true);
    }
  });
});
