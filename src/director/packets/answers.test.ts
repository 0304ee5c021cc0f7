import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { directorBed, noDirector, VERDICT } from "#kit/director-bed.ts";
import { FAMILIES, type FamilyName, PEOPLE, TRANSPORTS } from "#kit/director-cases.ts";
import {
  checksum,
  concat,
  counting,
  frame,
  icmp,
  ip,
  PROTO,
  pseudoHeader,
  sctp,
  settledQuote,
  type TcpFields,
  tcp,
  u16,
  udp,
  withWord,
} from "#kit/packet.ts";
import { frameFaults, owedSum } from "#kit/packet-check.ts";
import { METHOD, SERVICE_FLAG, TUNNEL } from "#plan/director-numbers.ts";

/*
 * What the director itself says: resets and ICMP errors. Their words are such that a sum which the
 * kernel still owes to the packet they are made of comes out as what stands there.
 */

const IN = { from: 40_000, to: 80 };
const HEADER = { IPv4: 20, IPv6: 40 } as const;
const ANSWER = { id: 0, df: true, hops: 64 } as const;
const SUM_AT = { tcp: 16, udp: 6 } as const;

/** The reset that refuses a packet (RFC 9293 section 3.5.2). */
function reset(family: FamilyName, fields: Pick<TcpFields, "flags" | "seq" | "ack">): Uint8Array {
  const { client, service } = PEOPLE[family];
  const all = { ...fields, from: 80, to: 40_000, window: 0 };
  const ends = { ...ANSWER, from: service, to: client };
  const plain = ip(ends, tcp(all)).subarray(HEADER[family]);
  const at = family === "IPv4" ? 12 : 8;
  const size = family === "IPv4" ? 4 : 16;
  const packet = ip(ends, tcp(all));
  const addresses = [
    packet.subarray(at, at + size),
    packet.subarray(at + size, at + 2 * size),
  ] as const;
  const sum = 0xffff - checksum(pseudoHeader(...addresses, PROTO.tcp, 20));
  const urgent = checksum(withWord(plain, SUM_AT.tcp, sum), u16(sum));
  return ip(ends, tcp({ ...all, urgent }));
}

