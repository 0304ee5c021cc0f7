import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ProtocolName } from "#base/protocol.ts";
import { directorBed, noDirector } from "#kit/director-bed.ts";
import { FAMILIES, type FamilyName, PEOPLE, PROTOCOLS, TRANSPORTS } from "#kit/director-cases.ts";
import { flowLabel } from "#kit/flow-label.ts";
import {
  concat,
  counting,
  frame,
  icmp,
  ip,
  ipip,
  type Payload,
  PROTO,
  tcp,
  u16,
  udp,
} from "#kit/packet.ts";
import { METHOD, TUNNEL } from "#plan/director-numbers.ts";

/*
 * ICMP errors about packets of connections (RFC 792, 4443, 5508): to whom they tell something, in
 * the addresses that one knows.
 */

const IN = { from: 40_000, to: 80 };
const OUT = { from: 80, to: 40_000 };

/** Types of errors, with what some of them carry in front of the packet. */
const ERRORS = {
  IPv4: [
    { name: "host unreachable", type: 3, code: 1 },
    { name: "fragmentation needed", type: 3, code: 4, info: 1400 },
    { name: "source quench", type: 4 },
    { name: "time exceeded", type: 11 },
    { name: "parameter problem", type: 12, info: 0x14_00_00_00 },
  ],
  IPv6: [
    { name: "address unreachable", type: 1, code: 3 },
    { name: "packet too big", type: 2, info: 1280 },
    { name: "time exceeded", type: 3 },
    { name: "parameter problem", type: 4, info: 6 },
  ],
} as const;

/** As much of a packet as an error quotes, `bytes` of its transport's header. */
const quote = (packet: Uint8Array, bytes: number): Uint8Array =>
  packet.subarray(0, (packet[0]! >> 4 === 4 ? 20 : 40) + bytes);

