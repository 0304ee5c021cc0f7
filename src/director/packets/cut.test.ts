import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import type { ProtocolName } from "#base/protocol.ts";
import { describeLoops, type ServerSpec, VERDICT } from "#kit/director-bed.ts";
import { PEOPLE } from "#kit/director-cases.ts";
import { flowLabel } from "#kit/flow-label.ts";
import {
  checksum,
  concat,
  counting,
  frame,
  gre,
  gue,
  type IpFields,
  ip,
  ipip,
  type Payload,
  PROTO,
  pseudoHeader,
  sctp,
  tcp,
  udp,
  withWord,
} from "#kit/packet.ts";
import { frameFaults } from "#kit/packet-check.ts";
import type { Tap } from "#kit/tap.ts";
import { METHOD, SERVICE_FLAG, TUNNEL } from "#plan/director-numbers.ts";

/*
 * Packets that are too big for the way and may be cut up (RFC 791 section 3.2). What is left of one
 * when its first piece is gone comes in again: it is heard there, and given to the program as the
 * kernel would.
 */

const { client, service, server, ours } = PEOPLE.IPv4;
const FROM_CLIENT: IpFields = { from: client, to: service };
const IN = { from: 40_000, to: 53 };
const MTU = 1000;
const GUE_PORT = 6080;
const HEADER = 20;
const data = counting(3000);

interface Part {
  readonly at: number;
  readonly bytes: number;
}

/** `bytes` of a payload from `at` on, in packets of so many: all but the last carry eights. */
function partsOf({ at, bytes }: Part, room: number, header = HEADER): Part[] {
  if (bytes <= room - header) return [{ at, bytes }];
  const first = Math.floor((room - header) / 8) * 8;
  const rest = { at: at + first, bytes: bytes - first };
  return [{ at, bytes: first }, ...partsOf(rest, room, header)];
}

interface Case {
  readonly options: Uint8Array;
  readonly mtu: number;
  readonly length: number;
  readonly place: number;
  readonly more: boolean;
}

/** What later fragments have of options; none behind one that is broken is looked at. */
function laterOptions(options: Uint8Array): Uint8Array {
  const later = options.slice();
  for (let at = 0; at < options.length && options[at] !== 0; ) {
    const length = options[at] === 1 ? 1 : (options[at + 1] ?? 0);
    if (options[at] !== 1 && (length < 2 || at + length > options.length)) break;
    if (options[at]! < 0x80) later.fill(1, at, at + length);
    at += length;
  }
  return later;
}

