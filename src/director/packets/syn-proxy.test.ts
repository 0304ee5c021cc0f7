import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { kernelNs } from "#io/clock.ts";
import { describeLoops, EXPIRED_TICKS, VERDICT } from "#kit/director-bed.ts";
import { FAMILIES, PEOPLE } from "#kit/director-cases.ts";
import { concat, counting, frame, icmp, ip, settlingWord, tcp, u32 } from "#kit/packet.ts";
import { frameFaults } from "#kit/packet-check.ts";
import { type Offer, slotOf } from "#kit/syn-cookie.ts";
import { CLIENT_FIRST, SERVER_FIRST, SynTalk, type TalkSpec, USUAL } from "#kit/syn-talk.ts";
import type { Tap } from "#kit/tap.ts";
import {
  CONFIG_FLAG,
  CONN_STATE,
  HASH_KIND,
  METHOD,
  PROGRAM,
  SERVICE_FLAG,
  SYN_PROXY,
} from "#plan/director-numbers.ts";
import { Sweeper } from "../sweeper.ts";

const METHODS = { NAT: METHOD.NAT, FULLNAT: METHOD.FULLNAT } as const;

describeLoops("connections that begin with a cookie", {}, (bed) => {
  const ends: (() => unknown)[] = [];
  let tap: Tap;
  before(() => {
    tap = bed.tap({ after: (end) => ends.push(end) });
  });
  after(() => {
    for (const end of ends) end();
  });
  const talk = (spec: TalkSpec): SynTalk => new SynTalk(bed, spec);

  for (const family of FAMILIES) {
    for (const [name, method] of Object.entries(METHODS)) {
      test(`${name} over ${family}: client, director, server`, () => {
        const one = talk({ family, method, serverScale: 7 });
        one.ask();
        assert.deepEqual(bed.connections(), []);
        assert.deepEqual(bed.counters(), { COOKIE_SENT: 1 });
        one.answer();
        assert.equal(bed.connection().state, CONN_STATE.SYN_RECV);
        one.meet(tap);
        assert.equal(bed.connection().state, CONN_STATE.ESTABLISHED);
        assert.deepEqual(bed.counters(), { COOKIE_SENT: 1, COOKIE_ACCEPTED: 1 });
        assert.deepEqual(bed.load(0), { active: 1, inactive: 0, overloaded: 0 });
      });

      test(`${name} over ${family}: numbers are translated, both ways`, () => {
        const one = talk({ family, method, serverScale: 7 });
        one.open(tap);
        const data = counting(100);
        const said = { seq: CLIENT_FIRST + 1, flags: "PA", data };
        bed.sends(
          one.fromClient({ ...said, ack: one.known(SERVER_FIRST + 1) }),
          one.toServer({ ...said, ack: SERVER_FIRST + 1 }),
        );
        // From here on the server's numbers have wrapped.
        const heard = { ack: CLIENT_FIRST + 101, data, flags: "PA" };
        for (const seq of [SERVER_FIRST + 1, 0x20]) {
          bed.sends(
            one.fromServer({ ...heard, seq }),
            one.toClient({ ...heard, seq: one.known(seq) }),
          );
        }
        const end = { seq: CLIENT_FIRST + 101, flags: "FA" };
        bed.sends(
          one.fromClient({ ...end, ack: one.known(0x84) }),
          one.toServer({ ...end, ack: 0x84 }),
        );
        assert.equal(bed.connection().state, CONN_STATE.CLOSE_WAIT);
      });

      // As Linux writes it; at the other places a word of the sum may begin; not the only option.
      const blocks = {
        "as Linux writes them": [1, 1],
        "at odd bytes": [1],
        "behind another option": [30, 4, 9, 9],
        "behind none": [],
      };
      for (const [where, before] of Object.entries(blocks)) {
        for (const count of [1, 2, 3, 4]) {
          if (before.length + 2 + 8 * count > 40) continue;
          test(`${name} over ${family}: ${count} blocks of SACK, ${where}`, () => {
            const one = talk({ family, method, serverScale: 7 });
            one.open(tap);
            const edges = Array.from({ length: 2 * count }, (_, i) => SERVER_FIRST + 8 * i);
            const options = (numbers: readonly number[]): Uint8Array => {
              const all = concat(
                Uint8Array.of(...before, 5, 2 + 8 * count),
                u32(...numbers.map((number) => number % 2 ** 32)),
              );
              return concat(all, new Uint8Array(-all.length & 3));
            };
            const said = { seq: CLIENT_FIRST + 1, flags: "A" };
            bed.sends(
              one.fromClient({
                ...said,
                ack: one.known(SERVER_FIRST + 1),
                options: options(edges.map((edge) => one.known(edge))),
              }),
              one.toServer({ ...said, ack: SERVER_FIRST + 1, options: options(edges) }),
            );
          });
        }
      }
    }

    const offers: Record<string, Offer> = {
      nothing: {},
      "a size alone": { mss: 1452 },
      "no scale": { mss: 1400, sack: true },
      "a scale of 0": { mss: 8960, scale: 0 },
      "the largest scale": { mss: 536, scale: 14, sack: true },
      "a size below all": { mss: 100, scale: 7 },
    };
    for (const [name, offer] of Object.entries(offers)) {
      test(`${family}: a client that offers ${name}`, () => {
        talk({ family, offer, ...(offer.scale === undefined ? {} : { serverScale: 7 }) }).open(tap);
      });
    }

    test(`${family}: a server whose windows are scaled less, more, or not`, () => {
      for (const [serverScale, window, said] of [
        [0, 64_000, 500],
        [3, 64_000, 4000],
        [10, 1000, 8000],
        [14, 1000, 65_535],
        [undefined, 64_000, 500],
      ] as const) {
        bed.reset();
        const one = talk({ family, ...(serverScale === undefined ? {} : { serverScale }) });
        one.open(tap);
        const heard = { seq: SERVER_FIRST + 1, ack: CLIENT_FIRST + 1 };
        bed.sends(
          one.fromServer({ ...heard, window }),
          one.toClient({ ...heard, seq: one.known(heard.seq), window: said }),
        );
        const ack = SERVER_FIRST + 1;
        const [small, large] = serverScale === undefined ? [512, 65_535] : [1, 60_000];
        for (const [from, to] of [
          [1, small],
          [60_000, large],
        ] as const) {
          const sent = { seq: CLIENT_FIRST + 1, flags: "A" };
          bed.sends(
            one.fromClient({ ...sent, window: from, ack: one.known(ack) }),
            one.toServer({ ...sent, window: to, ack }),
          );
        }
      }
    });

    test(`${family}: the server refuses, and the client is told`, () => {
      const one = talk({ family });
      one.ask();
      one.answer();
      const refused = { flags: "RA", ack: CLIENT_FIRST + 1, window: 0 };
      bed.sends(
        one.fromServer({ ...refused, seq: 0 }),
        one.toClient({ ...refused, seq: one.cookie + 1 }),
      );
      assert.equal(bed.connection().state, CONN_STATE.CLOSE);
    });

    for (const [name, length] of [
      ["a bare one", 8],
      ["one with its sum", 20],
    ] as const) {
      test(`${family}: an error about the server's packet tells of its own number, ${name}`, () => {
        const { client, service, server, router } = PEOPLE[family];
        const one = talk({ family, serverScale: 7 });
        one.open(tap);
        const header = family === "IPv4" ? 20 : 40;
        const error =
          family === "IPv4" ? { type: 3, code: 4, info: 1400 } : { type: 2, info: 1280 };
        const quoted = (packet: Uint8Array): Uint8Array => packet.subarray(0, header + length);
        const data = counting(50);
        const heard = { from: 80, to: 40_000, flags: "A", ack: CLIENT_FIRST + 1, data };
        const known = one.known(SERVER_FIRST + 1);
        const sent = ip({ from: service, to: client }, tcp({ ...heard, seq: known }));
        const own = { ...heard, from: 8080, seq: SERVER_FIRST + 1 };
        const serverSent = ip({ from: server, to: client }, tcp(own));
        bed.sends(
          ip({ from: router, to: service }, icmp({ ...error, body: quoted(sent) })),
          ip({ from: router, to: server, hops: 63 }, icmp({ ...error, body: quoted(serverSent) })),
        );
      });
    }
  }

  const family = "IPv4";
  const { client, service } = PEOPLE[family];

  test("a server that does not answer is asked again by whatever the client sends", () => {
    const one = talk({ family, serverScale: 7 });
    one.ask();
    one.answer();
    const ack = one.cookie + 1;
    one.answer();
    // Linux asks for a window with the number before, others with a byte of data.
    one.begins({ seq: CLIENT_FIRST, ack });
    one.begins({ seq: CLIENT_FIRST + 1, ack, data: counting(1), flags: "PA" });
    one.begins({ seq: CLIENT_FIRST + 1, ack, data: counting(1000), flags: "FA" });
    assert.equal(bed.connection().state, CONN_STATE.SYN_RECV);
    one.meet(tap);
    // Asked twice, it answers twice.
    one.meet(tap);
    assert.equal(bed.connection().state, CONN_STATE.ESTABLISHED);
  });

  test("the first ACK is lost: a client that asks for its window begins as well", () => {
    for (const [seq, data] of [
      [CLIENT_FIRST, new Uint8Array()],
      [CLIENT_FIRST + 1, counting(1)],
      [CLIENT_FIRST + 1, counting(1000)],
    ] as const) {
      bed.reset();
      const one = talk({ family, serverScale: 7 });
      one.ask();
      one.begins({ seq, ack: one.cookie + 1, data });
      one.meet(tap);
    }
  });

  test("a second answer of a server with another number is none", () => {
    const one = talk({ family, serverScale: 7 });
    one.open(tap);
    bed.drops(one.fromServer({ flags: "SA", seq: 4711, ack: CLIENT_FIRST + 1 }));
    const heard = { seq: SERVER_FIRST + 1, ack: CLIENT_FIRST + 1 };
    bed.sends(one.fromServer(heard), one.toClient({ ...heard, seq: one.known(heard.seq) }));
  });

  test("a server that answers a SYN anew has forgotten the connection: it is over", () => {
    const one = talk({ family, serverScale: 7 });
    one.open(tap);
    bed.drops(one.fromServer({ flags: "SA", seq: 4711, ack: CLIENT_FIRST + 1_000_001 }));
    assert.deepEqual(bed.connections(), []);
    one.ask();
    one.answer();
    one.meet(tap);
  });

  test("where packets go by a hash, none goes that has no cookie", () => {
    const one = talk({ family, service: { program: PROGRAM.HASH, hash: HASH_KIND.FLOW } });
    one.ask();
    bed.drops(one.fromClient({ seq: CLIENT_FIRST + 1, ack: 4711 }));
    assert.deepEqual(bed.counters(), { COOKIE_SENT: 1, NOT_SYN: 1, NO_SERVER: 1 });
  });

  test("a server that still has an old connection is told to end it", () => {
    const one = talk({ family });
    one.ask();
    one.answer();
    const reset = { from: 40_000, to: 8080, flags: "R", seq: 4711, ack: 0, window: 0 };
    const { server } = PEOPLE[family];
    const urgent = settlingWord(client, server, reset);
    bed.answers(
      one.fromServer({ flags: "A", seq: 99, ack: 4711 }),
      ip({ id: 0, df: true, from: client, to: server }, tcp({ ...reset, urgent })),
    );
    one.answer();
    bed.drops(one.fromServer({ flags: "A", seq: 99, ack: CLIENT_FIRST + 1 }));
    bed.drops(one.fromServer({ flags: "R", seq: 99, ack: 0 }));
    assert.equal(bed.connection().state, CONN_STATE.SYN_RECV);
  });

  test("a client that begins anew before the server is there gets a cookie anew", () => {
    const one = talk({ family, serverScale: 7 });
    one.ask();
    one.answer();
    one.ask();
    assert.deepEqual(bed.connections(), []);
    assert.deepEqual(bed.load(0), { active: 0, inactive: 0, overloaded: 0 });
    one.answer();
    one.meet(tap);
  });

  test("a client that gives up takes the server with it", () => {
    const one = talk({ family });
    one.ask();
    one.answer();
    const reset = { flags: "R", seq: CLIENT_FIRST + 1, ack: 0, window: 0 };
    bed.sends(one.fromClient(reset), one.toServer(reset));
  });

  /** Runs `work` within one slot of time, if it has to be twice. */
  function inOneSlot(work: (slot: number) => void): void {
    const margin = 50_000_000n;
    for (;;) {
      const slot = slotOf(kernelNs() - margin);
      bed.reset();
      let failure: unknown;
      try {
        work(slot);
      } catch (error) {
        failure = error;
      }
      if (slotOf(kernelNs()) !== slot) continue;
      if (failure !== undefined) throw failure;
      return;
    }
  }

  test("a cookie is good in its slot of time and in the next", () => {
    for (const age of [0, 1]) {
      inOneSlot((slot) => {
        const one = talk({ family });
        one.ask();
        one.cookie = one.cookieIn(slot - age);
        one.answer();
      });
    }
  });

  for (const [name, of] of Object.entries({
    "older ones": (one: SynTalk, slot: number) => one.cookieIn(slot - 2),
    "still older ones": (one: SynTalk, slot: number) => one.cookieIn(slot - 3),
    "of a time to come": (one: SynTalk, slot: number) => one.cookieIn(slot + 1),
    "for another first number": (one: SynTalk, slot: number) => one.cookieIn(slot, 1),
    "with another hash": (one: SynTalk, slot: number) => one.cookieIn(slot) ^ 1,
    "with other options": (one: SynTalk, slot: number) => one.cookieIn(slot) ^ (1 << 23),
    "of the other slot": (one: SynTalk, slot: number) => one.cookieIn(slot) ^ (1 << 31),
  })) {
    test(`cookies that are none: ${name}`, () => {
      inOneSlot((slot) => {
        const one = talk({ family });
        one.ask();
        const ack = (of(one, slot) + 1) >>> 0;
        bed.drops(one.fromClient({ seq: CLIENT_FIRST + 1, ack }));
        bed.drops(one.fromClient({ seq: CLIENT_FIRST + 1, ack, data: counting(9) }));
        assert.deepEqual(bed.connections(), []);
        assert.deepEqual(bed.counters(), { COOKIE_SENT: 1, NOT_SYN: 2, NO_SERVER: 2 });
      });
    });
  }

  test("a wrong cookie is answered as any unknown packet, where the service answers", () => {
    const one = talk({ family, service: { flags: SERVICE_FLAG.REJECT } });
    one.ask();
    const seq = CLIENT_FIRST + 1;
    const reset = { from: 80, to: 40_000, flags: "R", seq: 4711, window: 0 };
    const urgent = settlingWord(service, client, reset);
    bed.answers(
      one.fromClient({ seq, ack: 4711 }),
      ip({ id: 0, df: true, from: service, to: client }, tcp({ ...reset, urgent })),
    );
  });

  test("the right cookie without ACK, or with SYN or RST, is none", () => {
    const one = talk({ family });
    one.ask();
    const said = { seq: CLIENT_FIRST + 1, ack: one.cookie + 1 };
    for (const flags of ["P", "R", "RA", "SRA"]) bed.drops(one.fromClient({ ...said, flags }));
    assert.deepEqual(bed.connections(), []);
    one.answer();
  });

  test("where no cookie was given none is looked for", () => {
    inOneSlot((slot) => {
      const one = talk({ family });
      bed.drops(one.fromClient({ seq: CLIENT_FIRST + 1, ack: one.cookieIn(slot) + 1 }));
      assert.deepEqual(bed.connections(), []);
    });
  });

  test("a service by mark", () => {
    const one = talk({ family, service: { mark: 7 } });
    bed.enable(CONFIG_FLAG.MARKS);
    one.ask();
    one.answer();
  });

  test("a client that returns a cookie, and no server: it is refused", () => {
    const one = talk({ family, service: { servers: [], flags: SERVICE_FLAG.REJECT } });
    one.ask();
    const said = { from: 80, to: 40_000, flags: "R", seq: one.cookie + 1, window: 0 };
    const urgent = settlingWord(service, client, said);
    bed.answers(
      one.fromClient({ seq: CLIENT_FIRST + 1, ack: one.cookie + 1 }),
      ip({ id: 0, df: true, from: service, to: client }, tcp({ ...said, urgent })),
    );
  });

  test("SYNs in pieces or with options of IPv4 are not answered", () => {
    talk({ family });
    const syn = tcp({ from: 1, to: 80, data: counting(64) });
    bed.drops(ip({ from: client, to: service, options: new Uint8Array(4).fill(1) }, syn));
    bed.drops(ip({ from: client, to: service, part: { at: 0, bytes: 64 } }, syn));
    assert.deepEqual(bed.counters(), {});
  });

  test("options that make no sense are none", () => {
    for (const options of [
      [3, 0, 0, 0],
      [3, 1, 1, 1],
      [2, 40, 5, 180],
      [1, 1, 1, 2],
      [2, 3, 5, 0],
      [3, 4, 7, 0],
      [0, 3, 3, 7],
      Array.from({ length: 40 }, () => 1),
    ]) {
      bed.reset();
      const one = talk({ family, offer: {} });
      const said = { flags: "S", seq: CLIENT_FIRST, options: Uint8Array.from(options) };
      one.ask(one.fromClient(said));
      one.answer();
    }
  });

  test("a scale beyond the largest is the largest", () => {
    const one = talk({ family, offer: { scale: 14 } });
    const options = Uint8Array.of(1, 3, 3, 255);
    one.ask(one.fromClient({ flags: "S", seq: CLIENT_FIRST, options }));
    one.answer();
  });

  const number = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  const segment = fc.record({
    isClient: fc.boolean(),
    flags: fc.constantFrom("A", "PA", "FA", "R", "RA", "S", "F", ""),
    seq: fc.oneof(number, fc.constantFrom(CLIENT_FIRST + 1, SERVER_FIRST + 1)),
    /** Of what the other end said, or anything. */
    ack: fc.option(number),
    window: fc.integer({ min: 0, max: 65_535 }),
    options: fc
      .array(fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 2, 3, 5, 10, 18)), {
        maxLength: 40,
      })
      .map((bytes) => Uint8Array.from(bytes.slice(0, bytes.length & ~3))),
    data: fc.uint8Array({ maxLength: 40 }),
  });

  test("whatever both ends say, what is right when it comes is right when it goes", () => {
    const families = fc.constantFrom(...FAMILIES);
    const property = fc.property(families, fc.array(segment), (family, segments) => {
      bed.reset();
      const one = talk({ family, serverScale: 7 });
      one.open(tap);
      for (const { isClient, ack, ...said } of segments) {
        // A reset may have ended it; a SYN after that begins anew.
        if (bed.connections().length === 0) break;
        const known = isClient ? one.known(SERVER_FIRST + 1) : CLIENT_FIRST + 1;
        const fields = { ...said, ack: ack ?? known };
        const packet = isClient ? one.fromClient(fields) : one.fromServer(fields);
        const { verdict, frame: gone } = bed.run(frame(packet));
        assert.ok(verdict === VERDICT.send || verdict === VERDICT.drop, `${verdict}`);
        if (verdict === VERDICT.send) assert.deepEqual(frameFaults(gone), []);
      }
    });
    fc.assert(property, { numRuns: 100 });
  });

  test("what an LRU threw out: both ends are told that it is over", () => {
    for (const isClient of [true, false]) {
      bed.reset();
      const one = talk({ family, serverScale: 7 });
      one.open(tap);
      bed.empty("proxied");
      const said = { seq: CLIENT_FIRST + 1, ack: one.known(SERVER_FIRST + 1) };
      const heard = { seq: SERVER_FIRST + 1, ack: CLIENT_FIRST + 1 };
      const packet = isClient ? one.fromClient(said) : one.fromServer(heard);
      const { frame: told } = bed.run(frame(packet));
      assert.equal(told[14 + 20 + 13], 4, "RST");
      assert.deepEqual(bed.connections(), []);
      assert.equal(bed.counters()["TABLE_FULL"], 1);
    }
  });

  test("what is forgotten leaves nothing", () => {
    const one = talk({ family, serverScale: 7 });
    const forgets: readonly (() => void)[] = [() => one.ask(), sweep];
    for (const forget of forgets) {
      one.open(tap);
      assert.equal([...bed.map("proxied").keys()].length, 1);
      bed.age(EXPIRED_TICKS);
      forget();
      assert.deepEqual([...bed.map("proxied").keys()], []);
      assert.deepEqual(bed.connections(), []);
    }
  });

  function sweep(): void {
    const sweeper = new Sweeper(bed.kernel);
    while (!sweeper.step());
    sweeper.close();
  }
});