describe("answers", { skip: noDirector() }, () => {
  const bed = directorBed();
  const nobody = (address: string, protocol: "tcp" | "udp" | "sctp", flags: number): void => {
    bed.service({ address, protocol, servers: [{ address: "10.0.0.2", weight: 0 }], flags });
  };

  for (const family of FAMILIES) {
    const { client, service, server, ours } = PEOPLE[family];
    const ends = { from: client, to: service } as const;
    const hopsSpent = family === "IPv4" ? 11 : 3;
    const tooBig = family === "IPv4" ? { type: 3, code: 4 } : { type: 2 };
    const noPort = family === "IPv4" ? { type: 3, code: 3 } : { type: 1, code: 4 };

    for (const protocol of ["tcp", "udp", "sctp"] as const) {
      for (const method of ["NAT", "DR", "TUN", "FULLNAT"] as const) {
        test(`${method}, ${protocol} over ${family}: the last hop is spent`, () => {
          bed.configure({ locals: [ours] });
          bed.service({
            address: service,
            protocol,
            servers: [{ address: server, method: METHOD[method] }],
          });
          for (const hops of [1, 0]) {
            const sent = ip({ ...ends, hops, class: 0xb8 }, TRANSPORTS[protocol](IN));
            const body = settledQuote(sent, protocol);
            bed.answers(
              sent,
              ip({ ...ANSWER, from: service, to: client }, icmp({ type: hopsSpent, body })),
            );
          }
          assert.deepEqual(bed.counters(), { TTL: 2 });
        });
      }
    }

    const tunnels = [
      ["NAT", METHOD.NAT, TUNNEL.IPIP, 0],
      ["DR", METHOD.DR, TUNNEL.IPIP, 0],
      ["IPIP", METHOD.TUN, TUNNEL.IPIP, HEADER[family]],
      ["GRE", METHOD.TUN, TUNNEL.GRE, HEADER[family] + 4],
      ["GUE", METHOD.TUN, TUNNEL.GUE, HEADER[family] + 12],
    ] as const;
    for (const [name, method, tunnel, more] of tunnels) {
      test(`${name} over ${family}: too big by one byte`, () => {
        const mtu = 1400;
        const one = { address: server, method, tunnel, mtu, tunnelPort: 6080 };
        bed.service({ address: service, protocol: "udp", servers: [one] });
        const room = mtu - more;
        const sized = (bytes: number, df: boolean): Uint8Array =>
          ip({ ...ends, df }, udp({ ...IN, data: counting(bytes - HEADER[family] - 8) }));
        assert.equal(bed.run(frame(sized(room, true))).verdict, VERDICT.send);
        const sent = sized(room + 1, true);
        const body = settledQuote(sent, "udp");
        bed.answers(
          sent,
          ip({ ...ANSWER, from: service, to: client }, icmp({ ...tooBig, info: room, body })),
        );
        assert.deepEqual(bed.counters(), { TOO_BIG: 1 });
      });
    }

    // Over IPv4 they are cut up (cut.test.ts).
    if (family === "IPv6") {
      test("of fragments too big for a tunnel the first is spoken of, where none is cut", () => {
        const one = { address: server, method: METHOD.TUN, tunnel: TUNNEL.IPIP };
        bed.service({ address: service, protocol: "udp", servers: [one] });
        const data = counting(3000);
        const bytes = 1448;
        const part = (at: number): Uint8Array =>
          ip({ ...ends, part: { at, bytes } }, udp({ ...IN, data }));
        const body = settledQuote(part(0), "udp");
        const room = 1500 - HEADER[family];
        bed.answers(
          part(0),
          ip({ ...ANSWER, from: service, to: client }, icmp({ ...tooBig, info: room, body })),
        );
        bed.drops(part(bytes));
        assert.deepEqual(bed.counters(), { TOO_BIG: 2 });
      });
    }

    test(`${family}: of packets put together, what is sent has to fit`, () => {
      bed.service({ address: service, servers: [{ address: server, method: METHOD.DR }] });
      const sent = ip({ ...ends, df: true }, tcp({ ...IN, data: counting(3000) }));
      const fits = 1500 - HEADER[family] - 20;
      const arrived = ip({ ...ends, df: true, hops: 63 }, tcp({ ...IN, data: counting(3000) }));
      bed.sends(sent, arrived, { gsoSize: fits, gsoSegments: 3 });
      const body = settledQuote(sent, "tcp");
      bed.answers(
        sent,
        ip({ ...ANSWER, from: service, to: client }, icmp({ ...tooBig, info: 1500, body })),
        { gsoSize: fits + 1, gsoSegments: 3 },
      );
    });

    const refused: readonly (readonly [string, Partial<TcpFields>, Parameters<typeof reset>[1]])[] =
      [
        ["SYN", { flags: "S", seq: 7 }, { flags: "RA", seq: 0, ack: 8 }],
        [
          "SYN at the end of numbers",
          { flags: "S", seq: 0xffff_ffff },
          { flags: "RA", seq: 0, ack: 0 },
        ],
        [
          "SYN with data",
          { flags: "S", seq: 7, data: counting(11) },
          { flags: "RA", seq: 0, ack: 19 },
        ],
        [
          "SYN with options",
          { flags: "S", seq: 7, options: counting(40) },
          { flags: "RA", seq: 0, ack: 8 },
        ],
        ["SYN and FIN", { flags: "SF", seq: 7 }, { flags: "RA", seq: 0, ack: 9 }],
        ["ACK", { flags: "A", seq: 7, ack: 0xdead_beef }, { flags: "R", seq: 0xdead_beef, ack: 0 }],
        ["data", { flags: "PA", ack: 99, data: counting(501) }, { flags: "R", seq: 99, ack: 0 }],
        ["FIN", { flags: "FA", ack: 99 }, { flags: "R", seq: 99, ack: 0 }],
        [
          "SYN with a number that nobody reads",
          { flags: "S", seq: 7, ack: 1234 },
          { flags: "RA", seq: 0, ack: 8 },
        ],
        ["FIN alone", { flags: "F", seq: 7 }, { flags: "RA", seq: 0, ack: 8 }],
        ["no flags", { flags: "", seq: 7, data: counting(2) }, { flags: "RA", seq: 0, ack: 9 }],
        ["SYN and ACK", { flags: "SA", seq: 7, ack: 55 }, { flags: "R", seq: 55, ack: 0 }],
      ];
    for (const [name, fields, expected] of refused) {
      test(`${family}, nobody there: ${name} is refused by a reset`, () => {
        nobody(service, "tcp", SERVICE_FLAG.REJECT);
        bed.answers(ip(ends, tcp({ ...IN, ...fields })), reset(family, expected));
      });
    }

    test(`${family}: a reset is not answered`, () => {
      nobody(service, "tcp", SERVICE_FLAG.REJECT);
      for (const flags of ["R", "RA", "RS"]) bed.drops(ip(ends, tcp({ ...IN, flags })));
    });

    for (const protocol of ["udp", "sctp"] as const) {
      test(`${family}, nobody there: ${protocol} is told that the port is unreachable`, () => {
        nobody(service, protocol, SERVICE_FLAG.REJECT);
        const sent = ip({ ...ends, id: 77 }, TRANSPORTS[protocol](IN));
        const body = settledQuote(sent, protocol);
        bed.answers(sent, ip({ ...ANSWER, from: service, to: client }, icmp({ ...noPort, body })));
        assert.deepEqual(bed.counters(), { NO_SERVER: 1 });
      });
    }

    test(`${family}, nobody there: in silence, or on to the kernel`, () => {
      for (const protocol of ["tcp", "udp", "sctp"] as const) {
        bed.reset();
        nobody(service, protocol, 0);
        bed.drops(ip(ends, TRANSPORTS[protocol](IN)));
        bed.reset();
        nobody(service, protocol, SERVICE_FLAG.BYPASS);
        bed.passes(ip(ends, TRANSPORTS[protocol](IN)));
        assert.deepEqual(bed.counters(), { NO_SERVER: 1 });
      }
    });

    test(`${family}: sums that the kernel owes come out the same`, () => {
      nobody(service, "tcp", SERVICE_FLAG.REJECT);
      const l3 = HEADER[family];
      for (let seq = 0; seq < 500; seq++) {
        const sent = ip(ends, tcp({ from: 40_000 + seq, to: 80, seq: seq * 7_654_321 }));
        const { frame: out } = bed.run(frame(sent));
        assert.deepEqual(frameFaults(out), []);
        assert.deepEqual(owedSum(out, 14 + l3, SUM_AT.tcp), Uint8Array.from(out));
      }
      for (const protocol of ["tcp", "udp"] as const) {
        bed.reset();
        bed.service({
          address: service,
          protocol,
          servers: [{ address: server, method: METHOD.DR }],
        });
        for (let i = 0; i < 500; i++) {
          const ports = { from: 1000 + i * 100, to: 80 };
          const data = counting(100 + i);
          const sent = ip(
            { ...ends, hops: 1 },
            protocol === "tcp" ? tcp({ ...ports, data }) : udp({ ...ports, data }),
          );
          const { frame: out } = bed.run(frame(sent));
          assert.deepEqual(frameFaults(out), []);
          assert.deepEqual(owedSum(out, 14 + l3 + 8 + l3, SUM_AT[protocol]), Uint8Array.from(out));
        }
      }
    });
  }

  const { client, service, server } = PEOPLE.IPv4;
  const ends = { from: client, to: service };

  test("a frame's padding is no data that a reset would acknowledge", () => {
    nobody(service, "tcp", SERVICE_FLAG.REJECT);
    const padded = concat(frame(ip(ends, tcp({ ...IN, seq: 7 }))), new Uint8Array(6));
    const { frame: out } = bed.run(padded);
    const expected = frame(reset("IPv4", { flags: "RA", seq: 0, ack: 8 }), true);
    assert.deepEqual(out, Uint8Array.from(expected));
  });

  test("packets with options, parts and further headers get no answer", () => {
    nobody(service, "tcp", SERVICE_FLAG.REJECT);
    bed.drops(ip({ ...ends, options: new Uint8Array(4).fill(1) }, tcp(IN)));
    bed.drops(ip({ ...ends, part: { at: 0, bytes: 24 } }, tcp({ ...IN, data: counting(100) })));
    nobody(PEOPLE.IPv6.service, "tcp", SERVICE_FLAG.REJECT);
    const extensions = [{ kind: PROTO.hopByHop, body: new Uint8Array(6) }];
    bed.drops(ip({ from: PEOPLE.IPv6.client, to: PEOPLE.IPv6.service, extensions }, tcp(IN)));
  });

  test("there are only so many answers a second", () => {
    nobody(service, "tcp", SERVICE_FLAG.REJECT);
    const sent = ip(ends, tcp(IN));
    bed.exhausted(
      1,
      () => bed.run(frame(sent)),
      () => bed.drops(sent),
    );
  });

  test("a part of a packet that is too big gets one answer", () => {
    bed.service({ address: service, protocol: "udp", servers: [{ address: server, mtu: 576 }] });
    const whole = udp({ ...IN, data: counting(2000) });
    const first = ip({ ...ends, df: true, part: { at: 0, bytes: 800 } }, whole);
    const body = settledQuote(first, "udp");
    bed.answers(
      first,
      ip({ ...ANSWER, from: service, to: client }, icmp({ type: 3, code: 4, info: 576, body })),
    );
    bed.drops(ip({ ...ends, df: true, part: { at: 800, bytes: 800 } }, whole));
  });

  test("SCTP that is too big", () => {
    bed.service({ address: service, protocol: "sctp", servers: [{ address: server, mtu: 576 }] });
    const sent = ip({ ...ends, df: true }, sctp({ ...IN, data: counting(600) }));
    const body = settledQuote(sent, "sctp");
    bed.answers(
      sent,
      ip({ ...ANSWER, from: service, to: client }, icmp({ type: 3, code: 4, info: 576, body })),
    );
  });
});
