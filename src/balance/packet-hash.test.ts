import assert from "node:assert/strict";
import { test } from "node:test";
import { mix32 } from "#base/hash.ts";
import { parseIp } from "#base/ip.ts";
import { PACKET_HASH } from "#plan/packet-schedule.ts";
import {
  addressHash,
  flowHash,
  flowValue,
  foldAddress,
  goldenHash,
  ipvsDh,
  ipvsMh,
  ipvsSh,
  type PacketFlow,
  probeSlot,
  slotOf,
} from "./packet-hash.ts";

const flow = (source: string, sport: number, destination: string, dport: number): PacketFlow => ({
  source: parseIp(source)!,
  sport,
  destination: parseIp(destination)!,
  dport,
  protocol: 6,
  nowMs: 0,
});

const chain = (seed: number, ...words: number[]): number =>
  words.reduce((hash, word) => mix32(hash ^ word), seed);

const v4 = flow("192.0.2.1", 40_000, "198.51.100.7", 443);
const v6 = flow("2001:db8::1", 40_000, "2001:db8:1:2:3:4:5:6", 443);

test("ours are chains of mix32 over words in network order", () => {
  assert.equal(addressHash(v4.source, 7), chain(7, 0xc0000201));
  assert.equal(addressHash(v6.source, 7), chain(7, 0x20010db8, 0, 0, 1));
  const ports = (40_000 << 16) | 443;
  assert.equal(flowHash(v4, 7), chain(7, 0xc0000201, 0xc6336407, ports, 6));
  assert.equal(
    flowHash(v6, 7),
    chain(7, 0x20010db8, 0, 0, 1, 0x20010db8, 0x10002, 0x30004, 0x50006, ports, 6),
  );
  assert.equal(flowValue(PACKET_HASH.SOURCE_PORT, v4, 7), chain(7, 0xc0000201, 40_000));
  assert.equal(flowValue(PACKET_HASH.DESTINATION, v4, 7), chain(7, 0xc6336407));
});

test("IPv6 is folded to a word, IPv4 is one", () => {
  assert.equal(foldAddress(v4.source), 0xc0000201);
  assert.equal(foldAddress(v6.source), 0x20010db9);
  assert.equal(foldAddress(v6.destination), (0x20010db8 ^ 0x10002 ^ 0x30004 ^ 0x50006) >>> 0);
  assert.equal(foldAddress(parseIp("::ffff:0.0.0.1")!), 1);
});

test("IPVS's buckets", () => {
  const product = Number((0xc0000201n * 0x61c88647n) % 2n ** 32n);
  assert.equal(goldenHash(0xc0000201, 8), product >>> 24);
  assert.equal(goldenHash(1, 8), 0x61);
  assert.equal(goldenHash(2, 8), 0xc3);
  assert.equal(goldenHash(1, 10), 0x187);
  assert.equal(ipvsSh(1, 0), 0x61);
  assert.equal(ipvsSh(2, 0xf0), (0xc3 + 0xf0) & 255);
  assert.equal(ipvsDh(1), 0x61);
});

test("ports count where they are asked for", () => {
  assert.equal(flowValue(PACKET_HASH.IPVS_SH, v4, 0), 0xc0000201);
  assert.equal(flowValue(PACKET_HASH.IPVS_SH_PORT, v4, 0), 0xc0000201 + 40_000);
  assert.equal(flowValue(PACKET_HASH.IPVS_MH_PORT, v4, 0), 0xc0000201 + 40_000);
  assert.equal(flowValue(PACKET_HASH.IPVS_DH, v4, 0), 0xc6336407);
  const last = flow("255.255.255.255", 2, "192.0.2.1", 1);
  assert.equal(flowValue(PACKET_HASH.IPVS_SH_PORT, last, 0), 1, "sums wrap");
});

test("probing: sh from twice its bucket on, mh by new hashes, ours the next slots", () => {
  const { IPVS_SH, IPVS_MH, SOURCE } = PACKET_HASH;
  const first = slotOf(IPVS_SH, 1, 256);
  assert.equal(first, 0x61);
  assert.deepEqual(
    [0, 1, 62].map((step) => probeSlot(IPVS_SH, 1, first, step, 256)),
    [0xc2, 0xc3, 0],
  );
  const slot = slotOf(IPVS_MH, 5, 251);
  assert.equal(slot, ipvsMh(5, 251));
  assert.equal(probeSlot(IPVS_MH, 5, slot, 3, 251), ipvsMh(5 + ((slot + 3) % 251), 251));
  assert.equal(probeSlot(SOURCE, 100, slotOf(SOURCE, 100, 101), 0, 101), 0);
});
