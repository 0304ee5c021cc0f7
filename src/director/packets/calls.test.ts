import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { callIdOf, callKey, sipHash128 } from "#kit/call-id.ts";
import { describeLoops, type ServiceSpec, VERDICT } from "#kit/director-bed.ts";
import { FAMILIES, PEOPLE } from "#kit/director-cases.ts";
import { counting, frame, ip, ip16, tcp, udp } from "#kit/packet.ts";
import { CALL_LIMIT, CONFIG_FLAG, METHOD, SERVICE_FLAG } from "#plan/director-numbers.ts";

/* Persistence by the Call-ID of SIP: which call a datagram is of, and where it goes by that. */

const { client, neighbour, stranger, service, second, server, other } = PEOPLE.IPv4;
const SIP = 5060;
/** Row of `allowances`. */
const NEW_FLOWS = 0;
const { CALLS, ONE_PACKET, REJECT } = SERVICE_FLAG;

const invite = (...lines: readonly string[]): string =>
  ["INVITE sip:bob@example.org SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.7", ...lines, "", "body"].join(
    "\r\n",
  );
const ofCall = (id: string): string => invite(`Call-ID: ${id}`);
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));

type Part = { readonly at: number; readonly bytes: number };

const two = [
  { address: server, mtu: 9000 },
  { address: other, mtu: 9000 },
];
const byCall = {
  ...{ address: service, protocol: "udp", port: SIP, servers: two },
  ...{ flags: CALLS | ONE_PACKET, persistTicks: 5000, prefix4: 0, prefix6: 0 },
} as const satisfies ServiceSpec;

test("the hash is SipHash-2-4 of 128 bits, as its authors have it", () => {
  const key = [0x0706050403020100n, 0x0f0e0d0c0b0a0908n] as const;
  const hash = (length: number): string =>
    Buffer.from(
      sipHash128(
        key,
        counting(length).map((byte) => byte - 1),
      ),
    ).toString("hex");
  assert.equal(hash(0), "a3817f04ba25a8e66df67214c7550293");
  assert.equal(hash(1), "da87c1d86b99af44347659119b22fc45");
});

