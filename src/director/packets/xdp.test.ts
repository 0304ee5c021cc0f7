import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { directorBed, EXPIRED_TICKS, noDirector, VERDICT, XDP_VERDICT } from "#kit/director-bed.ts";
import { FAMILIES, type FamilyName, PEOPLE } from "#kit/director-cases.ts";
import {
  CLIENT_MAC,
  checksum,
  concat,
  counting,
  frame,
  ip,
  OUR_MAC,
  type Payload,
  PROTO,
  pseudoHeader,
  SERVER_MAC,
  sctp,
  tcp,
  u16,
  udp,
  withWord,
} from "#kit/packet.ts";
import { frameFaults } from "#kit/packet-check.ts";
import { CONNECTION, HOP } from "#plan/director-layout.ts";
import {
  CONFIG_FLAG,
  CONN_STATE,
  CONNECTION_FLAG,
  DESTINATION_FLAG,
  METHOD,
  TUNNEL,
} from "#plan/director-numbers.ts";
import { kernelTicks } from "../ticks.ts";

/*
 * The short way does what the long way does, to the byte, and nothing else: what it does not send
 * on it leaves as it came, uncounted.
 */

const IN = { from: 40_000, to: 80 };
const ack = (data = counting(31)): Payload => tcp({ ...IN, flags: "A", data });
const datagram = (data = counting(13)): Payload => udp({ ...IN, data });
const TRANSPORTS = { tcp: ack, udp: datagram } as const;
type Transport = keyof typeof TRANSPORTS;

