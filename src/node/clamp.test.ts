import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { bpfRefusal } from "#io/bpf/features.ts";
import type { LoadedObject } from "#io/bpf/loader.ts";
import { testRun } from "#io/bpf/test-run.ts";
import { type Bytes, frame, internetSum, ip, join, PROTOCOL, u16 } from "#kit/tunnel-packets.ts";
import { CLAMP, countsOf, loadPrograms } from "./programs.ts";

const VIP = { 4: "10.0.0.1", 6: "fd00::1" } as const;
const OTHER = { 4: "10.0.0.2", 6: "fd00::2" } as const;
const CLIENT = { 4: "198.51.100.9", 6: "2001:db8:9::9" } as const;
const MSS = { 4: 1400, 6: 1380 } as const;
/** TC_ACT_UNSPEC: others see the packet. */
const GO_ON = 0xffff_ffff;
const SYN = 2;
const ACK = 16;
type Family = 4 | 6;

/** A TCP header whose checksum is right for these ends. */
function tcp(from: string, to: string, flags: number, options: Uint8Array): Bytes {
  const padded = join(options, new Uint8Array((4 - (options.length % 4)) % 4));
  const words = 5 + padded.length / 4;
  const head = [...u16(80, 5000, 1, 2, 3, 4), words << 4, flags, ...u16(65_000, 0, 0)];
  const segment = join(Uint8Array.from(head), padded);
  segment.set(u16(sumOf(from, to, segment)), 16);
  return segment;
}

/** What the checksum should be, the field being 0; 0 over a segment that has the right one. */
function sumOf(from: string, to: string, segment: Uint8Array): number {
  const [v6, bytes] = [from.includes(":"), segment.length];
  const packet = ip(from, to, PROTOCOL.TCP, segment);
  const addresses = v6 ? packet.subarray(8, 40) : packet.subarray(12, 20);
  return internetSum(join(addresses, u16(bytes, PROTOCOL.TCP), segment));
}

const mss = (value: number): Bytes => join(Uint8Array.of(2, 4), u16(value));

const skip = process.getuid?.() !== 0 ? "BPF needs root" : (bpfRefusal() ?? false);

describe("MSS of answers", { skip }, () => {
  let loaded: LoadedObject;
  before(() => {
    const vips = Object.values(VIP);
    loaded = loadPrograms({
      forms: ["ipip"],
      port: 6080,
      from: [],
      own: [],
      vips,
      mss4: MSS[4],
      mss6: MSS[6],
    });
  });
  after(() => loaded?.close());

  const run = (data: Bytes): Uint8Array => {
    const result = testRun(loaded.programs[CLAMP]!, { data });
    assert.equal(result.retval, GO_ON);
    return result.data;
  };
  const answer = (
    family: Family,
    options: Uint8Array,
    flags = SYN | ACK,
    from: string = VIP[family],
  ) => frame(ip(from, CLIENT[family], PROTOCOL.TCP, tcp(from, CLIENT[family], flags, options)));

  for (const family of [4, 6] as const) {
    test(`IPv${family}: lowered wherever the option stands, with its checksum`, () => {
      for (const before of [0, 1, 2, 3, 4, 5, 16]) {
        const nothing = new Uint8Array(before).fill(1);
        const rest = Uint8Array.of(4, 2, 3, 3, 7);
        const out = run(answer(family, join(nothing, mss(1460), rest)));
        assert.deepEqual(
          Uint8Array.from(out),
          answer(family, join(nothing, mss(MSS[family]), rest)),
        );
      }
      const counts = countsOf(loaded.maps["node_counters"]!);
      assert.ok(counts.clamped >= 7);
    });

    test(`IPv${family}: all else is left as it is`, () => {
      const same = {
        "small enough": answer(family, mss(MSS[family])),
        "no SYN": answer(family, mss(1460), ACK),
        "not from a VIP": answer(family, mss(1460), SYN | ACK, OTHER[family]),
        "no option": answer(family, new Uint8Array(0)),
        "behind the end": answer(family, join(Uint8Array.of(0, 0, 0, 0), mss(1460))),
        "within another option": answer(family, join(Uint8Array.of(30, 8, 2, 4, 5, 0xb4, 2, 4))),
        "of a wrong length": answer(family, join(Uint8Array.of(2, 3), u16(1460))),
        "an option of no length": answer(family, join(Uint8Array.of(8, 0), mss(1460))),
        "cut short": answer(family, mss(1460)).slice(0, 14 + (family === 4 ? 20 : 40) + 22),
        UDP: frame(ip(VIP[family], CLIENT[family], PROTOCOL.UDP, new Uint8Array(30))),
      };
      for (const [name, data] of Object.entries(same)) {
        assert.deepEqual(Uint8Array.from(run(data)), data, name);
      }
    });
  }

  test("not in a later fragment, whose bytes are no header", () => {
    const segment = tcp(VIP[4], CLIENT[4], SYN | ACK, mss(1460));
    const data = frame(ip(VIP[4], CLIENT[4], PROTOCOL.TCP, segment, { fragment: 5 }));
    assert.deepEqual(Uint8Array.from(run(data)), data);
  });
});