describeLoops("calls", {}, (bed) => {
  interface Ends {
    readonly from?: string;
    readonly port?: number;
    readonly to?: string;
  }
  const datagram = (
    text: string | Uint8Array,
    { from = client, port = 1000, to = service }: Ends = {},
  ): Uint8Array => {
    const data = typeof text === "string" ? bytesOf(text) : text;
    return ip({ from, to }, udp({ from: port, to: SIP, data }));
  };

  /** Addresses of two servers, by whom a datagram goes to. */
  const goes = (text: string, from: string = client, port = 1000): string => {
    const { verdict, frame: out } = bed.run(frame(datagram(text, { from, port })));
    if (verdict !== VERDICT.send) return `verdict ${verdict}`;
    return [...out.subarray(30, 34)].join(".");
  };

  const keys = (): string[] =>
    [...bed.map("templates").keys()].map((key) => Buffer.from(key.subarray(0, 16)).toString("hex"));

  test("one call goes to one server, whoever sends it; two of a client may go to two", () => {
    bed.service(byCall);
    assert.equal(goes(ofCall("one")), server);
    assert.equal(goes(ofCall("two")), other);
    for (const from of [client, neighbour, stranger]) {
      for (const port of [1000, 2000]) {
        assert.equal(goes(ofCall("one"), from, port), server);
        assert.equal(goes(ofCall("two"), from, port), other);
      }
    }
    assert.deepEqual(bed.connections(), []);
    assert.equal(keys().length, 2);
  });

  test("of one client, or one network of them, where a mask says so", () => {
    const placed = bed.service({ ...byCall, prefix4: 32 });
    assert.equal(goes(ofCall("one")), server);
    assert.equal(goes(ofCall("one"), neighbour), other);
    assert.equal(goes(ofCall("one"), client, 2000), server);
    bed.changeService(placed, { ...byCall, prefix4: 24 });
    assert.equal(goes(ofCall("one")), server);
    assert.equal(goes(ofCall("one"), neighbour), server);
    assert.equal(goes(ofCall("one"), stranger), other);
  });

  const found: Readonly<Record<string, string>> = {
    "in other letters": invite("cALL-Id: one"),
    "in short": invite("i: one"),
    "in short, in capitals": invite("I:one"),
    "white space around it": invite("Call-ID \t : \t one \t "),
    "on the next line": invite("Call-ID:", " one"),
    "two lines further": invite("Call-ID: ", " \t", "\tone"),
    "behind an empty one": invite("Call-ID:", "i: one"),
    "lines that end with LF": ofCall("one").replaceAll("\r\n", "\n"),
    "lines that end with CR": ofCall("one").replaceAll("\r\n", "\r"),
    "behind a line that goes on": invite("Subject: a", " i: two", "Call-ID: one"),
    "behind names that begin like it": invite(
      "Call-I: 3",
      "Call-IDs: 4",
      "Info: 5",
      "Call-ID: one",
    ),
    "the first of two": invite("Call-ID: one", "Call-ID: two"),
    "first in the line behind the request's": "OPTIONS\r\ni: one\r\n\r\n",
    "far away": invite(`Record-Route: ${"x".repeat(1900)}`, "Call-ID: one"),
  };
  for (const [name, text] of Object.entries(found)) {
    test(`it is found: ${name}`, () => {
      bed.service(byCall);
      assert.equal(goes(ofCall("one")), server);
      assert.equal(goes(text), server);
      assert.equal(goes(ofCall("One")), other);
      assert.equal(keys().length, 2);
    });
  }

  const none: Readonly<Record<string, string>> = {
    "not there": invite("Subject: none"),
    "in the body": invite("Subject: none", "", "Call-ID: one"),
    "in the request's line": "Call-ID: one\r\n\r\n",
    "not ended": "OPTIONS\r\nCall-ID: one",
    empty: invite("Call-ID:"),
    "two words": invite("Call-ID: one two"),
    "too long": ofCall("x".repeat(CALL_LIMIT.LONGEST + 1)),
    "line ends alone": "\r\n\r\n",
  };
  for (const [name, text] of Object.entries(none)) {
    test(`there is none, and the datagram is dropped: ${name}`, () => {
      bed.service({ ...byCall, flags: byCall.flags | REJECT });
      assert.equal(goes(text), `verdict ${VERDICT.drop}`);
      assert.deepEqual(bed.counters(), { NO_CALL_ID: 1 });
      assert.deepEqual(keys(), []);
    });
  }

  test("the longest there may be", () => {
    bed.service(byCall);
    assert.equal(goes(ofCall("x".repeat(CALL_LIMIT.LONGEST))), server);
  });

  /** Texts of parts that mean something to the reader, and of some that do not. */
  const part = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.constantFrom(
        ...[
          "\r\n",
          "\n",
          "\r",
          " ",
          "\t",
          ":",
          "Call-ID",
          "call-id: ",
          "i",
          "I:",
          "c",
          "Call-",
          "-",
        ],
        ...[
          "one@two",
          "x",
          "Via: a\r\n",
          "Subject: i: c\r\n",
          "\0",
          "\xff",
          "M",
          "-id:",
          "\r\ni: z\r\n",
          "\r\nCall-ID: ",
        ],
      ),
    },
    { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 300 }).map((n) => "y".repeat(n)) },
  );
  const text = fc.tuple(
    fc.constantFrom("OPTIONS sip:a SIP/2.0\r\n", ""),
    fc.array(part, { maxLength: 30 }),
    fc.nat(1400),
  );

  test("what is found is what reading it line by line finds, in any text", () => {
    bed.service(byCall);
    const all = ip16("0.0.0.0");
    let some = 0;
    fc.assert(
      fc.property(text, ([first, parts, cut]) => {
        const data = bytesOf(first + parts.join("")).subarray(0, Math.max(1, cut));
        bed.empty("templates");
        const { verdict } = bed.run(frame(datagram(data)));
        const id = callIdOf(data);
        assert.equal(verdict, id === undefined ? VERDICT.drop : VERDICT.send);
        const expected = id === undefined ? [] : [Buffer.from(callKey(all, id)).toString("hex")];
        assert.deepEqual(keys(), expected);
        some += expected.length;
      }),
      { numRuns: 5000 },
    );
    assert.ok(some > 250, `${some} of them had one`);
  });

  test("a call and a client's address make a key that differs in one bit of either", () => {
    bed.service({ ...byCall, prefix4: 32 });
    goes(ofCall("one"));
    assert.deepEqual(keys(), [Buffer.from(callKey(ip16(client), "one")).toString("hex")]);
  });

  test("a call ends some time after its last datagram, and survives weight 0 if it may", () => {
    const placed = bed.service(byCall);
    assert.equal(goes(ofCall("one")), server);
    bed.ageTemplates(4000);
    assert.equal(goes(ofCall("one")), server);
    bed.changeServer(placed, 0, { address: server, weight: 0 });
    bed.ageTemplates(4000);
    assert.equal(goes(ofCall("one")), server);
    bed.ageTemplates(5500);
    assert.equal(goes(ofCall("one")), other);
    bed.changeServer(placed, 0, { address: server });
    bed.changeServer(placed, 1, { address: other, flags: 0 });
    assert.equal(goes(ofCall("one")), server);
  });

  test("calls of two services are not the same", () => {
    bed.service(byCall);
    bed.service({ ...byCall, address: second, pool: [1] });
    assert.equal(goes(ofCall("one")), server);
    const sent = bed.run(frame(datagram(ofCall("one"), { to: second })));
    assert.deepEqual([...sent.frame.subarray(30, 34)], [...ip16(other).subarray(12)]);
  });

  test("with connections, the call says where one begins, and the flow goes on", () => {
    bed.service({ ...byCall, flags: CALLS });
    assert.equal(goes(ofCall("one")), server);
    assert.equal(goes(ofCall("two")), server, "the same flow");
    assert.equal(goes("no call at all"), server);
    assert.equal(goes(ofCall("two"), client, 2000), other);
    assert.equal(goes(ofCall("one"), stranger), server);
    assert.equal(goes("no call at all", stranger, 3), `verdict ${VERDICT.drop}`);
    assert.equal(bed.connections().length, 3);
    assert.equal(keys().length, 2);
  });

  test("what is not UDP, under the service's mark, is not for it", () => {
    bed.service({ ...byCall, mark: 7 });
    bed.enable(CONFIG_FLAG.MARKS);
    bed.sends(
      datagram(ofCall("one")),
      ip(
        { from: client, to: server, hops: 63 },
        udp({ from: 1000, to: SIP, data: bytesOf(ofCall("one")) }),
      ),
      { mark: 7 },
    );
    const segment = tcp({ from: 1, to: SIP, data: bytesOf(ofCall("one")) });
    bed.passes(ip({ from: client, to: service }, segment), { mark: 7 });
    assert.deepEqual(bed.counters(), {});
  });

  test("new calls beyond newFlows are not kept, and go by the hash of their flow", () => {
    bed.service(byCall);
    bed.configure({ newFlows: 1 });
    assert.equal(goes(ofCall("one")), server);
    bed.exhausted(
      NEW_FLOWS,
      () => {
        bed.empty("templates");
        goes(ofCall("before"));
        bed.empty("templates");
      },
      () => {
        const placed = [1, 2, 3].map((n) => goes(ofCall(`call-${n}`)));
        assert.equal(new Set(placed).size, 1);
        assert.deepEqual(keys(), []);
      },
    );
  });

  for (const family of FAMILIES) {
    const { client, service, server, other } = PEOPLE[family];
    const data = bytesOf(ofCall("one") + "z".repeat(500));
    const sent = (to: string, hops: number, part: Part, id: number): Uint8Array =>
      ip({ from: client, to, hops, part, id }, udp({ from: 1000, to: SIP, data }));

    test(`the pieces of a datagram go where its first goes, over ${family}`, () => {
      const servers = [server, other].map((address) => ({ address, method: METHOD.DR }));
      const { base } = bed.service({ ...byCall, address: service, servers });
      for (const id of [1, 2]) {
        for (const part of [
          { at: 0, bytes: 400 },
          { at: 400, bytes: 200 },
        ]) {
          bed.sends(sent(service, 64, part, id), sent(service, 63, part, id));
        }
      }
      assert.equal(bed.statistics(base).in, 4);
      // One whose first is of no call, and so has gone nowhere.
      bed.drops(
        ip(
          { from: client, to: service, id: 3, part: { at: 0, bytes: 16 } },
          udp({ from: 1, to: SIP, data }),
        ),
      );
      bed.drops(sent(service, 64, { at: 400, bytes: 200 }, 3));
    });

    test(`so they do where every packet has a turn, over ${family}`, () => {
      const servers = [server, other].map((address) => ({ address, method: METHOD.DR }));
      const spec = { ...byCall, address: service, servers, flags: ONE_PACKET, persistTicks: 0 };
      const { base } = bed.service(spec);
      for (const id of [1, 2]) {
        for (const at of [0, 200, 400]) {
          const part = { at, bytes: 200 };
          bed.sends(sent(service, 64, part, id), sent(service, 63, part, id));
        }
      }
      assert.deepEqual([bed.statistics(base).in, bed.statistics(base + 1).in], [3, 3]);
    });
  }

  test("beyond its reach it is not looked for", () => {
    const line = "Call-ID: one\r";
    const endingAt = (end: number): Uint8Array =>
      bytesOf(`A\r\nB:${"x".repeat(end - line.length - 7)}\r\n${line}\n`);
    const within = endingAt(CALL_LIMIT.REACH);
    const beyond = endingAt(CALL_LIMIT.REACH + 1);
    assert.equal(callIdOf(within), "one");
    assert.equal(callIdOf(beyond), undefined);
    bed.service(byCall);
    assert.equal(bed.run(frame(datagram(within))).verdict, VERDICT.send);
    assert.equal(bed.run(frame(datagram(beyond))).verdict, VERDICT.drop);
  });
});
