import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { directorBed, EXPIRED_TICKS, noDirector, VERDICT } from "#kit/director-bed.ts";
import { FAMILIES, PEOPLE, PROTOCOLS, TRANSPORTS } from "#kit/director-cases.ts";
import { concat, counting, frame, ip, PROTO, tcp, u16, udp, withWord } from "#kit/packet.ts";
import { frameFaults } from "#kit/packet-check.ts";

const { client, stranger, service, second, server, other } = PEOPLE.IPv4;
const IN = { from: 40_000, to: 80 };
const OUT = { from: 80, to: 40_000 };

describe("NAT", { skip: noDirector() }, () => {
  const bed = directorBed();

  for (const family of FAMILIES) {
    const { client, service, server } = PEOPLE[family];
    for (const protocol of PROTOCOLS) {
      const payload = TRANSPORTS[protocol];
      for (const port of [0, 8080]) {
        test(`${protocol} over ${family}${port ? ", to another port" : ""}`, () => {
          const servers = [{ address: server, port }];
          const { base } = bed.service({ address: service, protocol, servers });
          bed.sends(
            ip({ from: client, to: service, class: 0xb9 }, payload(IN)),
            ip(
              { from: client, to: server, class: 0xb9, hops: 63 },
              payload({ ...IN, to: port || 80 }),
            ),
          );
          bed.sends(
            ip({ from: server, to: client, hops: 9 }, payload({ ...OUT, from: port || 80 })),
            ip({ from: service, to: client, hops: 8 }, payload(OUT)),
            { ingress: bed.back },
          );
          const { connections, in: packetsIn, out } = bed.statistics(base);
          assert.deepEqual(
            { connections, packetsIn, out },
            { connections: 1, packetsIn: 1, out: 1 },
          );
          assert.equal(bed.connection().interface, bed.front);
        });
      }
    }
  }

  test("replies go out where the client's last packet came in", () => {
    bed.service({ address: service, servers: [{ address: server }] });
    for (const ingress of [bed.front, bed.back, bed.front]) {
      bed.run(frame(ip({ from: client, to: service }, tcp(IN))), { ingress });
      bed.run(frame(ip({ from: server, to: client }, tcp({ ...OUT, flags: "SA" }))));
      assert.equal(bed.connection().interface, ingress);
    }
  });

  test("bytes are counted from layer 3 on, without padding", () => {
    const { base } = bed.service({ address: service, servers: [{ address: server }] });
    const sent = ip({ from: client, to: service }, tcp(IN));
    const padded = concat(frame(sent), new Uint8Array(6));
    assert.equal(bed.run(padded).verdict, VERDICT.send);
    assert.equal(bed.statistics(base).inBytes, 40);
  });

  test("options of IPv4 stay, and ports are found behind them", () => {
    bed.service({ address: service, servers: [{ address: server, port: 8080 }] });
    for (const length of [4, 12, 40]) {
      const options = new Uint8Array(length).fill(1);
      bed.sends(
        ip({ from: client, to: service, options }, tcp(IN)),
        ip({ from: client, to: server, options, hops: 63 }, tcp({ ...IN, to: 8080 })),
      );
    }
  });

  const behind = (length: number): Uint8Array => new Uint8Array(length - 2);
  const chains = {
    "hop-by-hop options": [{ kind: PROTO.hopByHop, body: behind(8) }],
    "a routing header": [{ kind: PROTO.routing, body: behind(24) }],
    "destination options": [{ kind: PROTO.destinationOptions, body: behind(16) }],
    "a fragment header of the whole": [{ kind: PROTO.fragment, body: concat(u16(0), u16(1, 2)) }],
    "all of them": [
      { kind: PROTO.hopByHop, body: behind(16) },
      { kind: PROTO.destinationOptions, body: behind(8) },
      { kind: PROTO.routing, body: behind(8) },
      { kind: PROTO.fragment, body: concat(u16(0), u16(1, 2)) },
      { kind: PROTO.destinationOptions, body: behind(64) },
    ],
  };
  for (const [name, extensions] of Object.entries(chains)) {
    test(`IPv6 with ${name}`, () => {
      const { client, service, server } = PEOPLE.IPv6;
      bed.service({ address: service, servers: [{ address: server, port: 8080 }] });
      bed.sends(
        ip({ from: client, to: service, extensions, label: 0xabcde }, tcp(IN)),
        ip(
          { from: client, to: server, extensions, label: 0xabcde, hops: 63 },
          tcp({ ...IN, to: 8080 }),
        ),
      );
    });
  }

  test("more headers than are followed: it is the kernel's", () => {
    const { client, service, server } = PEOPLE.IPv6;
    bed.service({ address: service, servers: [{ address: server }] });
    const extensions = Array.from({ length: 7 }, () => ({
      kind: PROTO.destinationOptions,
      body: behind(8),
    }));
    bed.passes(ip({ from: client, to: service, extensions }, tcp(IN)));
  });

  test("UDP without a sum stays without one", () => {
    bed.service({ address: service, protocol: "udp", servers: [{ address: server, port: 53 }] });
    bed.sends(
      ip({ from: client, to: service }, udp({ ...IN, unsummed: true })),
      ip({ from: client, to: server, hops: 63 }, udp({ ...IN, to: 53, unsummed: true })),
    );
  });

  for (const port of [0, 53]) {
    test(`a UDP sum that comes to nothing is all ones${port ? ", also by its port" : ""}`, () => {
      bed.service({ address: service, protocol: "udp", servers: [{ address: server, port }] });
      const to = port || 80;
      const plain = ip({ from: client, to: server }, udp({ ...IN, to, data: new Uint8Array(2) }));
      // What stands there now, as data, takes the sum to nothing.
      const data = plain.slice(26, 28);
      const expected = ip({ from: client, to: server, hops: 63 }, udp({ ...IN, to, data }));
      assert.deepEqual([...expected.slice(26, 28)], [255, 255]);
      bed.sends(ip({ from: client, to: service }, udp({ ...IN, data })), expected);
    });
  }

  test("a wrong sum is not made right", () => {
    bed.service({ address: service, servers: [{ address: server, port: 8080 }] });
    const good = frame(ip({ from: client, to: service }, tcp(IN)));
    const bad = withWord(good, 14 + 36, (good[50]! * 256 + good[51]! + 5) & 0xffff);
    const outcome = bed.run(bad);
    assert.deepEqual(frameFaults(outcome.frame), ["IPv4 TCP: sum"]);
  });

  test("each of two services that share a server's port gets its replies", () => {
    const servers = [{ address: server, port: 8080 }];
    bed.service({ address: service, servers });
    bed.service({ address: second, servers });
    for (const [from, to] of [
      [40_001, service],
      [40_002, second],
    ] as const) {
      bed.sends(
        ip({ from: client, to }, tcp({ from, to: 80 })),
        ip({ from: client, to: server, hops: 63 }, tcp({ from, to: 8080 })),
      );
    }
    for (const [port, from] of [
      [40_002, second],
      [40_001, service],
    ] as const) {
      bed.sends(
        ip({ from: server, to: client }, tcp({ from: 8080, to: port, flags: "SA" })),
        ip({ from, to: client, hops: 63 }, tcp({ from: 80, to: port, flags: "SA" })),
      );
    }
  });

  test("a connection from before its server was shared goes on", () => {
    bed.service({ address: service, servers: [{ address: server, port: 8080 }] });
    bed.run(frame(ip({ from: client, to: service }, tcp(IN))));
    bed.service({ address: second, servers: [{ address: server, port: 8080 }] });
    bed.sends(
      ip({ from: server, to: client }, tcp({ from: 8080, to: 40_000, flags: "SA" })),
      ip({ from: service, to: client, hops: 63 }, tcp({ ...OUT, flags: "SA" })),
    );
  });

  for (const [name, to, port] of [
    ["address", second, 80],
    ["port", service, 81],
  ] as const) {
    test(`of a client's connections to two services, by ${name}, the later has the replies`, () => {
      const servers = [{ address: server, port: 8080 }];
      bed.service({ address: service, servers });
      bed.service({ address: to, port, servers });
      const say = (to: string, port: number, flags: string): unknown =>
        bed.run(frame(ip({ from: client, to }, tcp({ ...IN, to: port, flags }))));
      say(service, 80, "S");
      bed.age(EXPIRED_TICKS);
      say(to, port, "S");
      // The first is over: its end does not take the second's replies away.
      say(service, 80, "P");
      assert.equal(bed.connections().length, 1);
      assert.equal([...bed.map("replies").keys()].length, 1);
      bed.sends(
        ip({ from: server, to: client }, tcp({ from: 8080, to: 40_000, flags: "SA" })),
        ip({ from: to, to: client, hops: 63 }, tcp({ ...OUT, from: port, flags: "SA" })),
      );
    });
  }

  test("one service's server on any port, another's on one of them", () => {
    bed.service({ address: service, servers: [{ address: server, port: 80 }] });
    bed.service({ address: second, servers: [{ address: server }] });
    bed.sends(
      ip({ from: client, to: service }, tcp(IN)),
      ip({ from: client, to: server, hops: 63 }, tcp(IN)),
    );
    bed.sends(
      ip({ from: server, to: client }, tcp({ ...OUT, flags: "SA" })),
      ip({ from: service, to: client, hops: 63 }, tcp({ ...OUT, flags: "SA" })),
    );
  });

  test("packets of a server that answer nobody are the kernel's", () => {
    bed.service({ address: service, servers: [{ address: server, port: 8080 }] });
    bed.passes(ip({ from: server, to: stranger }, tcp({ from: 8080, to: 1234, flags: "A" })));
    bed.passes(ip({ from: server, to: client }, tcp({ from: 22, to: 40_000, flags: "A" })));
  });

  test("another server does not speak in a connection", () => {
    bed.service({
      address: service,
      servers: [
        { address: server, port: 8080 },
        { address: other, port: 8080 },
      ],
      pool: [0],
    });
    bed.run(frame(ip({ from: client, to: service }, tcp(IN))));
    bed.passes(ip({ from: other, to: client }, tcp({ from: 8080, to: 40_000, flags: "R" })));
    assert.equal(bed.connection().state, 3);
  });

  test("without translating services nobody looks at replies", () => {
    bed.service({ address: service, servers: [{ address: server }] });
    bed.run(frame(ip({ from: client, to: service }, tcp(IN))));
    bed.configure({ flags: 0 });
    bed.passes(ip({ from: server, to: client }, tcp({ ...OUT, flags: "SA" })));
  });

  test("no way to the server: dropped and counted", () => {
    bed.service({ address: service, servers: [{ address: server, interface: 0 }] });
    bed.drops(ip({ from: client, to: service }, tcp(IN)));
    assert.deepEqual(bed.counters(), { NO_ROUTE: 1 });
  });

  test("a reply that has no hop left is dropped", () => {
    bed.service({ address: service, servers: [{ address: server }] });
    bed.run(frame(ip({ from: client, to: service }, tcp(IN))));
    bed.drops(ip({ from: server, to: client, hops: 1 }, tcp({ ...OUT, flags: "SA" })));
    assert.deepEqual(bed.counters(), { TTL: 1 });
  });

  test("every packet to another address, port or protocol passes", () => {
    bed.service({ address: service, servers: [{ address: server }] });
    bed.passes(ip({ from: client, to: second }, tcp(IN)));
    bed.passes(ip({ from: client, to: service }, tcp({ ...IN, to: 81 })));
    bed.passes(ip({ from: client, to: service }, udp(IN)));
    bed.passes(ip({ from: PEOPLE.IPv6.client, to: PEOPLE.IPv6.service }, tcp(IN)));
    bed.passes(ip({ from: client, to: service }, () => ({ protocol: 50, bytes: counting(40) })));
    assert.deepEqual(bed.connections(), []);
  });
});