describeLoops("cookies where flows are too many", {}, (bed) => {
  const family = "IPv4";
  const auto = (): SynTalk =>
    new SynTalk(bed, { family, offer: USUAL, service: { synProxy: SYN_PROXY.AUTO } });

  test("a flow that may be tracked begins as any", () => {
    const one = auto();
    const { verdict } = bed.run(frame(one.syn));
    assert.equal(verdict, 7);
    assert.equal(bed.connection().state, CONN_STATE.SYN_RECV);
    assert.deepEqual(bed.counters(), {});
  });

  test("one too many gets a cookie, and with that it begins though there are too many", () => {
    const one = auto();
    bed.configure({ newFlows: 1, locals: [] });
    const other = ip(
      { from: PEOPLE[family].stranger, to: PEOPLE[family].service },
      tcp({ from: 5, to: 80 }),
    );
    bed.exhausted(
      0,
      () => void bed.run(frame(other)),
      () => {
        bed.empty("connections");
        one.ask();
        assert.deepEqual(bed.connections(), []);
        one.answer();
        assert.equal(bed.connection().state, CONN_STATE.SYN_RECV);
      },
    );
    assert.equal(bed.counters()["STATELESS"], undefined);
  });

  test("one that would be dropped gets a cookie", () => {
    const one = auto();
    bed.configure({ dropRate: 1 });
    one.ask();
    one.answer();
    assert.equal(bed.counters()["DROPPED"], undefined);
  });
});
