import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRandom, type Random } from "#base/clock.ts";
import { parseIp } from "#base/ip.ts";
import { type ReadMessage, readMessage } from "./decode.ts";
import { entryBytes, MessageWriter } from "./encode.ts";
import { ENTRIES_MAX, type SequenceShift, type SyncEntry, WIRE_FLAG } from "./wire.ts";

const hex = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replace(/\s/g, ""), "hex"));

/** Laid out by hand after the structures of ip_vs_sync.c. */
const GOLDEN = hex(`
  00 07 00b2 03 01 0000
    00 06 0024 00000100 0005 9c40 0050 1f90 00000000 00000078 0a010002 0a010064 0a02000b
    01 11 0048 00000183 0000 9c41 0035 0035 00000000 0000012c
      fd010000000000000000000000000002 fd010000000000000000000000000100
      fd02000000000000000000000000000b
    00 06 003e 00000700 0001 9c42 0050 0050 00000009 00000384 0a010003 0a010064 0a02000c
      01 18 00000001 00000002 00000003 00000004 00000005 00000006
`);
const CALL = hex(`
  00 00 0033 01 01 0000
    00 11 002b 00001000 0001 0000 13c4 13c4 00000000 0000012c 0a010002 0a010064 0a02000b
      02 01 61 03 02 7369
`);

const ip = (text: string): Uint8Array => parseIp(text)!;
const flow = (client: string, clientPort: number, service: string, server: string) => ({
  ...{ client: ip(client), clientPort, service: ip(service), server: ip(server), mark: 0 },
});

const ENTRIES: readonly SyncEntry[] = [
  {
    ...{ family: 4, protocol: 6, flags: WIRE_FLAG.INACTIVE, state: 5, timeoutSeconds: 120 },
    ...flow("10.1.0.2", 40_000, "10.1.0.100", "10.2.0.11"),
    ...{ servicePort: 80, serverPort: 8080 },
  },
  {
    ...{ family: 6, protocol: 17, flags: 0x183, state: 0, timeoutSeconds: 300 },
    ...flow("fd01::2", 40_001, "fd01::100", "fd02::b"),
    ...{ servicePort: 53, serverPort: 53 },
  },
  {
    ...{ family: 4, protocol: 6, flags: 0x700, state: 1, timeoutSeconds: 900 },
    ...flow("10.1.0.3", 40_002, "10.1.0.100", "10.2.0.12"),
    ...{ servicePort: 80, serverPort: 80, mark: 9 },
    sequences: {
      in: { initial: 1, delta: 2, previousDelta: 3 },
      out: { initial: 4, delta: 5, previousDelta: 6 },
    },
  },
];
const CALL_ENTRY: SyncEntry = {
  ...{ family: 4, protocol: 17, flags: WIRE_FLAG.TEMPLATE, state: 1, timeoutSeconds: 300 },
  ...flow("10.1.0.2", 0, "10.1.0.100", "10.2.0.11"),
  ...{ servicePort: 5060, serverPort: 5060, engine: { name: "si", data: hex("61") } },
};

function write(entries: readonly SyncEntry[], syncId = 7, maxBytes = 1472): Uint8Array {
  const writer = new MessageWriter(syncId, maxBytes);
  for (const entry of entries) assert.ok(writer.add(entry));
  return writer.take().bytes;
}

const isRead = (found: ReturnType<typeof readMessage>): found is ReadMessage => "entries" in found;

function read(bytes: Uint8Array): ReadMessage {
  const found = readMessage(bytes);
  assert.ok(isRead(found), "fault" in found ? found.fault : "");
  return found;
}

