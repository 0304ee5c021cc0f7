import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { directorBed, noDirector, VERDICT } from "#kit/director-bed.ts";
import { FAMILIES, PEOPLE } from "#kit/director-cases.ts";
import { counting, frame, ip, settlingWord, type TcpFields, tcp } from "#kit/packet.ts";
import type { Tap } from "#kit/tap.ts";
import { CONFIG_FLAG, METHOD } from "#plan/director-numbers.ts";

/*
 * FULLNAT, a SYN where a connection is over that the server may still have: that is reset there,
 * and the SYN comes in again behind.
 */

const LOCAL_PORT = 20_000;
const ONE_PORT = { count: 1, keptFirst: 1024, kept: LOCAL_PORT - 1024 };
const CLIENT_PORT = 40_000;
const LAST = { seq: 7000, flags: "FA", data: counting(20) } as const;
/** What the server expects then: each byte has a number, and so has the FIN. */
const NEXT = 7021;

for (const family of FAMILIES) {
  const { client, service, server, ours } = PEOPLE[family];

  describe(`a port of a connection that is over, ${family}`, { skip: noDirector() }, () => {
    const bed = directorBed();
    const ends: (() => unknown)[] = [];
    let tap: Tap;
    before(() => {
      tap = bed.tap({ after: (end) => ends.push(end) }, "front");
    });
    after(() => {
      for (const end of ends) end();
    });

    const sent = (fields: Partial<TcpFields>, from = CLIENT_PORT) =>
      ip({ from: client, to: service }, tcp({ from, to: 80, ...fields }));
    const directed = (fields: Partial<TcpFields>) =>
      ip({ from: ours, to: server, hops: 63 }, tcp({ from: LOCAL_PORT, to: 80, ...fields }));
    const heard = (fields: Partial<TcpFields>) =>
      bed.run(frame(ip({ from: server, to: ours }, tcp({ from: 80, to: LOCAL_PORT, ...fields }))));

    /** One connection, which the server closes first, as far as the server's FIN. */
    function open(): void {
      bed.configure({ locals: [ours], localPorts: ONE_PORT });
      bed.enable(CONFIG_FLAG.REUSE);
      bed.service({ address: service, servers: [{ address: server, method: METHOD.FULLNAT }] });
      bed.sends(sent({}), directed({}));
      heard({ flags: "SA" });
      bed.sends(sent({ flags: "A" }), directed({ flags: "A" }));
      heard({ flags: "FA" });
    }

    function close(): void {
      open();
      bed.sends(sent(LAST), directed(LAST));
      bed.age(10);
    }

    /** The SYN becomes a reset of what was there, and comes in once more as it was. */
    function resets(from: number): void {
      const reset = { to: 80, flags: "R", seq: NEXT, window: 0 };
      const urgent = settlingWord(client, service, { ...reset, from });
      bed.sends(
        sent({}, from),
        ip(
          { id: 0, df: true, from: ours, to: server, hops: 63 },
          tcp({ ...reset, from: LOCAL_PORT, urgent }),
        ),
      );
      assert.deepEqual(tap.next(), frame(sent({}, from)));
    }

    test("the same client's next one begins when the copy comes", () => {
      close();
      resets(CLIENT_PORT);
      assert.deepEqual(bed.connections(), []);
      assert.deepEqual([...bed.map("replies").keys()].length, 0);
      bed.sends(sent({}), directed({}));
      assert.deepEqual(bed.counters(), {});
    });

    test("another client's, where no port is free", () => {
      close();
      resets(50_000);
      assert.equal(bed.connection().localPort, LOCAL_PORT);
      const before = bed.statistics(0);
      bed.sends(sent({}, 50_000), directed({}));
      assert.equal(bed.statistics(0).in, before.in + 1, "it is counted once");
      assert.deepEqual(bed.counters(), { PORT_REUSED: 1 });
    });

    test("nothing is reset where the client has reset it", () => {
      open();
      bed.run(frame(sent({ flags: "R" })));
      bed.age(10);
      bed.sends(sent({}), directed({}));
    });

    test("nothing is where its FIN was a fragment, of which the end is not seen", () => {
      open();
      const [part] = [{ at: 0, bytes: 24 }];
      bed.run(
        frame(ip({ from: client, to: service, part }, tcp({ ...LAST, from: CLIENT_PORT, to: 80 }))),
      );
      bed.age(10);
      bed.sends(sent({}), directed({}));
    });

    test("a SYN with options of its network goes on as it is", () => {
      close();
      const options = Uint8Array.of(1, 1, 1, 0);
      const extensions = [{ kind: 60, body: new Uint8Array(6) }];
      const packet = { from: client, to: service, options, extensions };
      const { verdict, frame: out } = bed.run(
        frame(ip(packet, tcp({ from: CLIENT_PORT, to: 80 }))),
      );
      assert.equal(verdict, VERDICT.send);
      assert.deepEqual(
        out,
        frame(
          ip({ ...packet, from: ours, to: server, hops: 63 }, tcp({ from: LOCAL_PORT, to: 80 })),
        ),
      );
    });
  });
}
