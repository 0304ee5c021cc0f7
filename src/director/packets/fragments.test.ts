import assert from "node:assert/strict";
import { test } from "node:test";
import { describeLoops, VERDICT } from "#kit/director-bed.ts";
import { FAMILIES, type FamilyName, PEOPLE } from "#kit/director-cases.ts";
import { flowLabel } from "#kit/flow-label.ts";
import {
  counting,
  frame,
  type IpFields,
  ip,
  ipip,
  type Payload,
  PROTO,
  sctp,
  tcp,
  udp,
} from "#kit/packet.ts";
import { METHOD, TUNNEL } from "#plan/director-numbers.ts";

/* Parts of packets: only the first has ports (RFC 791 section 3.2, RFC 8200 section 4.5). */

const IN = { from: 40_000, to: 53 };
const OUT = { from: 53, to: 40_000 };
const data = counting(100);
const PARTS = [
  { at: 0, bytes: 40 },
  { at: 40, bytes: 40 },
  { at: 80, bytes: 28 },
] as const;

const parts = (fields: IpFields, payload: Payload): Uint8Array[] =>
  PARTS.map((part) => ip({ ...fields, part }, payload));

describeLoops("fragments", {}, (bed) => {
  const place = (family: FamilyName, method: number, port = 0): void => {
    const { service, server, ours } = PEOPLE[family];
    bed.configure({ locals: [ours] });
    const servers = [{ address: server, port, method, tunnel: TUNNEL.IPIP }];
    bed.service({ address: service, port: 53, protocol: "udp", servers });
  };
  const sendsAll = (all: readonly Uint8Array[], expected: readonly Uint8Array[]): void => {
    for (const [i, packet] of all.entries()) bed.sends(packet, expected[i]!);
  };

  for (const family of FAMILIES) {
    const { client, stranger, service, server, ours } = PEOPLE[family];
    const sent = parts({ from: client, to: service }, udp({ ...IN, data }));

    for (const port of [0, 5353]) {
      test(`NAT over ${family}${port ? ", to another port" : ""}, both ways`, () => {
        place(family, METHOD.NAT, port);
        const to = port || 53;
        const server2 = { from: client, to: server, hops: 63 };
        sendsAll(sent, parts(server2, udp({ ...IN, to, data })));
        sendsAll(
          parts({ from: server, to: client, id: 9 }, udp({ ...OUT, from: to, data })),
          parts({ from: service, to: client, id: 9, hops: 63 }, udp({ ...OUT, data })),
        );
        assert.equal(bed.connections().length, 1);
      });
    }

    test(`FULLNAT over ${family}, both ways`, () => {
      place(family, METHOD.FULLNAT);
      bed.run(frame(sent[0]!));
      const { localPort } = bed.connection();
      sendsAll(
        sent,
        parts({ from: ours, to: server, hops: 63 }, udp({ from: localPort, to: 53, data })),
      );
      sendsAll(
        parts({ from: server, to: ours }, udp({ from: 53, to: localPort, data })),
        parts({ from: service, to: client, hops: 63 }, udp({ ...OUT, data })),
      );
    });

    test(`DR over ${family}`, () => {
      place(family, METHOD.DR);
      sendsAll(sent, parts({ from: client, to: service, hops: 63 }, udp({ ...IN, data })));
    });

    test(`TUN over ${family}`, () => {
      place(family, METHOD.TUN);
      const arrived = parts({ from: client, to: service, hops: 63 }, udp({ ...IN, data }));
      const label = flowLabel({ client, service, ...IN, protocol: "udp" });
      const outer = { from: ours, to: server, id: 0, df: true, label };
      sendsAll(
        sent,
        arrived.map((packet) => ip(outer, ipip(packet))),
      );
    });

    test(`${family}: later ones before the first pass, and are counted`, () => {
      place(family, METHOD.NAT);
      bed.passes(sent[2]!);
      bed.passes(sent[1]!);
      assert.deepEqual(bed.counters(), { NO_FRAGMENT: 2 });
      assert.equal(bed.run(frame(sent[0]!)).verdict, VERDICT.send);
      assert.equal(bed.run(frame(sent[2]!)).verdict, VERDICT.send);
    });

    test(`${family}: of another packet, sender or protocol they are not taken for these`, () => {
      place(family, METHOD.NAT);
      bed.run(frame(sent[0]!));
      const part = PARTS[1];
      bed.passes(ip({ from: client, to: service, id: 1, part }, udp({ ...IN, data })));
      bed.passes(ip({ from: stranger, to: service, part }, udp({ ...IN, data })));
      bed.passes(ip({ from: client, to: service, part }, tcp({ ...IN, data })));
    });

    test(`${family}: a later part does not change a TCP connection's state`, () => {
      bed.service({ address: service, port: 53, servers: [{ address: server }] });
      bed.run(frame(ip({ from: client, to: service }, tcp(IN))));
      const [first, second] = parts(
        { from: client, to: service },
        tcp({ ...IN, flags: "A", data }),
      );
      bed.run(frame(first!));
      const { state } = bed.connection();
      assert.equal(bed.run(frame(second!)).verdict, VERDICT.send);
      assert.equal(bed.connection().state, state);
    });

    test(`${family}: SCTP in parts goes to a server's same port, not to another`, () => {
      const fields = { from: client, to: service };
      bed.service({ address: service, port: 53, protocol: "sctp", servers: [{ address: server }] });
      sendsAll(
        parts(fields, sctp({ ...IN, data })),
        parts({ from: client, to: server, hops: 63 }, sctp({ ...IN, data })),
      );
      bed.reset();
      const servers = [{ address: server, port: 5353 }];
      bed.service({ address: service, port: 53, protocol: "sctp", servers });
      bed.drops(parts(fields, sctp({ ...IN, data }))[0]!);
    });

    test(`${family}: an answer to ICMP in parts is not looked for`, () => {
      place(family, METHOD.NAT);
      const protocol = family === "IPv4" ? PROTO.icmp : PROTO.icmp6;
      const payload: Payload = () => ({ protocol, bytes: counting(200) });
      for (const packet of parts({ from: client, to: service }, payload)) bed.passes(packet);
    });
  }
});