describe("messages of the sync daemon", () => {
  test("are what the structures of IPVS say", () => {
    assert.deepEqual(read(GOLDEN), { syncId: 7, entries: ENTRIES });
    assert.deepEqual(write(ENTRIES), GOLDEN);
  });

  test("with an engine's data and name", () => {
    assert.deepEqual(read(CALL), { syncId: 0, entries: [CALL_ENTRY] });
    assert.deepEqual(write([CALL_ENTRY], 0), CALL);
  });

  test("may be empty", () => {
    assert.deepEqual(write([]), hex("00 07 0008 00 01 0000"));
    assert.deepEqual(read(write([])).entries, []);
  });

  test("have as many entries as there is room for, and 255 at most", () => {
    const [entry] = ENTRIES as [SyncEntry];
    const fill = (maxBytes: number): number => {
      const writer = new MessageWriter(0, maxBytes);
      while (writer.add(entry)) assert.ok(!writer.isEmpty);
      const { bytes, entries } = writer.take();
      assert.ok(bytes.length <= maxBytes);
      assert.equal(read(bytes).entries.length, entries);
      assert.ok(writer.isEmpty, "another begins");
      return entries;
    };
    assert.equal(fill(1472), 40);
    assert.equal(fill(256), 6);
    assert.equal(fill(65_507), ENTRIES_MAX);
  });

  test("an option that may be passed over is", () => {
    const bytes = hex(
      "00 00 0030 01 01 0000 00 06 0028 00000000 0001 0001 0050 0050 00000000 00000001 01010101 02020202 03030303 4a 02 ffff",
    );
    assert.equal(read(bytes).entries.length, 1);
    bytes[44] = 0x0a;
    assert.deepEqual(readMessage(bytes), { fault: "an option that is not known" });
  });

  test("whatever is written is read again", () => {
    const random = createRandom(0x5e7d);
    for (let round = 0; round < 2000; round++) {
      const entries = Array.from({ length: random.next() % 6 }, () => anyEntry(random));
      const maxBytes = 8 + entries.reduce((sum, entry) => sum + entryBytes(entry) + 3, 0);
      const syncId = random.next() & 255;
      assert.deepEqual(read(write(entries, syncId, maxBytes)), { syncId, entries });
    }
  });

  test("what is damaged anywhere is refused or read, and nothing else", () => {
    const random = createRandom(0xbad);
    const refused = new Set<string>();
    for (let round = 0; round < 20_000; round++) {
      const bytes = damaged(random, write([...ENTRIES, CALL_ENTRY]));
      const found = readMessage(bytes);
      if (isRead(found)) assert.ok(found.entries.length <= 255);
      else refused.add(found.fault);
    }
    assert.ok(refused.size >= 8, [...refused].join(", "));
  });

  test("random bytes", () => {
    const random = createRandom(0xace);
    for (let round = 0; round < 20_000; round++) {
      const bytes = Uint8Array.from({ length: random.next() % 200 }, () => random.next());
      if (bytes.length >= 8 && round % 2) bytes.set([0, 1, 0, bytes.length, 4, 1, 0, 0]);
      const found = readMessage(bytes);
      if (isRead(found)) assert.ok(found.entries.length <= bytes.length / 36);
    }
  });
});

function damaged(random: Random, whole: Uint8Array): Uint8Array {
  const bytes = random.next() % 4 ? whole : whole.subarray(0, random.next() % whole.length);
  for (let i = random.next() % 4; i >= 0 && bytes.length > 0; i--) {
    bytes[random.next() % bytes.length] = random.next();
  }
  // What is cut says how long it is, or the rest would never be looked at.
  if (bytes.length >= 8 && random.next() % 2) bytes.set([0, 7, 0, bytes.length], 0);
  return bytes;
}

function anyEntry(random: Random): SyncEntry {
  const u16 = (): number => random.next() & 0xffff;
  const family = random.next() % 2 ? 4 : 6;
  const address = (): Uint8Array => {
    const bytes = Uint8Array.from({ length: 16 }, () => random.next());
    if (family === 4) bytes.set(ip("0.0.0.0").subarray(0, 12));
    return bytes;
  };
  const shift = (): SequenceShift => ({
    ...{ initial: random.next(), delta: random.next(), previousDelta: random.next() },
  });
  const some = (most: number) =>
    Array.from({ length: 1 + (random.next() % most) }, () => random.next() & 127);
  const name = String.fromCharCode(...some(16));
  return {
    ...{ family, protocol: random.next() & 255, flags: random.next(), state: u16() },
    ...{ client: address(), clientPort: u16(), service: address(), servicePort: u16() },
    ...{ server: address(), serverPort: u16(), mark: random.next() },
    timeoutSeconds: random.next(),
    ...(random.next() % 2 && { sequences: { in: shift(), out: shift() } }),
    ...(random.next() % 2 && { engine: { name, data: Uint8Array.from(some(255)) } }),
  };
}
