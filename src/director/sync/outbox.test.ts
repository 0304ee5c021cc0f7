import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readMessage } from "./decode.ts";
import { MessageWriter } from "./encode.ts";
import { Outbox } from "./outbox.ts";
import { helloEntry } from "./own.ts";

const ENTRY = helloEntry({ role: "both", instance: 1 });

function boxOf(pace: number) {
  const sent: number[] = [];
  let waits = 0;
  const outbox = new Outbox(pace, new MessageWriter(0, 512), {
    send: (bytes) => {
      const message = readMessage(bytes);
      assert.ok("entries" in message);
      sent.push(message.entries.length);
    },
    waits: () => waits++,
  });
  return { outbox, sent, sum: () => sent.reduce((a, b) => a + b, 0), waits: () => waits };
}

describe("messages that wait", () => {
  test("go out at the pace, whatever comes at once", () => {
    const { outbox, sum, waits } = boxOf(1000);
    for (let i = 0; i < 900; i++) outbox.add(ENTRY);
    outbox.flush();
    assert.ok(waits() > 1);
    let nowMs = 5_000_000;
    let isLeft = true;
    for (; isLeft; nowMs += 10) isLeft = outbox.pump(nowMs);
    const tookMs = nowMs - 5_000_000;
    assert.equal(sum(), 900);
    assert.ok(tookMs > 800 && tookMs < 1000, `${tookMs} ms`);
    assert.equal(outbox.waiting, 0);
  });

  test("hold what may be sent in a second", () => {
    const { outbox } = boxOf(100);
    let added = 0;
    for (; outbox.hasRoom; added++) outbox.add(ENTRY);
    assert.equal(added, 100);
    outbox.flush();
    outbox.pump(1000);
    assert.ok(outbox.hasRoom);
  });

  test("a slow pace sends one message at a time", () => {
    const { outbox, sent } = boxOf(100);
    for (let i = 0; i < 20; i++) outbox.add(ENTRY);
    outbox.flush();
    outbox.pump(1000);
    assert.equal(sent.length, 1);
    outbox.pump(1001);
    assert.equal(sent.length, 1);
  });

  test("nothing is nothing", () => {
    const { outbox, sent, waits } = boxOf(100);
    outbox.flush();
    assert.equal(outbox.pump(1000), false);
    assert.deepEqual([sent, waits()], [[], 0]);
  });
});