describe("ICMP errors", { skip: noDirector() }, () => {
  const bed = directorBed();

  /** A connection that has begun, through a server with this method. */
  const begin = (
    family: FamilyName,
    protocol: ProtocolName,
    method: number,
    port: number,
  ): void => {
    const { client, service, server, ours } = PEOPLE[family];
    bed.configure({ locals: [ours] });
    const servers = [{ address: server, port, method, tunnel: TUNNEL.IPIP }];
    bed.service({ address: service, protocol, servers });
    bed.run(frame(ip({ from: client, to: service }, TRANSPORTS[protocol](IN))));
  };

  /** The flow as the server knows it. */
  const inner = (family: FamilyName, method: number): { client: string; port: number } =>
    method === METHOD.FULLNAT
      ? { client: PEOPLE[family].ours, port: bed.connection().localPort }
      : { client: PEOPLE[family].client, port: 40_000 };

  const methods = { NAT: METHOD.NAT, FULLNAT: METHOD.FULLNAT } as const;
  for (const [name, method] of Object.entries(methods)) {
    for (const family of FAMILIES) {
      const { client, service, server, router } = PEOPLE[family];
      for (const protocol of PROTOCOLS) {
        for (const port of [0, 8080]) {
          const mapped = port ? ", to another port" : "";
          // The sum of a quoted SCTP packet stays as it was: nobody looks at it.
          const lengths = protocol === "sctp" ? [8] : [8, 19, 20, 100];
          const payload = TRANSPORTS[protocol];

          test(`${name}, ${protocol} over ${family}${mapped}: from the client's side`, () => {
            begin(family, protocol, method, port);
            const known = inner(family, method);
            for (const { name: _, ...error } of ERRORS[family]) {
              for (const length of lengths) {
                const sent = ip({ from: service, to: client, hops: 3 }, payload(OUT));
                const serverSent = ip(
                  { from: server, to: known.client, hops: 3 },
                  payload({ from: port || 80, to: known.port }),
                );
                bed.sends(
                  ip({ from: router, to: service }, icmp({ ...error, body: quote(sent, length) })),
                  ip(
                    { from: router, to: server, hops: 63 },
                    icmp({ ...error, body: quote(serverSent, length) }),
                  ),
                );
              }
            }
          });

          test(`${name}, ${protocol} over ${family}${mapped}: from the server's side`, () => {
            begin(family, protocol, method, port);
            const known = inner(family, method);
            for (const { name: _, ...error } of ERRORS[family]) {
              for (const length of lengths) {
                const forwarded = ip(
                  { from: known.client, to: server, hops: 1 },
                  payload({ from: known.port, to: port || 80 }),
                );
                const clientSent = ip({ from: client, to: service, hops: 1 }, payload(IN));
                bed.sends(
                  ip(
                    { from: router, to: known.client },
                    icmp({ ...error, body: quote(forwarded, length) }),
                  ),
                  ip(
                    { from: service, to: client, hops: 63 },
                    icmp({ ...error, body: quote(clientSent, length) }),
                  ),
                  { ingress: bed.back },
                );
              }
            }
          });
        }
      }
    }
  }

  for (const family of FAMILIES) {
    const { client, service, server, ours, router } = PEOPLE[family];
    const error = {
      ...ERRORS[family][1],
      body: quote(ip({ from: service, to: client }, tcp(OUT)), 20),
    };
    const sent = (hops: number): Uint8Array => ip({ from: router, to: service, hops }, icmp(error));

    test(`DR over ${family}: on to the server as it came`, () => {
      begin(family, "tcp", METHOD.DR, 0);
      bed.sends(sent(64), sent(63));
      assert.deepEqual(bed.counters(), { ICMP: 1 });
    });

    test(`TUN over ${family}: on to the server in a tunnel`, () => {
      begin(family, "tcp", METHOD.TUN, 0);
      // Its own: no port is looked for in what it quotes.
      const own = { client: router, service, from: 0, to: 0, protocol: "icmp6" } as const;
      const label = flowLabel(own);
      bed.sends(sent(64), ip({ from: ours, to: server, id: 0, df: true, label }, ipip(sent(63))));
    });

    test(`DR and TUN over ${family}: one about a client's packet passes`, () => {
      for (const method of [METHOD.DR, METHOD.TUN]) {
        bed.reset();
        begin(family, "tcp", method, 0);
        const body = quote(ip({ from: client, to: service }, tcp(IN)), 20);
        bed.passes(ip({ from: router, to: client }, icmp({ ...error, body })));
      }
    });

    test(`${family}: local and bypassed services get theirs from the kernel`, () => {
      for (const method of [METHOD.LOCAL, METHOD.BYPASS]) {
        bed.reset();
        begin(family, "tcp", method, 0);
        bed.passes(sent(64));
      }
    });

    test(`${family}: no hop left, a server that is gone: dropped`, () => {
      begin(family, "tcp", METHOD.NAT, 0);
      bed.drops(sent(1));
      bed.changeServer({ number: 0, base: 0 }, 0, { address: server, flags: 0 });
      bed.drops(sent(64));
    });

    test(`${family}: echo and what is no error passes`, () => {
      begin(family, "tcp", METHOD.NAT, 0);
      const types = family === "IPv4" ? [0, 8, 5, 9, 13] : [128, 129, 133, 134, 135, 136, 137];
      for (const type of types) {
        bed.passes(ip({ from: client, to: service }, icmp({ type, body: error.body })));
      }
    });

    test(`${family}: errors about what nobody knows pass`, () => {
      begin(family, "tcp", METHOD.NAT, 0);
      for (const about of [
        ip({ from: service, to: client }, tcp({ ...OUT, to: 40_001 })),
        ip({ from: service, to: client }, udp(OUT)),
        ip({ from: ours, to: client }, tcp(OUT)),
        ip({ from: service, to: client }, icmp({ type: family === "IPv4" ? 8 : 128 })),
        ip(
          { from: service, to: client, part: { at: 8, bytes: 16 } },
          tcp({ ...OUT, data: counting(8) }),
        ),
      ]) {
        bed.passes(ip({ from: router, to: service }, icmp({ ...error, body: about })));
      }
      assert.deepEqual(bed.counters(), {});
    });

    test(`${family}: parts of errors pass`, () => {
      begin(family, "tcp", METHOD.NAT, 0);
      const part = { at: 0, bytes: 32 };
      bed.passes(ip({ from: router, to: service, part }, icmp(error)));
    });

    test(`${family}: a quoted UDP packet without a sum stays without`, () => {
      begin(family, "udp", METHOD.NAT, 53);
      const unsummed = (ports: { from: number; to: number }): Payload =>
        udp({ ...ports, unsummed: true });
      bed.sends(
        ip(
          { from: router, to: service },
          icmp({ ...error, body: ip({ from: service, to: client }, unsummed(OUT)) }),
        ),
        ip(
          { from: router, to: server, hops: 63 },
          icmp({
            ...error,
            body: ip({ from: server, to: client }, unsummed({ ...OUT, from: 53 })),
          }),
        ),
      );
    });

    test(`${family}: an error is one packet of the server's, not of the connection`, () => {
      begin(family, "tcp", METHOD.NAT, 0);
      const { seen: _, ...before } = bed.connection();
      bed.sends(
        sent(64),
        ip(
          { from: router, to: server, hops: 63 },
          icmp({ ...error, body: quote(ip({ from: server, to: client }, tcp(OUT)), 20) }),
        ),
      );
      const { seen: __, ...after } = bed.connection();
      assert.deepEqual(after, before);
      assert.equal(bed.statistics(0).in, 2);
    });
  }

  test("IPv4 options, outside and in the quoted packet", () => {
    begin("IPv4", "tcp", METHOD.NAT, 8080);
    const { client, service, server, router } = PEOPLE.IPv4;
    const options = new Uint8Array(12).fill(1);
    bed.sends(
      ip(
        { from: router, to: service, options },
        icmp({ type: 11, body: ip({ from: service, to: client, options }, tcp(OUT)) }),
      ),
      ip(
        { from: router, to: server, options, hops: 63 },
        icmp({
          type: 11,
          body: ip({ from: server, to: client, options }, tcp({ ...OUT, from: 8080 })),
        }),
      ),
    );
  });

  test("headers of IPv6 outside and in the quoted packet", () => {
    begin("IPv6", "tcp", METHOD.NAT, 8080);
    const { client, service, server, router } = PEOPLE.IPv6;
    const extensions = [
      { kind: PROTO.destinationOptions, body: new Uint8Array(14) },
      { kind: PROTO.fragment, body: concat(u16(0), u16(1, 2)) },
    ];
    bed.sends(
      ip(
        { from: router, to: service, extensions: extensions.slice(0, 1) },
        icmp({ type: 3, body: ip({ from: service, to: client, extensions }, tcp(OUT)) }),
      ),
      ip(
        { from: router, to: server, extensions: extensions.slice(0, 1), hops: 63 },
        icmp({
          type: 3,
          body: ip({ from: server, to: client, extensions }, tcp({ ...OUT, from: 8080 })),
        }),
      ),
    );
  });

  test("a later part that is quoted has no ports, whatever it looks like", () => {
    begin("IPv4", "tcp", METHOD.NAT, 0);
    const { client, service, router } = PEOPLE.IPv4;
    const data = concat(new Uint8Array(4), u16(OUT.from, OUT.to), counting(40));
    const body = ip(
      { from: service, to: client, part: { at: 24, bytes: 40 } },
      tcp({ ...OUT, data }),
    );
    assert.deepEqual([...body.subarray(20, 24)], [...u16(OUT.from, OUT.to)]);
    bed.passes(ip({ from: router, to: service }, icmp({ type: 11, body })));
  });

  test("a quoted UDP sum that comes to nothing is all ones", () => {
    begin("IPv4", "udp", METHOD.NAT, 53);
    const { client, service, server, router } = PEOPLE.IPv4;
    const back = { ...OUT, from: 53 };
    const plain = ip({ from: server, to: client }, udp({ ...back, data: new Uint8Array(2) }));
    const data = plain.slice(26, 28);
    const body = ip({ from: server, to: client }, udp({ ...back, data }));
    assert.deepEqual([...body.subarray(26, 28)], [255, 255]);
    bed.sends(
      ip(
        { from: router, to: service },
        icmp({ type: 11, body: ip({ from: service, to: client }, udp({ ...OUT, data })) }),
      ),
      ip({ from: router, to: server, hops: 63 }, icmp({ type: 11, body })),
    );
  });

  test("a shared server's errors find their service", () => {
    const { client, service, second, server, router } = PEOPLE.IPv4;
    for (const address of [service, second])
      bed.service({ address, servers: [{ address: server }] });
    bed.run(frame(ip({ from: client, to: second }, tcp(IN))));
    bed.sends(
      ip(
        { from: router, to: client },
        icmp({ type: 11, body: ip({ from: client, to: server }, tcp(IN)) }),
      ),
      ip(
        { from: second, to: client, hops: 63 },
        icmp({ type: 11, body: ip({ from: client, to: second }, tcp(IN)) }),
      ),
    );
  });
});
