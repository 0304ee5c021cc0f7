import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { bpfRefusal } from "#io/bpf/features.ts";
import type { LoadedObject } from "#io/bpf/loader.ts";
import { testRun } from "#io/bpf/test-run.ts";
import {
  type Bytes,
  frame,
  gre,
  gue,
  internetSum,
  ip,
  ipProtocol,
  isV6,
  join,
  PROTOCOL,
  u16,
  udp,
} from "#kit/tunnel-packets.ts";
import type { Form } from "./forms.ts";
import { countsOf, DECAPSULATE, loadPrograms, type ProgramSettings } from "./programs.ts";

/*
 * Packets in packets, byte for byte as the kernel hands them on.
 */

const TC_ACT_UNSPEC = 0xffff_ffff;
const TC_ACT_SHOT = 2;
const TC_ACT_REDIRECT = 7;

const VIP = { 4: "10.0.0.1", 6: "fd00::1" } as const;
const OWN = { 4: "192.0.2.7", 6: "2001:db8::7" } as const;
const CLIENT = { 4: "198.51.100.9", 6: "2001:db8:9::9" } as const;
const DIRECTOR = { 4: "192.0.2.1", 6: "2001:db8::1" } as const;
const PORT = 6080;
const BODY = Uint8Array.from({ length: 57 }, (_, i) => i * 7);
const FAMILIES = [4, 6] as const;
type Family = (typeof FAMILIES)[number];

const SETTINGS: ProgramSettings = {
  forms: ["ipip", "gue", "gre"],
  port: PORT,
  from: [],
  own: Object.values(OWN),
  vips: Object.values(VIP),
  mss4: 1400,
  mss6: 1380,
};

const inner = (family: Family, options = {}): Bytes =>
  ip(CLIENT[family], VIP[family], PROTOCOL.UDP, udp(5000, 53, BODY), options);
const outer = (family: Family, protocol: number, payload: Uint8Array, options = {}): Bytes =>
  ip(DIRECTOR[family], OWN[family], protocol, payload, options);

/** Every way to wrap a packet that is understood. */
const WRAPS: Readonly<Record<string, [Form, (packet: Bytes) => [protocol: number, Bytes]]>> = {
  "IP in IP": ["ipip", (packet) => [ipProtocol(packet), packet]],
  GRE: ["gre", (packet) => [PROTOCOL.GRE, gre(packet)]],
  "GRE with a checksum": ["gre", (p) => [PROTOCOL.GRE, gre(p, 0x8000, u16(0xabcd, 0))]],
  GUE: ["gue", (packet) => [PROTOCOL.UDP, gue(packet, PORT)]],
  "GUE with private fields": [
    "gue",
    (p) => [PROTOCOL.UDP, gue(p, PORT, { fields: new Uint8Array(20) })],
  ],
  "IP right in UDP": ["gue", (packet) => [PROTOCOL.UDP, udp(0xc001, PORT, packet)]],
};

const skip = process.getuid?.() !== 0 ? "BPF needs root" : (bpfRefusal() ?? false);

