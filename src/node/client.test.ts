import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { formatIp, parseIp } from "#base/ip.ts";
import { bpfRefusal } from "#io/bpf/features.ts";
import type { LoadedObject } from "#io/bpf/loader.ts";
import { testRun } from "#io/bpf/test-run.ts";
import { type Bytes, frame, ip, join, PROTOCOL, u16 } from "#kit/tunnel-packets.ts";
import { CLIENT } from "#plan/node-client-layout.ts";
import { clientCountsOf, loadClientPrograms, READ_CLIENT } from "./client-programs.ts";

/*
 * Who is believed what, packet by packet. That processes are told of it, test/director/
 * client-address.test.ts shows with real ones.
 */

const SERVER = { 4: "10.2.0.11", 6: "fd02::11" } as const;
const DIRECTOR = { 4: "10.2.0.1", 6: "fd02::1" } as const;
const STRANGER = { 4: "10.2.0.2", 6: "fd02::2" } as const;
const WHO = { 4: "198.51.100.9", 6: "2001:db8::9" } as const;
const PORT = 8000;
/** TC_ACT_UNSPEC: whatever it read, others see the packet. */
const GO_ON = 0xffff_ffff;
const SYN = 2;
const ACK = 16;
type Family = 4 | 6;

const named = (kind: number, who: string, port = 4321): Bytes => {
  const bytes = parseIp(who)!;
  const address = who.includes(":") ? bytes : bytes.subarray(12);
  return join(Uint8Array.of(kind, 4 + address.length), u16(port), address);
};

interface Segment {
  readonly flags?: number;
  readonly seq?: number;
  readonly to?: number;
  readonly options?: Uint8Array;
}

function segment({
  flags = ACK,
  seq = 1001,
  to = PORT,
  options = new Uint8Array(0),
}: Segment): Bytes {
  const padded = join(options, new Uint8Array((4 - (options.length % 4)) % 4));
  const words = 5 + padded.length / 4;
  const head = [...u16(50_000, to, 0, seq, 0, 0), words << 4, flags, ...u16(65_000, 0, 0)];
  return join(Uint8Array.from(head), padded);
}

const skip = process.getuid?.() !== 0 ? "BPF needs root" : (bpfRefusal() ?? false);

