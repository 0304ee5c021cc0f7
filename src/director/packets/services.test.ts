import assert from "node:assert/strict";
import { test } from "node:test";
import { describeLoops, EXPIRED_TICKS, VERDICT } from "#kit/director-bed.ts";
import { FAMILIES, PEOPLE } from "#kit/director-cases.ts";
import { frame, ip, sctp, tcp, udp } from "#kit/packet.ts";
import {
  CONFIG_FLAG,
  CONN_STATE,
  HASH_KIND,
  METHOD,
  PROGRAM,
  SERVICE_FLAG,
} from "#plan/director-numbers.ts";
import { rowKey } from "../rows.ts";

const { client, stranger, service, second, server, other } = PEOPLE.IPv4;
const two = [{ address: server }, { address: other }];

/* Which service a packet is for, and what begins a connection. */
describeLoops("services", {}, (bed) => {
  const syn = (from: number, to = 80, flags = "S"): Uint8Array =>
    ip({ from: client, to: service }, tcp({ from, to, flags }));
  const destination = (packet: Uint8Array, mark = 0): string => {
    const { verdict, frame: out } = bed.run(frame(packet), { mark });
    return verdict === VERDICT.send ? out.subarray(30, 34).join(".") : `verdict ${verdict}`;
  };

  for (const family of FAMILIES) {
    test(`${family}: by firewall mark, on every port, with replies`, () => {
      const { client, service, second, server } = PEOPLE[family];
      bed.enable(CONFIG_FLAG.MARKS);
      bed.service({ address: service, mark: 7, servers: [{ address: server }] });
      for (const [to, port] of [
        [service, 80],
        [second, 443],
      ] as const) {
        const ports = { from: 40_000, to: port };
        bed.sends(
          ip({ from: client, to }, tcp(ports)),
          ip({ from: client, to: server, hops: 63 }, tcp(ports)),
          { mark: 7 },
        );
        bed.passes(ip({ from: client, to }, tcp({ from: 40_001, to: port })), { mark: 8 });
        bed.passes(ip({ from: client, to }, tcp({ from: 40_001, to: port })));
        const back = tcp({ from: port, to: 40_000, flags: "SA" });
        bed.sends(
          ip({ from: server, to: client }, back),
          ip({ from: to, to: client, hops: 63 }, back),
        );
      }
    });
  }

  test("a mark is of one family", () => {
    bed.enable(CONFIG_FLAG.MARKS);
    bed.service({ address: service, mark: 7, servers: two });
    const { client: client6, service: service6 } = PEOPLE.IPv6;
    bed.passes(ip({ from: client6, to: service6 }, tcp({ from: 1, to: 80 })), { mark: 7 });
  });

  test("a mark is of one protocol: another's packets are for another service, or for none", () => {
    bed.enable(CONFIG_FLAG.MARKS);
    const datagram = ip({ from: client, to: service }, udp({ from: 1, to: 80 }));
    bed.service({ address: service, mark: 7, protocol: "tcp", servers: [{ address: server }] });
    bed.passes(datagram, { mark: 7 });
    bed.passes(ip({ from: client, to: service }, sctp({ from: 1, to: 80 })), { mark: 7 });
    bed.service({ address: service, mark: 7, protocol: "udp", servers: [{ address: other }] });
    assert.equal(destination(syn(1), 7), server);
    assert.equal(destination(datagram, 7), other);
  });

  test("a mark comes before an address, and an unknown one does not hide it", () => {
    bed.enable(CONFIG_FLAG.MARKS);
    bed.service({ address: service, servers: [{ address: server }] });
    bed.service({ address: service, mark: 7, servers: [{ address: other }] });
    assert.equal(destination(syn(1)), server);
    assert.equal(destination(syn(2), 8), server);
    assert.equal(destination(syn(3), 7), other);
    bed.configure({});
    assert.equal(destination(syn(4), 7), server);
  });

  for (const [first, last] of [
    [8000, 8099],
    [1, 1],
    [0, 65_535],
    [65_535, 65_535],
    [1023, 1025],
  ] as const) {
    test(`ports from ${first} to ${last}`, () => {
      bed.enable(CONFIG_FLAG.RANGES);
      bed.service({ address: service, ports: [first, last], servers: [{ address: server }] });
      const inside = [first, last, Math.floor((first + last) / 2)];
      for (const port of inside) assert.equal(destination(syn(9, port)), server, `${port}`);
      const outside = [first - 1, last + 1].filter((port) => port >= 0 && port < 65_536);
      for (const port of outside) bed.passes(syn(9, port));
      bed.passes(ip({ from: client, to: second }, tcp({ from: 9, to: first })));
      bed.passes(ip({ from: client, to: service }, udp({ from: 9, to: first })));
    });
  }

  test("replies of a range keep their port", () => {
    bed.enable(CONFIG_FLAG.RANGES);
    bed.service({ address: service, ports: [8000, 8099], servers: [{ address: server }] });
    bed.run(frame(syn(9, 8042)));
    const back = tcp({ from: 8042, to: 9, flags: "SA" });
    bed.sends(
      ip({ from: server, to: client }, back),
      ip({ from: service, to: client, hops: 63 }, back),
    );
  });

  test("one port comes before a range that has it", () => {
    bed.enable(CONFIG_FLAG.RANGES);
    bed.service({ address: service, ports: [0, 65_535], servers: [{ address: server }] });
    bed.service({ address: service, port: 80, servers: [{ address: other }] });
    assert.equal(destination(syn(1, 80)), other);
    assert.equal(destination(syn(1, 81)), server);
    bed.configure({});
    bed.passes(syn(2, 81));
  });

  for (const flags of ["A", "PA", "FA", "SA", "R", "F", ""]) {
    test(`TCP does not begin with ${flags || "nothing"}`, () => {
      bed.service({ address: service, servers: two });
      bed.drops(syn(1, 80, flags));
      assert.deepEqual(bed.connections(), []);
      assert.equal(bed.counters()["NOT_SYN"], 1);
    });
  }

  test("what does not begin passes where nobody is needed", () => {
    bed.service({ address: service, servers: two, flags: SERVICE_FLAG.BYPASS });
    bed.passes(syn(1, 80, "A"));
  });

  test("sloppy: it begins with any packet but RST, in the state that follows", () => {
    bed.enable(CONFIG_FLAG.SLOPPY);
    bed.service({ address: service, servers: [{ address: server }] });
    for (const [flags, state] of [
      ["A", CONN_STATE.ESTABLISHED],
      ["FA", CONN_STATE.CLOSE],
    ] as const) {
      bed.empty("connections");
      assert.equal(destination(syn(1, 80, flags)), server);
      assert.equal(bed.connection().state, state);
    }
    bed.empty("connections");
    bed.drops(syn(1, 80, "RA"));
    assert.deepEqual(bed.connections(), []);
  });

  test("by a hash, what is in the middle goes where all directors send it", () => {
    const hashed = { program: PROGRAM.HASH, hash: HASH_KIND.SOURCE_PORT };
    bed.service({ address: service, servers: two, ...hashed });
    const places = new Set<string>();
    for (let from = 1; from <= 40; from++) {
      const place = destination(syn(from, 80, "A"));
      assert.equal(destination(syn(from, 80, "PA")), place);
      assert.deepEqual(bed.connections(), []);
      assert.equal(destination(syn(from)), place);
      bed.empty("connections");
      places.add(place);
    }
    assert.deepEqual([...places].sort(), [server, other]);
  });

  for (const [name, hash] of Object.entries(HASH_KIND)) {
    test(`hash ${name}: one server for a client or a flow, all servers for many`, () => {
      const pool = Array.from({ length: 256 }, (_, i) => i % 2);
      bed.service({ address: service, servers: two, program: PROGRAM.HASH, hash, pool });
      const places = new Set<string>();
      for (let i = 1; i < 60; i++) {
        const one = (from: number): string =>
          destination(ip({ from: `192.0.2.${i}`, to: service }, tcp({ from, to: 80 })));
        const place = one(1000);
        bed.empty("connections");
        assert.equal(one(1000), place);
        places.add(place);
        const isOfAddress = ["SOURCE", "DESTINATION", "IPVS_SH", "IPVS_DH", "IPVS_MH"].includes(
          name,
        );
        if (isOfAddress) assert.equal(one(2000), place);
      }
      assert.equal(places.size, ["DESTINATION", "IPVS_DH"].includes(name) ? 1 : 2);
    });
  }

  for (const flags of [0, SERVICE_FLAG.FALLBACK]) {
    test(`IPVS's source hash, its server gone${flags ? ": another is looked for" : ""}`, () => {
      const pool = Array.from({ length: 256 }, (_, i) => i % 2);
      const hashed = { program: PROGRAM.HASH, hash: HASH_KIND.IPVS_SH, pool, flags };
      const placed = bed.service({ address: service, servers: two, ...hashed });
      const place = destination(syn(1));
      const at = place === server ? 0 : 1;
      bed.changeServer(placed, at, { address: place, weight: 0 });
      const elsewhere = place === server ? other : server;
      assert.equal(destination(syn(2)), flags ? elsewhere : `verdict ${VERDICT.drop}`);
    });
  }

  test("over the limit of new flows each goes by its hash, and nothing is kept", () => {
    bed.configure({ newFlows: 5 });
    const method = METHOD.TUN;
    bed.service({
      address: service,
      servers: [
        { address: server, method },
        { address: other, method },
      ],
    });
    bed.exhausted(
      0,
      () => {
        destination(ip({ from: stranger, to: service }, tcp({ from: 1, to: 80 })));
        bed.empty("connections");
      },
      () => {
        const before = bed.counters()["STATELESS"] ?? 0;
        const places = new Set<string>();
        for (let from = 1; from <= 30; from++) {
          const place = destination(syn(from));
          assert.equal(destination(syn(from)), place);
          places.add(place);
        }
        assert.deepEqual([...places].sort(), [server, other]);
        assert.deepEqual(bed.connections(), []);
        assert.equal(bed.counters()["STATELESS"], before + 60);
      },
    );
  });

  for (const name of ["TUN", "NAT"] as const) {
    const goesOn = name === "TUN";
    const fate = goesOn ? "goes the same way" : "is refused: its answers would not be known";
    test(`${name}: what follows of a flow that was one too many ${fate}`, () => {
      bed.configure({ newFlows: 5 });
      const method = METHOD[name];
      const servers = two.map((server) => ({ ...server, method }));
      bed.service({ address: service, servers });
      bed.exhausted(
        0,
        () => {
          destination(ip({ from: stranger, to: service }, tcp({ from: 1, to: 80 })));
          bed.empty("connections");
        },
        () => {
          for (let from = 1; from <= 20; from++) {
            const place = destination(syn(from));
            const next = goesOn ? place : `verdict ${VERDICT.drop}`;
            assert.equal(destination(syn(from, 80, "A")), next);
          }
        },
      );
    });
  }

  test("each processor keeps as many new flows in a second as it may", () => {
    bed.configure({ newFlows: 5 });
    bed.service({ address: service, servers: two });
    for (let tries = 0; ; tries++) {
      assert.ok(tries < 20, "every second ended too soon");
      bed.empty("connections");
      bed.map("allowances").update(rowKey(0), new Uint8Array(bed.map("allowances").slotBytes));
      for (let from = 1; from <= 40; from++) destination(syn(from));
      const cells = new Uint32Array(bed.map("allowances").lookup(rowKey(0))!.buffer);
      const seconds = new Set(cells.filter((second, i) => i % 2 === 0 && second !== 0));
      const used = cells.filter((_, i) => i % 2 === 1);
      const kept = bed.connections().length;
      const counted = used.reduce((all, one) => all + one, 0);
      if (seconds.size !== 1 || counted < kept) continue;
      assert.equal(kept, counted);
      assert.equal(Math.max(...used), 5);
      return;
    }
  });

  test("over the limit of new flows those that are known go on", () => {
    bed.configure({ newFlows: 5 });
    bed.service({ address: service, servers: two });
    const known = [1, 2, 3].map((from) => destination(syn(from)));
    bed.exhausted(
      0,
      () => {
        destination(ip({ from: stranger, to: service }, tcp({ from: 1, to: 80 })));
      },
      () =>
        assert.deepEqual(
          [1, 2, 3].map((from) => destination(syn(from, 80, "A"))),
          known,
        ),
    );
  });

  test("a service's own limit, and when one ends another may come", () => {
    const placed = bed.service({ address: service, servers: [{ address: server }], limit: 2 });
    assert.equal(destination(syn(1)), server);
    assert.equal(destination(syn(2)), server);
    assert.equal(destination(syn(3)), `verdict ${VERDICT.drop}`);
    assert.equal(bed.counters()["LIMIT"], 1);
    assert.equal(destination(syn(2, 80, "A")), server);
    bed.age(EXPIRED_TICKS);
    bed.run(frame(syn(1, 80, "P")));
    assert.equal(bed.serviceConnections(placed), 1);
    assert.equal(destination(syn(3)), server);
    bed.changeService(placed, { limit: 2, flags: SERVICE_FLAG.BYPASS });
    bed.passes(syn(4));
    bed.changeService(placed, { limit: 2, flags: SERVICE_FLAG.REJECT });
    assert.equal(bed.run(frame(syn(5))).frame[14 + 33], 0x14);
  });

  const loads = { A: [0, 5], B: [3, 0] } as const;
  const programs: readonly (readonly [
    name: keyof typeof PROGRAM,
    a: number,
    b: number,
    place: string,
  ])[] = [
    // Overhead is 256 × active + inactive: 5 of A, 768 of B.
    ["LC", 1, 1, server],
    ["WLC", 1, 1000, other],
    ["WLC", 1, 100, server],
    ["SED", 1, 5, other],
    ["SED", 1, 4, server],
    ["NQ", 1, 100, server],
    ["FO", 1, 2, other],
    ["FO", 2, 2, server],
    ["OVF", 1, 4, other],
    ["OVF", 1, 2, server],
    ["LEASTCONN", 1, 9, server],
    ["TWOS", 1, 0, server],
  ];
  for (const [name, a, b, place] of programs) {
    test(`${name}, weights ${a} and ${b}`, () => {
      const servers = [
        { address: server, weight: a },
        { address: other, weight: b },
      ];
      const { base } = bed.service({ address: service, servers, program: PROGRAM[name] });
      for (const [i, [active, inactive]] of Object.values(loads).entries()) {
        const row = new Uint8Array(Int32Array.of(active, inactive, 0, 0).buffer);
        bed.map("loads").update(Uint8Array.of(base + i, 0, 0, 0), row);
      }
      assert.equal(destination(syn(1)), place);
    });
  }
});
