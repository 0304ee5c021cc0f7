import assert from "node:assert/strict";
import { test } from "node:test";
import { describeLoops, type ServiceSpec } from "#kit/director-bed.ts";
import { FAMILIES, PEOPLE } from "#kit/director-cases.ts";
import { ip, udp } from "#kit/packet.ts";
import { TEMPLATE } from "#plan/director-layout.ts";
import { CONFIG_FLAG, METHOD, SERVICE_FLAG } from "#plan/director-numbers.ts";

/* What servers say of calls, where no connection says whose packets they are. */

const SIP = 5060;
const INSIDE = 8060;
const { CALLS, ONE_PACKET } = SERVICE_FLAG;

const ofCall = (id: string): Uint8Array =>
  new Uint8Array(Buffer.from(`SIP/2.0 200 OK\r\nCall-ID: ${id}\r\n\r\n`));
const NO_CALL = new Uint8Array(Buffer.from("SIP/2.0 200 OK\r\nSubject: none\r\n\r\n"));

for (const family of FAMILIES) {
  const { client, stranger, service, second, server, other } = PEOPLE[family];

  describeLoops(`calls of servers, over ${family}`, {}, (bed) => {
    const servers = [
      { address: server, port: INSIDE },
      { address: other, port: INSIDE },
    ];
    const byCall = {
      ...{ address: service, protocol: "udp", port: SIP, servers },
      ...{ flags: CALLS | ONE_PACKET, persistTicks: 5000, prefix4: 0, prefix6: 0 },
    } as const satisfies ServiceSpec;

    const place = (more: Partial<ServiceSpec> = {}) => {
      bed.enable(CONFIG_FLAG.CALLS);
      return bed.service({ ...byCall, ...more });
    };
    const asked = (data = ofCall("one"), from: string = client) =>
      ip({ from, to: service }, udp({ from: SIP, to: SIP, data }));
    const forwarded = (to: string, data = ofCall("one"), from: string = client) =>
      ip({ from, to, hops: 63 }, udp({ from: SIP, to: INSIDE, data }));
    const said = (from: string, data = ofCall("one")) =>
      ip({ from, to: client }, udp({ from: INSIDE, to: SIP, data }));
    const told = (data = ofCall("one")) =>
      ip({ from: service, to: client, hops: 63 }, udp({ from: SIP, to: SIP, data }));
    const interfaces = (): number[] => {
      const templates = bed.map("templates");
      return [...templates.keys()].map((key) => {
        const value = templates.lookup(key)!;
        return new DataView(value.buffer).getUint32(TEMPLATE.INTERFACE, true);
      });
    };

    test("answers leave as the service's, and nothing is kept but the call", () => {
      const { base } = place();
      for (let i = 0; i < 3; i++) {
        bed.sends(asked(), forwarded(server));
        bed.sends(said(server), told());
      }
      assert.deepEqual(bed.connections(), []);
      assert.deepEqual(bed.load(base), { active: 0, inactive: 0, overloaded: 0 });
      const { in: came, out } = bed.statistics(base);
      assert.deepEqual([came, out], [3, 3]);
    });

    test("a call that a server begins is that server's", () => {
      place();
      bed.sends(asked(ofCall("before")), forwarded(server, ofCall("before")));
      bed.sends(asked(ofCall("more")), forwarded(other, ofCall("more")));
      bed.sends(said(other), told());
      for (let i = 0; i < 3; i++) bed.sends(asked(), forwarded(other));
      bed.sends(asked(ofCall("one"), stranger), forwarded(other, ofCall("one"), stranger));
      assert.deepEqual(interfaces(), [bed.front, bed.front, bed.front]);
    });

    test("a server that speaks of another's call has it from then on", () => {
      place();
      bed.sends(asked(), forwarded(server));
      bed.sends(said(other), told());
      bed.sends(asked(), forwarded(other));
    });

    test("a server that takes nothing new answers its calls", () => {
      const placed = place();
      bed.sends(asked(), forwarded(server));
      bed.changeServer(placed, 0, { ...servers[0]!, weight: 0 });
      bed.sends(said(server), told());
      bed.sends(asked(), forwarded(server));
    });

    test("nobody knows where to before the first client came", () => {
      place();
      bed.drops(said(server));
      assert.deepEqual(bed.counters(), { NO_ROUTE: 1 });
    });

    test("what is of no call, or no server's, is the kernel's", () => {
      const placed = place();
      bed.sends(asked(), forwarded(server));
      bed.passes(said(server, NO_CALL));
      bed.passes(said(stranger));
      bed.passes(ip({ from: server, to: client }, udp({ from: 7, to: SIP, data: ofCall("one") })));
      bed.changeServer(placed, 0, { ...servers[0]!, flags: 0 });
      bed.passes(said(server));
      bed.changeServer(placed, 0, { ...servers[0]!, method: METHOD.DR });
      bed.passes(said(server));
    });

    test("servers of other services are left alone", () => {
      bed.enable(CONFIG_FLAG.CALLS);
      bed.service({ ...byCall, flags: ONE_PACKET, persistTicks: 0 });
      bed.sends(asked(), forwarded(server));
      bed.passes(said(server));
    });

    test("an answer that has no hop left", () => {
      place();
      bed.sends(asked(), forwarded(server));
      const data = ofCall("one");
      bed.drops(ip({ from: server, to: client, hops: 1 }, udp({ from: INSIDE, to: SIP, data })));
      assert.deepEqual(bed.counters(), { TTL: 1 });
    });

    test("an answer in pieces", () => {
      place();
      bed.sends(asked(), forwarded(server));
      const data = new Uint8Array(Buffer.concat([ofCall("one"), Buffer.alloc(600, "x")]));
      for (const at of [0, 200, 400]) {
        const part = { at, bytes: 200 };
        bed.sends(
          ip({ from: server, to: client, part }, udp({ from: INSIDE, to: SIP, data })),
          ip({ from: service, to: client, part, hops: 63 }, udp({ from: SIP, to: SIP, data })),
        );
      }
      // One whose first is of no call.
      const call = udp({ from: INSIDE, to: SIP, data: new Uint8Array(600) });
      for (const at of [0, 200]) {
        bed.passes(ip({ from: server, to: client, id: 9, part: { at, bytes: 200 } }, call));
      }
    });

    test("with connections, a server's first datagram begins one", () => {
      const { base } = place({ flags: CALLS });
      bed.sends(asked(ofCall("before"), stranger), forwarded(server, ofCall("before"), stranger));
      bed.sends(said(other), told());
      assert.deepEqual(bed.load(base + 1), { active: 0, inactive: 1, overloaded: 0 });
      bed.sends(asked(NO_CALL), forwarded(other, NO_CALL));
      bed.sends(said(other, NO_CALL), told(NO_CALL));
      assert.equal(bed.connections().length, 2);
    });

    test("a server behind two services begins calls of the one that it was in first", () => {
      place();
      bed.service({ ...byCall, address: second });
      bed.sends(asked(), forwarded(server));
      bed.sends(said(server), told());
      bed.sends(said(other, ofCall("two")), told(ofCall("two")));
    });
  });
}