describe("who clients are", { skip }, () => {
  const from = ["10.2.0.1", "fd02::1"];
  let loaded: LoadedObject;
  before(() => {
    loaded = loadClientPrograms({ from, ports: [PORT] });
  });
  beforeEach(() => {
    for (const key of [...loaded.maps["clients"]!.keys()]) loaded.maps["clients"]!.delete(key);
  });
  after(() => loaded?.close());

  const comes = (data: Bytes, to: LoadedObject = loaded): void => {
    const { retval, data: out } = testRun(to.programs[READ_CLIENT]!, { data });
    assert.equal(retval, GO_ON);
    assert.deepEqual(Uint8Array.from(out), data, "it is only looked at");
  };
  const says = (family: Family, fields: Segment, options = {}): void => {
    const packet = ip(DIRECTOR[family], SERVER[family], PROTOCOL.TCP, segment(fields), options);
    comes(frame(packet));
  };
  const known = (from: LoadedObject = loaded): string[] => {
    const map = from.maps["clients"]!;
    return [...map.keys()].map((key) => {
      const value = map.lookup(key)!;
      const port = new DataView(value.buffer, value.byteOffset).getUint16(CLIENT.PORT);
      return `${formatIp(value, CLIENT.ADDRESS)} ${port}`;
    });
  };

  for (const family of [4, 6] as const) {
    const who = WHO[family];
    const option = named(family === 4 ? 254 : 253, who);

    test(`IPv${family}: wherever the option stands`, () => {
      for (const before of [0, 1, 2, 3, 4, 12]) {
        const nothing = new Uint8Array(before).fill(1);
        for (const key of [...loaded.maps["clients"]!.keys()]) loaded.maps["clients"]!.delete(key);
        says(family, { options: join(nothing, option) });
        assert.deepEqual(known(), [`${who} 4321`]);
      }
      says(family, { options: join(Uint8Array.of(3, 3, 7), named(254, "192.0.2.77", 1)) });
      assert.deepEqual(known(), ["192.0.2.77 1"], "the last word counts");
    });

    test(`IPv${family}: counts`, () => {
      const was = clientCountsOf(loaded.maps["client_counters"]!);
      says(family, { flags: SYN, seq: 1000 });
      for (let i = 0; i < 3; i++) says(family, { options: option });
      const { begun, told } = clientCountsOf(loaded.maps["client_counters"]!);
      assert.deepEqual([begun - was.begun, told - was.told], [1, 1]);
    });

    test(`IPv${family}: a connection that begins has nobody yet`, () => {
      says(family, { options: option });
      says(family, { flags: SYN, seq: 1000 });
      assert.deepEqual(known(), [`${who} 4321`], "sent twice, and late");
      says(family, { flags: SYN, seq: 2000 });
      assert.deepEqual(known(), []);
    });

    test(`IPv${family}: strangers, other ports and SYN say nothing`, () => {
      const fields = { options: option };
      comes(frame(ip(STRANGER[family], SERVER[family], PROTOCOL.TCP, segment(fields))));
      says(family, { ...fields, to: PORT + 1 });
      says(family, { ...fields, flags: SYN });
      comes(frame(ip(DIRECTOR[family], SERVER[family], PROTOCOL.UDP, segment(fields))));
      const toOther = Uint8Array.of(2, 0, 0, 0, 0, 5);
      const packet = ip(DIRECTOR[family], SERVER[family], PROTOCOL.TCP, segment(fields));
      comes(frame(packet, toOther));
      assert.deepEqual(known(), []);
    });

    test(`IPv${family}: what is cut short, or no such option`, () => {
      const times = join(Uint8Array.of(1, 1, 8, 10), new Uint8Array(8));
      for (const options of [
        new Uint8Array(0),
        times,
        join(Uint8Array.of(0), option),
        join(Uint8Array.of(254, 0), option),
        join(Uint8Array.of(254, 1), option),
        join(Uint8Array.of(254, 40), option),
        join(Uint8Array.of(30, 12), named(254, "192.0.2.1"), u16(0)),
        join(Uint8Array.of(253, 8, 1, 2, 3, 4, 5, 6)),
        join(Uint8Array.of(254, 12), new Uint8Array(10)),
      ]) {
        says(family, { options });
      }
      const whole = ip(
        DIRECTOR[family],
        SERVER[family],
        PROTOCOL.TCP,
        segment({ options: option }),
      );
      for (let bytes = 1; bytes < option.length; bytes++) {
        comes(frame(whole.slice(0, whole.length - bytes)));
      }
      assert.deepEqual(known(), []);
    });
  }

  test("fragments say nothing; options of IP are skipped", () => {
    const options = named(254, WHO[4]);
    for (const fragment of [0x2000, 0x2010, 0x0010]) says(4, { options }, { fragment });
    assert.deepEqual(known(), []);
    says(4, { options }, { options: new Uint8Array(8).fill(1) });
    assert.deepEqual(known(), [`${WHO[4]} 4321`]);
  });

  test("each connection has its own; any port where none is named; networks", () => {
    const all = loadClientPrograms({ from: ["10.2.0.0/24"], ports: [] });
    try {
      for (const [i, director] of ["10.2.0.1", "10.2.0.254", "10.3.0.1"].entries()) {
        const fields = { to: 9000 + i, options: named(254, WHO[4], i) };
        comes(frame(ip(director, SERVER[4], PROTOCOL.TCP, segment(fields))), all);
      }
      assert.deepEqual(known(all).sort(), [`${WHO[4]} 0`, `${WHO[4]} 1`]);
    } finally {
      all.close();
    }
  });
});