/** Ways to a server that the short way has too. */
const WAYS = [
  { name: "DR", method: METHOD.DR },
  { name: "NAT", method: METHOD.NAT },
  { name: "NAT to another port", method: METHOD.NAT, port: 8080 },
  { name: "IPIP", method: METHOD.TUN, tunnel: TUNNEL.IPIP },
  { name: "GUE", method: METHOD.TUN, tunnel: TUNNEL.GUE, tunnelPort: 6080 },
  { name: "GRE", method: METHOD.TUN, tunnel: TUNNEL.GRE },
] as const;
type WayTo = (typeof WAYS)[number];

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("XDP", { skip: noDirector() }, () => {
  const bed = directorBed();

  interface Flow {
    readonly family: FamilyName;
    readonly outer: FamilyName;
    readonly transport: Transport;
    readonly way: WayTo;
    readonly mtu?: number;
    readonly interface?: number;
  }

  /** Begins a flow the long way; its row. */
  function begin({ family, outer, transport, way, mtu, interface: out }: Flow): number {
    bed.takeByXdp();
    const { client, service } = PEOPLE[family];
    const { server } = PEOPLE[outer];
    const { name: _, ...rest } = way;
    const more = {
      ...(mtu !== undefined && { mtu }),
      ...(out !== undefined && { interface: out }),
    };
    const servers = [{ address: server, ...rest, ...more }];
    const { base } = bed.service({
      address: service,
      protocol: transport,
      servers,
    });
    if (transport === "tcp") {
      bed.run(frame(ip({ from: client, to: service }, tcp({ ...IN, flags: "S" }))));
      bed.run(frame(ip({ from: client, to: service }, tcp({ ...IN, flags: "A" }))));
      bed.force(CONN_STATE.ESTABLISHED);
    } else {
      bed.run(frame(ip({ from: client, to: service }, datagram())));
    }
    return base;
  }

  /** What a run counts, of one server. */
  function counted<T>(row: number, work: () => T) {
    const before = bed.statistics(row);
    const outcome = work();
    const after = bed.statistics(row);
    return {
      outcome,
      counts: {
        connections: after.connections - before.connections,
        in: after.in - before.in,
        inBytes: after.inBytes - before.inBytes,
        out: after.out - before.out,
      },
    };
  }

  /** Takes a frame both ways, the short one first: equal, or left alone by the short one. */
  function compare(row: number, sent: Uint8Array): boolean {
    const short = counted(row, () => bed.runXdp(sent));
    if (short.outcome.verdict === XDP_VERDICT.pass) {
      assert.equal(hex(short.outcome.frame), hex(sent), "as it came");
      assert.deepEqual(short.counts, { connections: 0, in: 0, inBytes: 0, out: 0 });
      return false;
    }
    assert.equal(short.outcome.verdict, XDP_VERDICT.send);
    const state = bed.connection().state;
    const long = counted(row, () => bed.run(sent));
    assert.equal(long.outcome.verdict, VERDICT.send);
    assert.equal(hex(short.outcome.frame.subarray(12)), hex(long.outcome.frame.subarray(12)));
    assert.equal(hex(short.outcome.frame.subarray(0, 12)), hex(concat(SERVER_MAC, OUR_MAC)));
    assert.deepEqual(short.counts, long.counts);
    assert.equal(bed.connection().state, state);
    return true;
  }

  for (const way of WAYS) {
    for (const family of FAMILIES) {
      for (const outer of way.method === METHOD.TUN ? FAMILIES : [family]) {
        for (const transport of ["tcp", "udp"] as const) {
          const where = outer === family ? family : `${family} in ${outer}`;
          test(`${way.name}, ${transport} over ${where}`, () => {
            const row = begin({ family, outer, transport, way });
            const { client, service } = PEOPLE[family];
            const from = { from: client, to: service, class: 0xb9, hops: 9 };
            const sent = frame(ip(from, TRANSPORTS[transport]()));
            bed.age(500);
            assert.ok(compare(row, sent), "the short way");
            assert.equal(bed.hastened(), 1);
            assert.deepEqual(frameFaults(bed.runXdp(sent).frame), []);
            assert.ok((kernelTicks() - bed.connection().seen) >>> 0 < 200, "seen");
          });
        }
      }
    }
  }

  test("back by the interface it came from", () => {
    begin({ ...plain("IPv4", "tcp"), interface: 1 });
    assert.equal(bed.runXdp(sentBy("IPv4", ack())).verdict, XDP_VERDICT.send);
    assert.equal(bed.connection().interface, 1, "where packets come in is kept");
  });

  function plain(family: FamilyName, transport: Transport): Flow {
    return { family, outer: family, transport, way: WAYS[0] };
  }

  function sentBy(family: FamilyName, payload: Payload, more: object = {}): Uint8Array {
    const { client, service } = PEOPLE[family];
    return frame(ip({ from: client, to: service, ...more }, payload));
  }

  /** The sum of the pseudo-header alone, as whoever leaves the rest to a card writes it. */
  const owed =
    (payload: Payload, at: number): Payload =>
    (source, destination) => {
      const { protocol, bytes } = payload(source, destination);
      const pseudo = pseudoHeader(source, destination, protocol, bytes.length);
      return { protocol, bytes: withWord(bytes, at, 0xffff - checksum(pseudo)) };
    };

  /** What goes up, of a flow that is known. */
  const UNUSUAL: Readonly<Record<string, (family: FamilyName) => Uint8Array>> = {
    ...Object.fromEntries(
      ["S", "SA", "F", "FA", "R", "RA", "P", "UA", ""].map((flags) => [
        `flags ${flags || "none"}`,
        (family: FamilyName) => sentBy(family, tcp({ ...IN, flags })),
      ]),
    ),
    "the last hop": (family) => sentBy(family, ack(), { hops: 1 }),
    "a sum that is owed": (family) => sentBy(family, owed(ack(), 16)),
    "options of IP": (family) =>
      family === "IPv4"
        ? sentBy(family, ack(), { options: new Uint8Array(4).fill(1) })
        : sentBy(family, ack(), {
            extensions: [{ kind: PROTO.hopByHop, body: new Uint8Array(6) }],
          }),
    "a first fragment": (family) => sentBy(family, ack(), { part: { at: 0, bytes: 24 } }),
    "another's frame": (family) =>
      concat(SERVER_MAC, CLIENT_MAC, sentBy(family, ack()).subarray(12)),
    "an unknown flow": (family) => sentBy(family, tcp({ from: 40_001, to: 80, flags: "A" })),
    "another protocol": (family) => sentBy(family, sctp(IN)),
    "too long for the way": (family) => sentBy(family, ack(counting(1461))),
    "a header that goes on behind the end": (family) => {
      const sent = sentBy(family, ack(new Uint8Array()));
      sent[sent.length - 20 + 12] = 0x60;
      return sent;
    },
    "a packet longer than the frame": (family) => {
      const sent = sentBy(family, ack());
      return sent.subarray(0, sent.length - 1);
    },
  };

  for (const family of FAMILIES) {
    test(`what is unusual is left alone, ${family}`, () => {
      const row = begin(plain(family, "tcp"));
      assert.ok(compare(row, sentBy(family, ack())));
      for (const [name, make] of Object.entries(UNUSUAL)) {
        assert.equal(compare(row, make(family)), false, name);
      }
      assert.equal(bed.hastened(), 1);
    });

    test(`a sum of UDP that is owed, and none at all, ${family}`, () => {
      const row = begin({ ...plain(family, "udp"), way: WAYS[2] });
      assert.equal(compare(row, sentBy(family, owed(datagram(), 6))), false);
      assert.ok(compare(row, sentBy(family, udp({ ...IN, unsummed: true }))));
    });
  }

  test("a flow that is not simply going on is left alone", () => {
    const row = begin(plain("IPv4", "tcp"));
    const sent = sentBy("IPv4", ack());
    const passes = (why: string): void => assert.equal(compare(row, sent), false, why);
    for (const state of [CONN_STATE.SYN_RECV, CONN_STATE.FIN_WAIT, CONN_STATE.CLOSE]) {
      bed.force(state);
      passes(`state ${state}`);
    }
    bed.force(CONN_STATE.ESTABLISHED);
    const connections = bed.map("connections");
    const { key } = bed.connection();
    for (const flag of [CONNECTION_FLAG.PROXIED, 1 << 14]) {
      const value = connections.lookup(key)!.slice();
      const changed = value.slice();
      new DataView(changed.buffer).setUint16(CONNECTION.FLAGS, flag, true);
      connections.update(key, changed);
      passes(`flag ${flag}`);
      connections.update(key, value);
    }
    bed.age(EXPIRED_TICKS);
    passes("expired");
    bed.age(-EXPIRED_TICKS);
    assert.ok(compare(row, sent));
  });

  test("a server that is gone, is this machine, or has no way is left alone", () => {
    const way = { address: PEOPLE.IPv4.server, method: METHOD.DR };
    const row = begin(plain("IPv4", "tcp"));
    const sent = sentBy("IPv4", ack());
    const placed = { number: 0, base: row };
    for (const change of [
      { flags: 0 },
      { flags: DESTINATION_FLAG.PRESENT | 128 },
      { generation: 2 },
      { local: true },
      { interface: 0 },
      { method: METHOD.LOCAL },
      { method: METHOD.FULLNAT },
    ]) {
      bed.changeServer(placed, 0, { ...way, ...change });
      assert.equal(compare(row, sent), false, JSON.stringify(change));
    }
    bed.changeServer(placed, 0, way);
    assert.ok(compare(row, sent));
    const hops = bed.map("hops");
    const known = hops.lookup(new Uint8Array(4))!.slice();
    hops.update(new Uint8Array(4), new Uint8Array(known.length));
    assert.equal(compare(row, sent), false, "its hardware address is not known");
    known[HOP.NEXT_HOP + 15]! ^= 1;
    hops.update(new Uint8Array(4), known);
    assert.equal(compare(row, sent), false, "what is known is of another next hop");
  });

  test("without control, on other interfaces and during a trace the short way is closed", () => {
    const row = begin(plain("IPv4", "tcp"));
    const sent = sentBy("IPv4", ack());
    bed.takeByXdp(kernelTicks() - 1000);
    assert.equal(compare(row, sent), false, "nobody looks after it");
    bed.empty("ports");
    assert.equal(compare(row, sent), false, "another interface");
    bed.takeByXdp();
    assert.ok(compare(row, sent));
    const tracing = bed.map(".bss.tracing");
    const was = tracing.lookup(new Uint8Array(4))!.slice();
    const wanted = was.slice();
    new DataView(wanted.buffer).setUint32(0, kernelTicks() + 60_000, true);
    tracing.update(new Uint8Array(4), wanted);
    try {
      assert.equal(bed.runXdp(sent).verdict, XDP_VERDICT.pass, "somebody traces");
    } finally {
      tracing.update(new Uint8Array(4), was);
    }
  });

  test("what may be a server's reply is left alone", () => {
    const row = begin({ ...plain("IPv4", "tcp"), way: WAYS[2] });
    const { client, server } = PEOPLE.IPv4;
    const reply = ip({ from: server, to: client }, tcp({ from: 8080, to: 40_000, flags: "A" }));
    assert.equal(bed.runXdp(frame(reply)).verdict, XDP_VERDICT.pass);
    assert.ok(compare(row, sentBy("IPv4", ack())));
    bed.configure({ flags: CONFIG_FLAG.REPLIES });
    assert.ok(compare(row, sentBy("IPv4", ack())));
  });

  test("padding behind a packet is not counted", () => {
    const row = begin(plain("IPv4", "tcp"));
    const short = sentBy("IPv4", ack(new Uint8Array()));
    assert.ok(compare(row, concat(short, new Uint8Array(6))));
  });

  test("any packet of a known flow: both ways agree", () => {
    const kinds = WAYS.flatMap((way) =>
      FAMILIES.flatMap((family) => (["tcp", "udp"] as const).map((t) => ({ way, family, t }))),
    );
    let hastened = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.constantFrom(...FAMILIES),
        fc.record({
          data: fc.uint8Array({ maxLength: 1500 }),
          class: fc.integer({ min: 0, max: 255 }),
          hops: fc.integer({ min: 0, max: 255 }),
          df: fc.boolean(),
          flags: fc.constantFrom("A", "A", "PA", "FA", "S", "R"),
          sum: fc.option(fc.integer({ min: 0, max: 0xffff })),
          broken: fc.option(fc.record({ at: fc.nat(60), byte: fc.nat(255) })),
          words: fc.integer({ min: 0, max: 3 }),
        }),
        ({ way, family, t }, outer, { data, sum, broken, words, flags, ...header }) => {
          bed.reset();
          const to = way.method === METHOD.TUN ? outer : family;
          const row = begin({ family, outer: to, transport: t, way });
          const options = new Uint8Array(4 * words).fill(1);
          const payload = t === "tcp" ? tcp({ ...IN, flags, options, data }) : datagram(data);
          const sent = sentBy(family, payload, header);
          const at = (family === "IPv4" ? 34 : 54) + (t === "tcp" ? 16 : 6);
          if (sum !== null) sent.set(u16(sum), at);
          // Another type of frame, or a shorter one than its header says, is not run at all.
          if (broken && broken.at > 0) sent[13 + broken.at] = broken.byte;
          if (compare(row, sent)) hastened++;
        },
      ),
      { numRuns: 600 },
    );
    assert.ok(hastened > 100, `${hastened} took the short way`);
  });
});