describeLoops("packets that are too big and may be cut", {}, (bed) => {
  const ends: (() => unknown)[] = [];
  let tap: Tap;
  before(() => {
    tap = bed.tap({ after: (end) => ends.push(end) }, "front");
  });
  after(() => {
    for (const end of ends) end();
  });

  const place = (spec: Partial<ServerSpec>, protocol: ProtocolName = "udp"): void => {
    bed.configure({ locals: [ours] });
    const one = { address: server, mtu: MTU, tunnelPort: GUE_PORT, source: ours, ...spec };
    bed.service({ address: service, port: 53, protocol, servers: [one] });
  };

  /** What goes on of a packet: of the packet itself, and of all that comes in again of it. */
  function sent(packet: Uint8Array, protocol: number, pieces: number): Uint8Array[] {
    const all: Uint8Array[] = [];
    for (let next = frame(packet); all.length < pieces; ) {
      const outcome = bed.run(next);
      assert.equal(outcome.verdict, VERDICT.send, `piece ${all.length}`);
      assert.deepEqual(frameFaults(outcome.frame), [], `piece ${all.length}`);
      all.push(outcome.frame);
      if (all.length === pieces) break;
      const left = tap.next(protocol);
      assert.ok(left, `what is left after piece ${all.length}`);
      assert.deepEqual(frameFaults(left), []);
      next = left;
    }
    return all;
  }

  /** A packet with all of `payload`, or a part, goes on in pieces of at most `room`. */
  function cuts(
    payload: Payload,
    room: number,
    expected: (part: Part, payload: Payload, out: Uint8Array) => Uint8Array,
    fields: IpFields = FROM_CLIENT,
    rewritten: Payload = payload,
  ): number {
    const { protocol, bytes } = payload(new Uint8Array(4), new Uint8Array(4));
    const parts = partsOf(fields.part ?? { at: 0, bytes: bytes.length }, room);
    const out = sent(ip(fields, payload), protocol, parts.length);
    const wanted = parts.map((part, i) => frame(expected(part, rewritten, out[i]!)));
    assert.deepEqual(
      out.map((one) => Buffer.from(one).toString("hex")),
      wanted.map((one) => Buffer.from(one).toString("hex")),
    );
    return parts.length;
  }

  const toServer = { from: client, to: server, hops: 63 };
  const translated = (part: Part, payload: Payload): Uint8Array =>
    ip({ ...toServer, part }, payload);
  const arrived = (part: Part, payload: Payload): Uint8Array =>
    ip({ ...FROM_CLIENT, hops: 63, part }, payload);

  for (const port of [0, 5353]) {
    test(`NAT${port ? ", to another port" : ""}`, () => {
      place({ method: METHOD.NAT, port });
      const to = port || IN.to;
      cuts(udp({ ...IN, data }), MTU, translated, FROM_CLIENT, udp({ ...IN, to, data }));
    });
  }

  test("FULLNAT", () => {
    place({ method: METHOD.FULLNAT });
    bed.run(frame(ip(FROM_CLIENT, udp(IN))));
    const { localPort } = bed.connection();
    cuts(
      udp({ ...IN, data }),
      MTU,
      (part, payload) => ip({ from: ours, to: server, hops: 63, part }, payload),
      FROM_CLIENT,
      udp({ from: localPort, to: 53, data }),
    );
  });

  test("DR", () => {
    place({ method: METHOD.DR });
    cuts(udp({ ...IN, data }), MTU, arrived);
  });

  const tunnels = {
    IPIP: { more: 0, wrap: (packet: Uint8Array) => ipip(packet) },
    GRE: { more: 4, wrap: (packet: Uint8Array) => gre(packet) },
    GUE: {
      more: 12,
      wrap: (packet: Uint8Array, from: number) => gue({ from, to: GUE_PORT }, packet),
    },
  } as const;
  for (const outer of ["IPv4", "IPv6"] as const) {
    for (const [name, { more, wrap }] of Object.entries(tunnels)) {
      test(`${name} over ${outer}: each piece in a packet of its own`, () => {
        const [address, source] = [PEOPLE[outer].server, PEOPLE[outer].ours];
        const tunnel = TUNNEL[name as keyof typeof tunnels];
        place({ method: METHOD.TUN, tunnel, address, source });
        const header = outer === "IPv4" ? 20 : 40;
        cuts(udp({ ...IN, data }), MTU - header - more, (part, payload, out) => {
          const from = out[14 + header]! * 256 + out[14 + header + 1]!;
          const label = flowLabel({ client, service, ...IN, protocol: "udp" });
          const around = { from: source, to: address, id: 0, df: true, label };
          return ip(around, wrap(arrived(part, payload), from));
        });
      });
    }
  }

  for (const [name, bytes, pieces] of [
    ["one byte too big", MTU + 1, 2],
    ["as large as the way takes", MTU, 1],
    ["two pieces, to the byte", 2 * MTU - HEADER - 4, 2],
    ["and a byte more", 2 * MTU - HEADER - 3, 3],
  ] as const) {
    test(name, () => {
      place({ method: METHOD.NAT });
      const one = counting(bytes - HEADER - 8);
      assert.equal(cuts(udp({ ...IN, data: one }), MTU, translated), pieces);
      const counters: Record<string, number> = pieces > 1 ? { CUT: pieces - 1 } : {};
      assert.deepEqual(bed.counters(), counters);
    });
  }

  for (const [name, method] of Object.entries({ NAT: METHOD.NAT, TUN: METHOD.TUN })) {
    test(`${name}: fragments are cut up again`, () => {
      place({ method });
      const room = method === METHOD.TUN ? MTU - HEADER : MTU;
      const expected = method === METHOD.TUN ? tunneled : translated;
      const payload = udp({ ...IN, data });
      for (const part of partsOf({ at: 0, bytes: data.length + 8 }, 1420))
        cuts(payload, room, expected, { ...FROM_CLIENT, part });
    });
  }

  const tunneled = (part: Part, payload: Payload): Uint8Array =>
    ip({ from: ours, to: server, id: 0, df: true }, ipip(arrived(part, payload)));

  test("options: later pieces have those that are to be copied", () => {
    place({ method: METHOD.NAT });
    const alert = [0x94, 4, 0, 0];
    const route = [7, 7, 4, 0, 0, 0, 0];
    const stamp = [0x44, 8, 5, 0, 0, 0, 0, 0];
    const options = Uint8Array.from([1, ...route, ...alert, ...stamp, 0x88, 4, 1, 2, 0, 0, 0, 0]);
    const kept = Uint8Array.from([1, ...route.map(() => 1), ...alert]);
    const later = concat(kept, Uint8Array.from(stamp.map(() => 1)), options.subarray(20));
    const payload = udp({ ...IN, data });
    const parts = partsOf({ at: 0, bytes: data.length + 8 }, MTU, HEADER + options.length);
    const out = sent(ip({ ...FROM_CLIENT, options }, payload), PROTO.udp, parts.length);
    for (const [i, part] of parts.entries()) {
      const own = part.at === 0 ? options : later;
      assert.deepEqual(out[i], frame(ip({ ...toServer, options: own, part }, payload)));
    }
  });

  for (const [name, options] of Object.entries({
    "a length of nothing": [7, 0, 0, 0],
    "a length of one": [7, 1, 0, 0],
    "a length beyond the header": [7, 40, 0, 0],
    "a kind without a length": [1, 1, 1, 7],
  })) {
    test(`broken options stay as they are: ${name}`, () => {
      place({ method: METHOD.NAT });
      const fields = { ...toServer, options: Uint8Array.from(options) };
      const payload = udp({ ...IN, data: counting(1000) });
      const sender = { ...FROM_CLIENT, options: fields.options };
      const out = sent(ip(sender, payload), PROTO.udp, 2);
      const parts = partsOf({ at: 0, bytes: 1008 }, MTU, 24);
      const wanted = parts.map((part) => frame(ip({ ...fields, part }, payload)));
      assert.deepEqual(out, wanted);
    });
  }

  test("whatever options, sizes and ways there are: the same bytes arrive, in pieces that fit", () => {
    const byte = fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 7, 0x44, 0x82, 0x94), fc.nat(255));
    const words = fc.array(fc.tuple(byte, byte, byte, byte), { maxLength: 10 });
    const option = fc
      .tuple(fc.constantFrom(7, 0x44, 0x83, 0x94), fc.integer({ min: 2, max: 40 }))
      .map(([kind, length]) => [kind, length, ...new Array<number>(length - 2).fill(0x55)]);
    const whole = fc.array(option, { maxLength: 5 }).map((all) => {
      const bytes = all.flat().slice(0, 40);
      return [...bytes, ...new Array<number>(-bytes.length & 3).fill(1)];
    });
    const cases = fc.record({
      options: fc
        .oneof(
          words.map((all) => all.flat()),
          whole,
          fc.constant([7, 40, ...new Array<number>(38).fill(4)]),
        )
        .map((bytes) => Uint8Array.from(bytes)),
      mtu: fc.integer({ min: 150, max: 1500 }),
      length: fc.integer({ min: 1000, max: 3000 }),
      place: fc.constantFrom(0, 8, 40_000),
      more: fc.boolean(),
    });
    const check = ({ options, mtu, length, place: at, more }: Case): void => {
      bed.reset();
      place({ method: METHOD.NAT, mtu });
      const header = HEADER + options.length;
      // A part of something larger; of a later one the first has been there.
      const bytes = Math.floor(length / 8) * 8;
      const payload = udp({ ...IN, data: counting(at + bytes + (more ? 8 : 0) - 8) });
      bed.run(frame(ip({ ...FROM_CLIENT, part: { at: 0, bytes: 40 } }, payload)));
      const later = laterOptions(options);
      const parts = partsOf({ at, bytes }, mtu, header);
      const sender = { ...FROM_CLIENT, options, part: { at, bytes } };
      const out = sent(ip(sender, payload), PROTO.udp, parts.length);
      for (const [i, part] of parts.entries()) {
        const fields = { ...toServer, options: i === 0 ? options : later, part };
        assert.deepEqual(out[i], frame(ip(fields, payload)));
      }
    };
    fc.assert(fc.property(cases, check), { numRuns: 100 });
  });

  test("TCP", () => {
    place({ method: METHOD.NAT }, "tcp");
    const payload = tcp({ ...IN, options: counting(8), data });
    cuts(payload, MTU, translated);
  });

  test("SCTP to the same port; to another it is dropped, for pieces cannot be summed up", () => {
    place({ method: METHOD.NAT }, "sctp");
    cuts(sctp({ ...IN, data }), MTU, translated);
    bed.reset();
    place({ method: METHOD.NAT, port: 5353 }, "sctp");
    bed.drops(ip(FROM_CLIENT, sctp({ ...IN, data })));
    assert.deepEqual(bed.counters(), { TOO_BIG: 1 });
  });

  for (const [name, protocol, payload, at] of [
    ["UDP", "udp", udp({ ...IN, data: counting(2999) }), 6],
    ["TCP", "tcp", tcp({ ...IN, data: counting(2001) }), 16],
  ] as const) {
    test(`${name}: a sum that is owed is made`, () => {
      place({ method: METHOD.NAT }, protocol);
      const owed: Payload = (source, destination) => {
        const { protocol, bytes } = payload(source, destination);
        const pseudo = pseudoHeader(source, destination, protocol, bytes.length);
        return { protocol, bytes: withWord(bytes, at, 0xffff - checksum(pseudo)) };
      };
      cuts(owed, MTU, translated, FROM_CLIENT, payload);
    });
  }

  test("UDP without a sum stays without", () => {
    place({ method: METHOD.NAT });
    cuts(udp({ ...IN, data, unsummed: true }), MTU, translated);
  });

  test("a wrong sum stays wrong", () => {
    place({ method: METHOD.DR });
    const wrong: Payload = (source, destination) => {
      const { protocol, bytes } = udp({ ...IN, data })(source, destination);
      return { protocol, bytes: withWord(bytes, 6, 0x1234) };
    };
    cuts(wrong, MTU, arrived);
    const packet = withWord(ip(FROM_CLIENT, udp({ ...IN, data: counting(1000) })), 10, 0x1234);
    const [verdict, out] = Object.values(bed.run(frame(packet))) as [number, Uint8Array];
    assert.equal(verdict, VERDICT.send);
    assert.deepEqual(frameFaults(out), ["IPv4: sum"]);
    assert.deepEqual(frameFaults(tap.next(PROTO.udp)!), ["IPv4: sum"]);
  });

  test("statistics have the packet once, with its bytes", () => {
    place({ method: METHOD.NAT });
    cuts(udp({ ...IN, data }), MTU, translated);
    const { in: packets, inBytes } = bed.statistics(0);
    assert.deepEqual([packets, inBytes], [1, HEADER + 8 + data.length]);
  });

  test("a service of one packet: all pieces go to one server", () => {
    const servers = ["10.0.0.2", "10.0.0.3", "10.0.0.4"].map((address) => ({ address, mtu: MTU }));
    const flags = SERVICE_FLAG.ONE_PACKET;
    bed.service({ address: service, port: 53, protocol: "udp", servers, flags });
    for (const { address } of servers) {
      cuts(udp({ ...IN, data }), MTU, (part, payload) =>
        ip({ ...toServer, to: address, part }, payload),
      );
    }
    assert.deepEqual(bed.connections(), []);
    assert.deepEqual(
      servers.map((_, row) => bed.statistics(row).in),
      [1, 1, 1],
    );
  });

  test("what the kernel is to cut up is left to it", () => {
    place({ method: METHOD.NAT });
    const packet = ip(FROM_CLIENT, udp({ ...IN, data }));
    bed.drops(packet, { gsoSize: MTU, gsoSegments: 3 });
    assert.deepEqual(bed.counters(), { TOO_BIG: 1 });
  });

  test("a way that takes next to nothing", () => {
    place({ method: METHOD.NAT, mtu: 107 });
    bed.drops(ip(FROM_CLIENT, udp({ ...IN, data })));
    assert.deepEqual(bed.counters(), { TOO_BIG: 1 });
    bed.reset();
    place({ method: METHOD.NAT, mtu: 108 });
    cuts(udp({ ...IN, data }), 108, translated);
  });

  test("where what is left cannot come in again, nothing goes on", () => {
    place({ method: METHOD.NAT });
    bed.setLink("front", "down");
    try {
      bed.drops(ip(FROM_CLIENT, udp({ ...IN, data })));
    } finally {
      bed.setLink("front", "up");
    }
    assert.deepEqual(bed.counters(), { TOO_BIG: 1 });
    assert.equal(bed.statistics(0).in, 1);
  });

  test("where no hop is left, nothing comes in again", () => {
    place({ method: METHOD.NAT });
    bed.run(frame(ip({ ...FROM_CLIENT, hops: 1 }, udp({ ...IN, data }))));
    assert.deepEqual(bed.counters(), { TTL: 1 });
  });
});
