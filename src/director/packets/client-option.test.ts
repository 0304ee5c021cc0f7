import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { describeLoops } from "#kit/director-bed.ts";
import { FAMILIES, PEOPLE } from "#kit/director-cases.ts";
import {
  concat,
  counting,
  frame,
  icmp,
  ip,
  ip16,
  type TcpFields,
  tcp,
  u16,
  udp,
  withWord,
} from "#kit/packet.ts";
import { frameFaults } from "#kit/packet-check.ts";
import { DESTINATION_FLAG, METHOD } from "#plan/director-numbers.ts";

/*
 * What servers of FULLNAT are told of clients, byte for byte.
 */

const IN = { from: 40_000, to: 80 };
const NOTHING = 1;
/** As Linux has them in every packet. */
const TIMES = concat(Uint8Array.of(1, 1, 8, 10), counting(8));
const SYN = concat(u16(0x0204, 1460), Uint8Array.of(4, 2, 8, 10), counting(8), counting(4).fill(1));

for (const family of FAMILIES) {
  const { client, service, server, ours } = PEOPLE[family];
  const isV4 = family === "IPv4";
  const bytes = isV4 ? 8 : 20;
  const l3 = isV4 ? 20 : 40;
  const address = isV4 ? ip16(client).slice(12) : ip16(client);
  const option = (who = address, port = IN.from): Uint8Array =>
    concat(Uint8Array.of(isV4 ? 254 : 253, bytes), u16(port), who);

  describeLoops(`the client's address for a server, ${family}`, {}, (bed) => {
    let localPort = 0;

    /** A connection of which the director has seen the SYN. */
    const begin = (mtu = 1500): void => {
      bed.configure({ locals: [ours] });
      const flags = DESTINATION_FLAG.PRESENT | DESTINATION_FLAG.PASSES;
      const one = { address: server, port: 8080, method: METHOD.FULLNAT, flags, mtu };
      bed.service({ address: service, servers: [one] });
      bed.run(frame(ip({ from: client, to: service }, tcp({ ...IN, options: SYN }))));
      localPort = bed.connection().localPort;
    };
    const fromClient = (fields: Partial<TcpFields>, more = {}): Uint8Array =>
      ip({ from: client, to: service, ...more }, tcp({ ...IN, flags: "A", ...fields }));
    const toServer = (fields: Partial<TcpFields>, more = {}): Uint8Array =>
      ip(
        { from: ours, to: server, hops: 63, ...more },
        tcp({ from: localPort, to: 8080, flags: "A", ...fields }),
      );
    const answers = (fields: Partial<TcpFields>): Uint8Array =>
      bed.run(
        frame(ip({ from: server, to: ours }, tcp({ from: 8080, to: localPort, ...fields }))),
        { ingress: bed.back },
      ).frame;

    test("is in no SYN, for it would seldom find room", () => {
      begin();
      bed.sends(fromClient({ flags: "S", options: SYN }), toServer({ flags: "S", options: SYN }));
      assert.equal(bed.connections().length, 1);
    });

    for (const [name, options] of Object.entries({ no: new Uint8Array(0), usual: TIMES })) {
      test(`is first in packets with ${name} options, until the server has answered one`, () => {
        begin();
        const sizes = [0, 1, 255, 256, 257, 1000, 1480 - l3 - options.length - bytes];
        for (const size of sizes) {
          const data = counting(size);
          bed.sends(
            fromClient({ options, data }),
            toServer({ options: concat(option(), options), data }),
          );
        }
        answers({ flags: "A" });
        bed.sends(fromClient({ options }), toServer({ options }));
      });
    }

    test("goes on when the server says no more than that it will talk", () => {
      begin();
      answers({ flags: "SA" });
      // Fast open: what it says before the client's first packet shows nothing.
      answers({ flags: "A", data: counting(9) });
      const told = toServer({ options: option() });
      bed.sends(fromClient({}), told);
      for (const flags of ["SA", "R", "RA"]) answers({ flags });
      bed.force(1);
      bed.sends(fromClient({}), toServer({ options: option() }));
      answers({ flags: "A" });
      bed.sends(fromClient({}), toServer({}));
    });

    test("is told anew when the connection begins anew", () => {
      begin();
      bed.run(frame(fromClient({})));
      answers({ flags: "A" });
      bed.run(frame(fromClient({ flags: "S" })));
      bed.sends(fromClient({}), toServer({ options: option() }));
    });

    test("is not in a reset, nor in what says nothing of the handshake", () => {
      begin();
      bed.sends(fromClient({ flags: "P" }), toServer({ flags: "P" }));
      bed.sends(fromClient({ flags: "RA" }), toServer({ flags: "RA" }));
    });

    test("options of IP stay before it; padding of a short frame does not get behind it", () => {
      begin();
      const options = new Uint8Array(12).fill(1);
      const more = isV4 ? { options } : { extensions: [{ kind: 60, body: new Uint8Array(14) }] };
      bed.sends(fromClient({}, more), toServer({ options: option() }, more));
      const padded = concat(frame(fromClient({})), new Uint8Array(6));
      const outcome = bed.run(padded);
      assert.deepEqual(Uint8Array.from(outcome.frame), frame(toServer({ options: option() })));
    });

    describe("a client that says it is another", () => {
      const lie = option(ip16(PEOPLE[family].stranger).slice(isV4 ? 12 : 0), 1);
      const others = {
        "of its own family": lie,
        "as kind 254": concat(Uint8Array.of(254, lie.length), lie.subarray(2)),
        "as kind 253": concat(Uint8Array.of(253, lie.length), lie.subarray(2)),
        "behind others, at an odd place": concat(
          Uint8Array.of(1, 3, 3, 7, 1, 2, 4, 5, 0xb4),
          lie,
          Uint8Array.of(1, 1, 1),
        ),
        twice: concat(Uint8Array.of(254, 4, 9, 9), Uint8Array.of(253, 4, 9, 9)),
      };
      for (const [name, options] of Object.entries(others)) {
        test(name, () => {
          begin();
          const cleared = options.slice();
          const at = name.startsWith("behind") ? 9 : 0;
          cleared.fill(NOTHING, at, at + (name === "twice" ? 8 : lie.length));
          const room = options.length + bytes <= 40;
          const told = room ? concat(option(), cleared) : cleared;
          bed.sends(fromClient({ options }), toServer({ options: told }));
          // In a SYN, in a first fragment, and ever after.
          bed.sends(
            fromClient({ flags: "S", options }),
            toServer({ flags: "S", options: cleared }),
          );
          bed.run(frame(fromClient({})));
          answers({ flags: "A" });
          bed.sends(
            fromClient({ options, data: counting(99) }),
            toServer({ options: cleared, data: counting(99) }),
          );
        });
      }

      test("what only looks like it is left: bytes of others, and behind the end", () => {
        begin();
        bed.run(frame(fromClient({})));
        answers({ flags: "A" });
        for (const options of [
          concat(Uint8Array.of(30, 12), lie.subarray(0, 6), u16(0xfe04, 0)),
          concat(Uint8Array.of(0, 0, 0, 0), Uint8Array.of(254, 4, 1, 2)),
          concat(Uint8Array.of(8, 0, 254, 4)),
          concat(Uint8Array.of(1, 1, 254, 9)),
          concat(Uint8Array.of(1, 1, 1, 254)),
        ]) {
          bed.sends(fromClient({ options }), toServer({ options }));
        }
      });
    });

    describe("no room", () => {
      test("among forty bytes of options: counted, and it goes without", () => {
        begin();
        const options = concat(TIMES, new Uint8Array(40 - TIMES.length - bytes + 4).fill(1));
        bed.sends(fromClient({ options }), toServer({ options }));
        assert.deepEqual(bed.counters(), { NO_ROOM: 1 });
        // It was not told: an answer changes nothing.
        answers({ flags: "A" });
        bed.sends(fromClient({}), toServer({ options: option() }));
      });

      test("within the MTU of the way to the server", () => {
        begin(1400);
        const full = 1400 - l3 - 20;
        for (const size of [full, full - bytes + 1]) {
          const data = counting(size);
          bed.sends(fromClient({ data }), toServer({ data }));
        }
        assert.deepEqual(bed.counters(), { NO_ROOM: 2 });
        const data = counting(full - bytes);
        bed.sends(fromClient({ data }), toServer({ data, options: option() }));
      });

      // Of what kind these are, test runs cannot say: test/director/client-address.test.ts can.
      test("in segments that the kernel does not cut", () => {
        begin();
        const data = counting(2800);
        bed.sends(fromClient({ data }), toServer({ data }), { gsoSize: 1000, gsoSegments: 3 });
        assert.deepEqual(bed.counters(), { NO_ROOM: 1 });
      });
    });

    test("a wrong sum is not made right", () => {
      begin();
      const sent = frame(fromClient({ options: TIMES, data: counting(333) }));
      const sum = 14 + l3 + 16;
      const bad = withWord(sent, sum, (sent[sum]! * 256 + sent[sum + 1]! + 77) & 0xffff);
      assert.deepEqual(frameFaults(bed.run(bad).frame), [`${family} TCP: sum`]);
    });

    test("answers to SYN ask for segments that leave room, wherever they say so", () => {
      begin();
      for (const before of [0, 1, 2, 3, 16]) {
        const around = (mss: number): Uint8Array => {
          const all = concat(counting(before).fill(1), u16(0x0204, mss), Uint8Array.of(4, 2));
          return concat(all, new Uint8Array((4 - (all.length % 4)) % 4));
        };
        const fields = { from: 8080, to: localPort, flags: "SA" };
        bed.sends(
          ip({ from: server, to: ours }, tcp({ ...fields, options: around(1460) })),
          ip(
            { from: service, to: client, hops: 63 },
            tcp({ from: 80, to: IN.from, flags: "SA", options: around(1460 - bytes) }),
          ),
          { ingress: bed.back },
        );
      }
      for (const options of [
        new Uint8Array(0),
        Uint8Array.of(2, 3, 5, 1),
        Uint8Array.of(2, 4, 0, 7),
        Uint8Array.of(0, 2, 4, 9),
      ]) {
        bed.sends(
          ip({ from: server, to: ours }, tcp({ from: 8080, to: localPort, flags: "SA", options })),
          ip(
            { from: service, to: client, hops: 63 },
            tcp({ from: 80, to: IN.from, flags: "SA", options }),
          ),
        );
      }
    });

    test("too big on the way: the client hears of less, as long as packets grow", () => {
      begin();
      const tells = (mtu: number): Uint8Array => {
        const quoted = toServer({ options: option(), data: counting(64) });
        const error = { type: isV4 ? 3 : 2, code: isV4 ? 4 : 0, info: mtu, body: quoted };
        return bed.run(frame(ip({ from: PEOPLE[family].router, to: ours }, icmp(error)))).frame;
      };
      const told = (out: Uint8Array): number => out[14 + l3 + 6]! * 256 + out[14 + l3 + 7]!;
      const out = tells(1400);
      assert.equal(told(out), 1400 - bytes);
      assert.deepEqual(frameFaults(out), []);
      const least = isV4 ? 68 : 1280;
      assert.equal(told(tells(least + 3)), least);
      assert.equal(told(tells(least)), least);
      bed.run(frame(fromClient({})));
      answers({ flags: "A" });
      assert.equal(told(tells(1400)), 1400);
    });

    test("a service that does not say so changes nothing", () => {
      bed.configure({ locals: [ours] });
      bed.service({ address: service, servers: [{ address: server, method: METHOD.FULLNAT }] });
      bed.run(frame(fromClient({ flags: "S" })));
      localPort = bed.connection().localPort;
      const options = option();
      bed.sends(
        fromClient({ options }),
        ip(
          { from: ours, to: server, hops: 63 },
          tcp({ from: localPort, to: 80, flags: "A", options }),
        ),
      );
    });

    test("UDP has no place for it", () => {
      bed.configure({ locals: [ours] });
      const flags = DESTINATION_FLAG.PRESENT | DESTINATION_FLAG.PASSES;
      const one = { address: server, method: METHOD.FULLNAT, flags };
      bed.service({ address: service, protocol: "udp", servers: [one] });
      bed.run(frame(ip({ from: client, to: service }, udp(IN))));
      const { localPort: from } = bed.connection();
      bed.sends(
        ip({ from: client, to: service }, udp(IN)),
        ip({ from: ours, to: server, hops: 63 }, udp({ from, to: 80 })),
      );
    });
  });
}
