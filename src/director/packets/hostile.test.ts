import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type DirectorBed, describeLoops, VERDICT } from "#kit/director-bed.ts";
import { PEOPLE } from "#kit/director-cases.ts";
import {
  CLIENT_MAC,
  concat,
  counting,
  frame,
  gue,
  icmp,
  ip,
  OUR_MAC,
  PROTO,
  sctp,
  tcp,
  u16,
  udp,
  withWord,
} from "#kit/packet.ts";
import { frameFaults } from "#kit/packet-check.ts";
import {
  CONFIG_FLAG,
  CONNECTION_FLAG,
  METHOD,
  SERVICE_FLAG,
  TUNNEL,
} from "#plan/director-numbers.ts";

/*
 * Whatever comes: the program gives one of its three verdicts, and its counts stay those of its
 * connections.
 */

const v4 = PEOPLE.IPv4;
const v6 = PEOPLE.IPv6;
const IN = { from: 40_000, to: 80 };
const OUT = { from: 80, to: 40_000 };
const options = new Uint8Array(8).fill(1);
const extensions = [
  { kind: PROTO.hopByHop, body: new Uint8Array(6) },
  { kind: PROTO.routing, body: new Uint8Array(14) },
];
const first = { at: 0, bytes: 48 };
const later = { at: 48, bytes: 48 };
const data = counting(90);

/** Packets of every kind that is looked at, with the place where their last needed header ends. */
const SEEDS = {
  "TCP, IPv4": [ip({ from: v4.client, to: v4.service }, tcp({ ...IN, options, data })), 48],
  "TCP, IPv4 with options": [
    ip({ from: v4.client, to: v4.service, options }, tcp({ ...IN, data })),
    48,
  ],
  "ACK, IPv4": [ip({ from: v4.client, to: v4.service }, tcp({ ...IN, flags: "A", data })), 40],
  "UDP, IPv4": [ip({ from: v4.client, to: v4.service }, udp({ ...IN, data })), 28],
  "SCTP, IPv4": [ip({ from: v4.client, to: v4.service }, sctp({ ...IN, data })), 32],
  "a first part": [ip({ from: v4.client, to: v4.service, part: first }, udp({ ...IN, data })), 28],
  "a later part": [ip({ from: v4.client, to: v4.service, part: later }, udp({ ...IN, data })), 20],
  "TCP, IPv6": [ip({ from: v6.client, to: v6.service }, tcp({ ...IN, options, data })), 68],
  "UDP, IPv6 with headers": [
    ip({ from: v6.client, to: v6.service, extensions }, udp({ ...IN, data })),
    72,
  ],
  "a first part, IPv6": [
    ip({ from: v6.client, to: v6.service, part: first }, udp({ ...IN, data })),
    56,
  ],
  "a reply, IPv4": [ip({ from: v4.server, to: v4.client }, tcp({ ...OUT, flags: "SA", data })), 40],
  "a reply, IPv6": [ip({ from: v6.server, to: v6.client }, udp({ ...OUT, data })), 48],
  "an error to the server": [
    ip(
      { from: v4.router, to: v4.service },
      icmp({ type: 3, code: 1, body: ip({ from: v4.service, to: v4.client }, tcp(OUT)) }),
    ),
    52,
  ],
  "an error to the client": [
    ip(
      { from: v4.router, to: v4.client },
      icmp({ type: 11, body: ip({ from: v4.client, to: v4.server }, tcp(IN)) }),
    ),
    52,
  ],
  "an error, IPv6": [
    ip(
      { from: v6.router, to: v6.service },
      icmp({
        type: 2,
        info: 1280,
        body: ip({ from: v6.service, to: v6.client, extensions }, udp(OUT)),
      }),
    ),
    116,
  ],
  "an error about a tunnel": [
    ip(
      { from: v4.router, to: v4.ours },
      icmp({
        type: 3,
        code: 4,
        info: 1400,
        body: ip(
          { from: v4.ours, to: v4.server },
          gue(
            { from: 50_000, to: 6080 },
            ip({ from: v4.client, to: v4.service, df: true }, tcp(IN)),
          ),
        ),
      }),
    ),
    84,
  ],
} as const;

/** Test runs take no frame that is shorter: it has to have a whole IP header. */
const shortest = (sent: Uint8Array): number => {
  const type = sent[12]! * 256 + sent[13]!;
  return 14 + (type === 0x0800 ? 20 : type === 0x86dd ? 40 : 1);
};

const KNOWN: ReadonlySet<number> = new Set(Object.values(VERDICT));

