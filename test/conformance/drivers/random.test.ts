import assert from "node:assert/strict";
import fc from "fast-check";
import { type Call, type Harness, LOCAL_4 } from "#kit/driver-harness.ts";
import { overDrivers } from "#kit/drivers.ts";

const PAIRS = 3;
const AREA_BYTES = 131_072;

/** Byte `position` of what end `end` sends: tells a stream from another and a gap from none. */
const byteOf = (end: number, position: number): number =>
  (position * 31 + (position >> 8) * 7 + end * 101) & 255;

/** One side of a connection, and what must come for it. */
class End {
  readonly h: Harness;
  readonly index: number;
  readonly socket: number;
  readonly sendAt: number;
  readonly receiveAt: number;
  peer!: End;
  receiving: "no" | "pooled" | "into" = "no";
  sending = 0;
  /** Bytes whose sending was asked for, and bytes that came. */
  sentBytes = 0;
  receivedBytes = 0;
  finished = false;
  ended = false;
  failed = false;
  closed = false;

  constructor(h: Harness, index: number, socket: number) {
    this.h = h;
    this.index = index;
    this.socket = socket;
    this.sendAt = h.area(AREA_BYTES);
    this.receiveAt = h.area(AREA_BYTES);
  }

  receive(into: boolean, bytes: number): void {
    if (this.closed || this.receiving !== "no" || this.ended || this.failed) return;
    this.receiving = into ? "into" : "pooled";
    if (into) this.h.driver.receiveInto(this.socket, this.receiveAt, bytes);
    else this.h.driver.receive(this.socket);
  }

  send(bytes: number, more: boolean): void {
    if (this.closed || this.sending > 0 || this.finished || this.failed) return;
    const { memory } = this.h.driver;
    for (let i = 0; i < bytes; i++) {
      memory[this.sendAt + i] = byteOf(this.index, this.sentBytes + i);
    }
    this.sentBytes += bytes;
    this.sending = bytes;
    this.h.driver.send(this.socket, this.sendAt, bytes, more);
  }

  finish(): void {
    if (this.closed || this.sending > 0 || this.finished || this.failed) return;
    this.finished = true;
    this.h.driver.finish(this.socket);
  }

  close(reset: boolean): void {
    if (this.closed) return;
    this.closed = true;
    this.h.close(this.socket, reset);
  }

  /** A call came: it must answer a request, once, with the bytes the peer sent. */
  heard({ kind, result, at, buffer }: Call): void {
    if (kind === "sent") {
      assert.ok(this.sending > 0, "sent() without a send");
      if (result < 0) this.failed = true;
      else assert.equal(result, this.sending);
      this.sending = 0;
    } else if (kind === "received") {
      assert.notEqual(this.receiving, "no", "received() without a receive");
      if (result > 0 && this.receiving === "into") assert.equal(at, this.receiveAt);
      if (result <= 0) assert.equal(buffer, -1);
      this.receiving = "no";
      this.#check(at, result);
      if (buffer >= 0) this.h.driver.release(buffer);
      if (result === 0) this.ended = true;
      if (result < 0) this.failed = true;
    } else {
      assert.equal(kind, "closed");
    }
  }

  #check(at: number, bytes: number): void {
    const { memory } = this.h.driver;
    for (let i = 0; i < bytes; i++) {
      const expected = byteOf(this.peer.index, this.receivedBytes + i);
      assert.equal(memory[at + i], expected, `byte ${this.receivedBytes + i}`);
    }
    this.receivedBytes += Math.max(bytes, 0);
    assert.ok(this.receivedBytes <= this.peer.sentBytes);
  }
}

/** Plain data, so that a counterexample can be read. */
type Op =
  | readonly ["turn"]
  | readonly ["receive", end: number, into: boolean, bytes: number]
  | readonly ["send", end: number, bytes: number, more: boolean]
  | readonly ["finish", end: number]
  | readonly ["close", end: number, reset: boolean];

const end = fc.nat(PAIRS * 2 - 1);
const size = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: AREA_BYTES }));

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(["turn"] as const) },
  { weight: 6, arbitrary: fc.tuple(fc.constant("receive"), end, fc.boolean(), size) },
  { weight: 6, arbitrary: fc.tuple(fc.constant("send"), end, size, fc.boolean()) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("finish"), end) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("close"), end, fc.boolean()) },
);

function apply(op: Op, ends: readonly End[], h: Harness): void {
  switch (op[0]) {
    case "turn":
      h.turn(0);
      break;
    case "receive":
      ends[op[1]]!.receive(op[2], op[3]);
      break;
    case "send":
      ends[op[1]]!.send(op[2], op[3]);
      break;
    case "finish":
      ends[op[1]]!.finish();
      break;
    case "close":
      ends[op[1]]!.close(op[2]);
  }
}

function connect(h: Harness): End[] {
  const address = h.listen(0, LOCAL_4);
  const ends: End[] = [];
  for (let i = 0; i < PAIRS; i++) {
    const [client, server] = h.pair(address, 0);
    const a = new End(h, ends.length, client);
    const b = new End(h, ends.length + 1, server);
    a.peer = b;
    b.peer = a;
    ends.push(a, b);
  }
  h.driver.unlisten(0);
  return ends;
}

/** Lets every stream run to its end: what was sent must have come unless a side went away. */
function runOut(h: Harness, ends: readonly End[]): void {
  const open = () => ends.filter((e) => !e.closed && !e.failed);
  const step = () => {
    for (const e of open()) {
      e.finish();
      e.receive(false, 0);
    }
    return open().every((e) => e.finished && (e.ended || e.peer.failed));
  };
  h.until(step, "every stream to end");
  for (const e of open()) {
    if (!e.peer.closed && !e.peer.failed) assert.equal(e.receivedBytes, e.peer.sentBytes);
  }
  for (const e of ends) e.close(false);
  const closed = () => h.calls.filter((call) => call.kind === "closed").length;
  h.until(() => closed() === ends.length, "every socket to close");
  h.settle(3);
  assert.equal(closed(), ends.length);
}

overDrivers("any sequence of requests", (test) => {
  test("each request has one answer, none comes after close, and streams are whole", (bench) => {
    fc.assert(
      fc.property(fc.array(op, { minLength: 5, maxLength: 120 }), (ops) => {
        const h = bench({ buffers: 4, bufferBytes: 2048, pageBytes: 4 << 20 });
        try {
          const ends = connect(h);
          const bySocket = new Map(ends.map((e) => [e.socket, e]));
          h.react = (call) => bySocket.get(call.id)!.heard(call);
          for (const op of ops) apply(op, ends, h);
          runOut(h, ends);
        } finally {
          // At once: a thread may have few rings.
          h.end();
        }
      }),
      { numRuns: 60, interruptAfterTimeLimit: 60_000 },
    );
  });
});