describe("decapsulation", { skip }, () => {
  let loaded: LoadedObject;
  before(() => {
    loaded = loadPrograms(SETTINGS);
  });
  after(() => loaded?.close());

  const run = (data: Bytes, from: LoadedObject = loaded) => {
    const { retval, data: out } = testRun(from.programs[DECAPSULATE]!, { data });
    return { retval, data: Uint8Array.from(out) };
  };

  const passes = (name: string, data: Bytes, from?: LoadedObject): void => {
    const { retval, data: out } = run(data, from);
    assert.equal(retval, TC_ACT_UNSPEC, name);
    assert.deepEqual(out, data, name);
  };

  for (const [name, [form, wrap]] of Object.entries(WRAPS)) {
    for (const [outside, inside] of [
      [4, 4],
      [4, 6],
      [6, 4],
      [6, 6],
    ] as const) {
      test(`${name}: IPv${inside} in IPv${outside}`, () => {
        const packet = inner(inside);
        const before = countsOf(loaded.maps["node_counters"]!)[form];
        const { retval, data } = run(frame(outer(outside, ...wrap(packet))));
        assert.equal(retval, outside === inside ? TC_ACT_UNSPEC : TC_ACT_REDIRECT);
        assert.deepEqual(data, frame(packet));
        assert.equal(countsOf(loaded.maps["node_counters"]!)[form], before + 1);
      });
    }

    test(`${name}: only if it is accepted`, () => {
      const others = SETTINGS.forms.filter((one) => one !== form);
      const partly = loadPrograms({ ...SETTINGS, forms: others });
      try {
        passes(name, frame(outer(4, ...wrap(inner(4)))), partly);
      } finally {
        partly.close();
      }
    });

    test(`${name}: a packet of no bytes but headers`, () => {
      for (const [outside, inside] of [
        [6, 4],
        [4, 4],
        [6, 6],
        [4, 6],
      ] as const) {
        const packet = ip(CLIENT[inside], VIP[inside], PROTOCOL.UDP, udp(1, 2, new Uint8Array(0)));
        const { data } = run(frame(outer(outside, ...wrap(packet))));
        assert.deepEqual(data, frame(packet));
      }
    });
  }

  test("options of the outer header go too; those of the inner stay", () => {
    const options = Uint8Array.of(1, 1, 1, 0, 1, 1, 1, 0);
    const packet = inner(4, { options });
    assert.deepEqual(run(frame(outer(4, PROTOCOL.IPIP, packet, { options }))).data, frame(packet));
    const limit = Uint8Array.of(PROTOCOL.IPV6, 0, 4, 1, 4, 1, 1, 0);
    const limited = outer(6, PROTOCOL.DSTOPTS, join(limit, inner(6)));
    assert.deepEqual(run(frame(limited)).data, frame(inner(6)));
  });

  test("inner fragments come out; outer ones stay as they are", () => {
    for (const fragment of [0x2000, 0x2010, 0x0010]) {
      const packet = inner(4, { fragment });
      assert.deepEqual(run(frame(outer(4, PROTOCOL.IPIP, packet))).data, frame(packet));
      passes("outer", frame(outer(4, PROTOCOL.IPIP, inner(4), { fragment })));
    }
    // IPv6: the header of fragments is one that is not looked behind.
    const first = join(Uint8Array.of(PROTOCOL.IPV6, 0, 0, 1, 0, 0, 0, 9), inner(6));
    passes("outer, IPv6", frame(outer(6, 44, first)));
  });

  test("padding of a short frame stays behind the packet, for the stack to cut", () => {
    const packet = ip(CLIENT[4], VIP[4], PROTOCOL.UDP, udp(1, 2, new Uint8Array(0)));
    const padded = join(frame(outer(4, PROTOCOL.IPIP, packet)), new Uint8Array(12));
    assert.deepEqual(run(padded).data, join(frame(packet), new Uint8Array(12)));
  });

  test("the rest is left alone", () => {
    const packet = inner(4);
    const other = ip(CLIENT[4], "10.0.0.2", PROTOCOL.UDP, udp(1, 2, BODY));
    const cases: Readonly<Record<string, Bytes>> = {
      "no tunnel": packet,
      "not for a VIP": outer(4, PROTOCOL.IPIP, other),
      "not to us": ip(DIRECTOR[4], "192.0.2.8", PROTOCOL.IPIP, packet),
      "a tunnel to the VIP itself": ip(DIRECTOR[4], VIP[4], PROTOCOL.IPIP, packet),
      "another port": outer(4, PROTOCOL.UDP, gue(packet, 6081)),
      "GUE, control": outer(4, PROTOCOL.UDP, gue(packet, PORT, { first: 0x20 })),
      "GUE, version 2": outer(4, PROTOCOL.UDP, gue(packet, PORT, { first: 0x80 })),
      "GUE, flags": outer(4, PROTOCOL.UDP, gue(packet, PORT, { flags: 1 })),
      "GUE, no IP in it": outer(4, PROTOCOL.UDP, gue(packet, PORT, { protocol: 6 })),
      "GUE, another family": outer(4, PROTOCOL.UDP, gue(packet, PORT, { protocol: 41 })),
      "GRE with a key": outer(4, PROTOCOL.GRE, gre(packet, 0x2000, new Uint8Array(4))),
      "GRE, version 1": outer(4, PROTOCOL.GRE, gre(packet, 1)),
      "GRE, Ethernet": outer(4, PROTOCOL.GRE, join(u16(0, 0x6558), packet)),
      "IPv6 by the number, IPv4 by its bytes": outer(4, PROTOCOL.IPV6, packet),
      "a tunnel in a tunnel": outer(4, PROTOCOL.IPIP, outer(4, PROTOCOL.IPIP, packet)),
    };
    for (const [name, one] of Object.entries(cases)) passes(name, frame(one));
    passes("to another machine", frame(outer(4, 4, packet), Uint8Array.of(2, 0, 0, 0, 0, 5)));
  });

  test("from the directors' networks only, where they are named", () => {
    const some = loadPrograms({ ...SETTINGS, from: ["192.0.2.0/30", "2001:db8::1"] });
    try {
      for (const outside of FAMILIES) {
        const good = frame(outer(outside, ...WRAPS["GUE"]![1](inner(outside))));
        assert.deepEqual(run(good, some).data, frame(inner(outside)));
      }
      for (const [from, to] of [
        ["192.0.2.4", OWN[4]],
        ["2001:db8::2", OWN[6]],
      ] as const) {
        passes(from, frame(ip(from, to, PROTOCOL.IPIP, inner(4))), some);
      }
    } finally {
      some.close();
    }
  });

  describe("congestion on the way (RFC 6040)", () => {
    for (const inside of FAMILIES) {
      test(`IPv${inside}`, () => {
        for (const [outside, was, becomes] of [
          [1, 2, 2],
          [3, 1, 3],
          [3, 2, 3],
          [3, 3, 3],
          [0, 3, 3],
        ] as const) {
          const tunnel = outer(4, ipProtocol(inner(inside)), inner(inside, { tos: 0xb8 | was }), {
            tos: outside,
          });
          const { data } = run(frame(tunnel));
          assert.deepEqual(data, frame(inner(inside, { tos: 0xb8 | becomes })));
          if (inside === 4) assert.equal(internetSum(data.subarray(14, 34)), 0);
        }
        const deaf = outer(6, ipProtocol(inner(inside)), inner(inside), { tos: 3 });
        assert.equal(run(frame(deaf)).retval, TC_ACT_SHOT);
      });
    }
  });

  test("a packet cut short anywhere: what comes out was in it", () => {
    for (const [, wrap] of Object.values(WRAPS)) {
      const packet = inner(4);
      const whole = frame(outer(6, ...wrap(packet)));
      for (let bytes = 14 + 40; bytes < whole.length; bytes++) {
        const { retval, data } = run(whole.slice(0, bytes));
        if (retval === TC_ACT_UNSPEC) assert.deepEqual(data, whole.slice(0, bytes));
        else assert.deepEqual(data, frame(packet).slice(0, data.length));
      }
    }
  });

  test("any bytes: the frame as it was, or a packet for a VIP", () => {
    const wrapped = fc
      .tuple(
        fc.constantFrom(...Object.values(WRAPS)),
        fc.constantFrom(...FAMILIES),
        fc.constantFrom(...FAMILIES),
        fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 }),
        fc.nat(200),
      )
      .map(([[, wrap], outside, inside, changes, cut]) => {
        const data = frame(outer(outside, ...wrap(inner(inside))));
        for (const [at, value] of changes) if (at > 14) data[at % data.length] = value;
        return data.slice(0, Math.max(54, data.length - (cut < 100 ? 0 : cut - 100)));
      });
    const random = fc
      .tuple(
        fc.constantFrom(0x0800, 0x86dd, 0x0806),
        fc.uint8Array({ minLength: 40, maxLength: 300 }),
      )
      .map(([type, bytes]) => join(new Uint8Array(12), u16(type), bytes));
    const targets = Object.values(VIP).map((vip) => [...ip(vip, vip, 0, new Uint8Array(0))]);
    fc.assert(
      fc.property(fc.oneof(wrapped, random), (data) => {
        const { retval, data: out } = run(data);
        if (out.length === data.length || retval === TC_ACT_SHOT) return;
        const packet = out.subarray(14);
        const [at, from, bytes] = isV6(packet) ? [24, 24, 16] : [16, 16, 4];
        const target = targets[isV6(packet) ? 1 : 0]!.slice(from, from + bytes);
        assert.deepEqual([...packet.subarray(at, at + bytes)], target);
        assert.deepEqual([...data.subarray(0, 12)], [...out.subarray(0, 12)]);
      }),
      { numRuns: 3000 },
    );
  });
});