function place(bed: DirectorBed, method: number, flags = 0): void {
  bed.configure({
    flags: CONFIG_FLAG.REPLIES | CONFIG_FLAG.RANGES | CONFIG_FLAG.REUSE | CONFIG_FLAG.EXPIRE_NODEST,
    locals: [v4.ours, v6.ours],
  });
  for (const { service, server } of [v4, v6]) {
    for (const protocol of ["tcp", "udp", "sctp"] as const) {
      const one = { address: server, method, tunnel: TUNNEL.GUE, tunnelPort: 6080, upper: 3 };
      bed.service({ address: service, protocol, servers: [one], flags, persistTicks: 50 });
    }
  }
}

/** Loads of all servers against the connections there are. */
function checkCounts(bed: DirectorBed): void {
  const expected = new Map<number, { active: number; inactive: number }>();
  for (const { server, flags } of bed.connections()) {
    const one = expected.get(server) ?? { active: 0, inactive: 0 };
    if (flags & CONNECTION_FLAG.INACTIVE) one.inactive++;
    else one.active++;
    expected.set(server, one);
  }
  for (let row = 0; row < 6; row++) {
    const { overloaded, ...load } = bed.load(row);
    assert.deepEqual(load, expected.get(row) ?? { active: 0, inactive: 0 }, `server ${row}`);
    assert.equal(bed.serviceConnections({ number: row, base: row }), load.active + load.inactive);
    assert.ok(overloaded === 0 || overloaded === 1);
  }
}

const METHODS = Object.entries(METHOD);

describeLoops("hostile packets", {}, (bed) => {
  for (const [name, [packet, needed]] of Object.entries(SEEDS)) {
    test(`cut at every byte: ${name}`, () => {
      for (const [, method] of METHODS) {
        bed.reset();
        place(bed, method);
        const whole = frame(packet);
        for (let length = shortest(whole); length <= whole.length; length++) {
          const { verdict, frame: out } = bed.run(whole.subarray(0, length));
          assert.ok(KNOWN.has(verdict), `${verdict} at ${length}`);
          // Its header says that there is more: the kernel may have it, as it is.
          if (length === whole.length) continue;
          assert.equal(verdict, VERDICT.pass, `at ${length}`);
          assert.deepEqual(out, whole.slice(0, length));
        }
        checkCounts(bed);
      }
    });

    test(`ending at every byte, as its header says: ${name}`, () => {
      for (const [, method] of METHODS) {
        bed.reset();
        place(bed, method, SERVICE_FLAG.REJECT);
        const isVersion4 = packet[0]! >> 4 === 4;
        for (let length = isVersion4 ? 20 : 40; length <= packet.length; length++) {
          const short = packet.slice(0, length);
          const sent = frame(
            isVersion4 ? withWord(short, 2, length) : withWord(short, 4, length - 40),
          );
          const { verdict, frame: out } = bed.run(sent);
          assert.ok(KNOWN.has(verdict), `${verdict} at ${length}`);
          if (length >= needed) continue;
          assert.equal(verdict, VERDICT.pass, `at ${length}`);
          assert.deepEqual(out, Uint8Array.from(sent));
        }
        checkCounts(bed);
      }
    });
  }

  test("what is no IP passes", () => {
    place(bed, METHOD.NAT);
    const types = [0x0806, 0x8100, 0x88cc, 0x0842, 0x8847, 0x0026, 0xffff];
    for (const type of types) {
      const sent = Uint8Array.from(concat(OUR_MAC, CLIENT_MAC, u16(type), SEEDS["TCP, IPv4"][0]));
      assert.deepEqual(bed.run(sent), { verdict: VERDICT.pass, frame: sent });
    }
    assert.deepEqual(bed.counters(), {});
  });

  test("frames that are not addressed to us pass", () => {
    place(bed, METHOD.NAT);
    const others = ["020000000009", "ffffffffffff", "01005e000001", "333300000001"];
    for (const other of others) {
      for (const [packet] of [SEEDS["TCP, IPv4"], SEEDS["TCP, IPv6"]]) {
        const sent = Uint8Array.from(frame(packet));
        sent.set(Buffer.from(other, "hex"));
        assert.deepEqual(bed.run(sent), { verdict: VERDICT.pass, frame: sent });
      }
    }
    assert.deepEqual(bed.connections(), []);
  });

  test("IP whose version is another's passes", () => {
    place(bed, METHOD.NAT);
    for (const [packet] of [SEEDS["TCP, IPv4"], SEEDS["TCP, IPv6"]]) {
      for (let version = 0; version < 16; version++) {
        if (version === packet[0]! >> 4) continue;
        const sent = Uint8Array.from(frame(packet));
        sent[14] = (version << 4) | (packet[0]! & 15);
        assert.deepEqual(bed.run(sent), { verdict: VERDICT.pass, frame: sent });
      }
    }
  });

  test("lengths of IPv4's and of TCP's header that cannot be pass", () => {
    place(bed, METHOD.NAT);
    const whole = frame(ip({ from: v4.client, to: v4.service }, tcp(IN)));
    for (const [at, low, high] of [
      [14, 0, 4],
      [14, 11, 15],
      [46, 0, 4],
      [46, 6, 15],
    ] as const) {
      for (let words = low; words <= high; words++) {
        const sent = Uint8Array.from(whole);
        sent[at] = at === 14 ? 0x40 | words : words << 4;
        assert.deepEqual(
          bed.run(sent),
          { verdict: VERDICT.pass, frame: sent },
          `${words} at ${at}`,
        );
      }
    }
    assert.equal(bed.connections().length, 0);
  });

  const seeds = Object.values(SEEDS).map(([packet]) => frame(packet));
  const change = fc.record({
    seed: fc.nat(seeds.length - 1),
    // Headers more often than what is behind them.
    places: fc.array(fc.tuple(fc.oneof(fc.nat(60), fc.nat(200)), fc.nat(255)), { maxLength: 4 }),
    cut: fc.option(fc.nat(200), { nil: undefined, freq: 4 }),
    fromBack: fc.boolean(),
    gsoSize: fc.option(fc.integer({ min: 1, max: 1460 }), { nil: 0, freq: 8 }),
  });
  const mutated = ({
    seed,
    places,
    cut,
  }: {
    seed: number;
    places: [number, number][];
    cut: number | undefined;
  }): Uint8Array => {
    const bytes = Uint8Array.from(seeds[seed]!);
    for (const [at, value] of places) if (12 + at < bytes.length) bytes[12 + at] = value;
    return cut === undefined ? bytes : bytes.subarray(0, Math.max(shortest(bytes), cut));
  };

  for (const [name, method] of METHODS) {
    test(`any bytes, cuts and orders of packets: ${name}`, () => {
      const property = fc.property(
        fc.array(change, { minLength: 1, maxLength: 60 }),
        fc.constantFrom(0, SERVICE_FLAG.REJECT, SERVICE_FLAG.FALLBACK),
        (changes, flags) => {
          bed.reset();
          place(bed, method, flags);
          for (const one of changes) {
            const ingress = one.fromBack ? bed.back : bed.front;
            const { verdict } = bed.run(mutated(one), { ingress, gsoSize: one.gsoSize });
            assert.ok(KNOWN.has(verdict), `${verdict}`);
          }
          checkCounts(bed);
        },
      );
      fc.assert(property, { numRuns: 200 });
    });
  }

  test("noise", () => {
    place(bed, METHOD.NAT);
    const noise = fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.constantFrom(0x0800, 0x86dd),
      (bytes, type) => {
        const head = concat(OUR_MAC, CLIENT_MAC, u16(type));
        const sent = Uint8Array.from(concat(head, bytes, new Uint8Array(40)));
        assert.ok(KNOWN.has(bed.run(sent).verdict));
      },
    );
    fc.assert(noise, { numRuns: 5000 });
    checkCounts(bed);
  });

  test("what is right when it comes is right when it goes, by every method", () => {
    const packets = fc.record({
      isVersion6: fc.boolean(),
      protocol: fc.constantFrom("tcp", "udp", "sctp"),
      from: fc.integer({ min: 1, max: 65_535 }),
      source: fc.integer({ min: 1, max: 254 }),
      flags: fc.constantFrom("S", "A", "PA", "FA", "R"),
      class: fc.nat(255),
      hops: fc.integer({ min: 1, max: 255 }),
      data: fc.uint8Array({ maxLength: 200 }),
    });
    const property = fc.property(
      fc.array(packets, { minLength: 1, maxLength: 40 }),
      fc.constantFrom(METHOD.NAT, METHOD.DR, METHOD.TUN, METHOD.FULLNAT),
      (all, method) => {
        bed.reset();
        place(bed, method, SERVICE_FLAG.REJECT);
        for (const { isVersion6, protocol, from, source, data, ...rest } of all) {
          const ports = { from, to: 80, data };
          const { service: to } = isVersion6 ? v6 : v4;
          const client = isVersion6 ? `2001:db8::${source}` : `192.0.2.${source}`;
          const transports = {
            tcp: tcp({ ...ports, ...rest }),
            udp: udp(ports),
            sctp: sctp(ports),
          };
          const sent = ip({ from: client, to, ...rest }, transports[protocol]);
          const { verdict, frame: out } = bed.run(frame(sent));
          // A transport's header that is quoted whole has been settled, and is no longer right.
          const isError = out[0] === 2 && out[5] === CLIENT_MAC[5] && protocol !== "tcp";
          if (verdict === VERDICT.send && rest.hops > 1 && !isError) {
            assert.deepEqual(frameFaults(out), []);
          }
        }
        checkCounts(bed);
      },
    );
    fc.assert(property, { numRuns: 200 });
  });
});
