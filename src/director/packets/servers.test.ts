import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { directorBed, EXPIRED_TICKS, noDirector, VERDICT } from "#kit/director-bed.ts";
import { FAMILIES, PEOPLE } from "#kit/director-cases.ts";
import type { Placed } from "#kit/director-tables.ts";
import { counting, frame, ip, tcp, udp } from "#kit/packet.ts";
import { frameFaults } from "#kit/packet-check.ts";
import { CONFIG_FLAG, DESTINATION_FLAG, METHOD, SERVICE_FLAG } from "#plan/director-numbers.ts";

const { client, neighbour, stranger, service, second, server, other } = PEOPLE.IPv4;
const two = [{ address: server }, { address: other }];

/* Which server: weights, servers that are gone, thresholds, persistence. */
describe("servers", { skip: noDirector() }, () => {
  const bed = directorBed();
  const say = (
    flags: string,
    from = 40_000,
    source: string = client,
    to: string = service,
  ): number =>
    bed.run(frame(ip({ from: source, to }, tcp({ from, to: 80, flags, seq: 7, ack: 99 })))).verdict;
  /** Which of a service's servers a new connection gets, by its address in the frame. */
  const chosen = (from: number, source: string = client, to: string = service): string => {
    const sent = ip({ from: source, to }, tcp({ from, to: 80 }));
    const { verdict, frame: out } = bed.run(frame(sent));
    if (verdict !== VERDICT.send) return `verdict ${verdict}`;
    return source.includes(":")
      ? Buffer.from(out.subarray(14 + 24, 14 + 40))
          .toString("hex")
          .slice(-1)
      : out.subarray(14 + 16, 14 + 20).join(".");
  };

  test("take turns", () => {
    bed.service({ address: service, servers: two, pool: [0, 1, 1] });
    const all = [1, 2, 3, 4, 5, 6].map((from) => chosen(from));
    assert.deepEqual(all, [server, other, other, server, other, other]);
  });

  test("weight 0: connections go on, new ones go elsewhere", () => {
    const placed = bed.service({ address: service, servers: two });
    assert.equal(chosen(1), server);
    bed.changeServer(placed, 0, { address: server, weight: 0 });
    for (const from of [2, 3, 4]) assert.equal(chosen(from), other);
    assert.equal(chosen(1), server);
    bed.changeServer(placed, 1, { address: other, weight: 0 });
    bed.drops(ip({ from: client, to: service }, tcp({ from: 5, to: 80 })));
    assert.equal(chosen(1), server);
  });

  test("no longer configured: connections go on, persistent clients go elsewhere", () => {
    const placed = bed.service({ address: service, servers: two, persistTicks: 5000 });
    assert.equal(chosen(1), server);
    assert.equal(chosen(2), server, "as its template says");
    const flags = DESTINATION_FLAG.PRESENT | DESTINATION_FLAG.LEAVING;
    bed.changeServer(placed, 0, { address: server, weight: 0, flags });
    assert.equal(chosen(3), other);
    assert.equal(chosen(1), server);
  });

  const { PRESENT, CLOSED, ENDS } = DESTINATION_FLAG;
  const close = (placed: Placed, more = 0): void =>
    bed.changeServer(placed, 0, {
      ...{ address: server, weight: 0, flags: PRESENT | CLOSED | more },
    });

  test("down: connections go on, persistent clients go elsewhere", () => {
    const placed = bed.service({ address: service, servers: two, persistTicks: 5000 });
    assert.equal(chosen(1), server);
    close(placed);
    assert.equal(chosen(2), other);
    assert.equal(chosen(1), server);
    bed.changeServer(placed, 0, { address: server });
    assert.equal(chosen(3), other, "the template is the other's now");
  });

  test("down: a connection is as young as its last packet, a flow of UDP does not get younger", () => {
    for (const [protocol, isKept] of [
      ["tcp", false],
      ["udp", true],
    ] as const) {
      bed.reset();
      const placed = bed.service({ address: service, protocol, servers: two });
      const layer4 = protocol === "tcp" ? tcp({ from: 1, to: 80 }) : udp({ from: 1, to: 80 });
      const packet = frame(ip({ from: client, to: service }, layer4));
      bed.run(packet);
      bed.age(100);
      const { seen } = bed.connection();
      close(placed);
      bed.run(packet);
      assert.equal(bed.connection().seen === seen, isKept, protocol);
    }
  });

  test("down, and its connections end: a reset; a SYN and UDP begin anew elsewhere", () => {
    const placed = bed.service({ address: service, servers: two });
    assert.equal(chosen(1), server);
    close(placed, ENDS);
    const reset = bed.run(
      frame(ip({ from: client, to: service }, tcp({ from: 1, to: 80, flags: "A" }))),
    );
    assert.equal(reset.frame[14 + 20 + 13], 4);
    assert.equal(chosen(1), other);
    assert.deepEqual(bed.load(placed.base), { active: 0, inactive: 0, overloaded: 0 });
    bed.reset();
    const third = bed.service({ address: service, protocol: "udp", servers: two });
    const sent = ip({ from: client, to: service }, udp({ from: 1, to: 80 }));
    bed.run(frame(sent));
    close(third, ENDS);
    bed.sends(sent, ip({ from: client, to: other, hops: 63 }, udp({ from: 1, to: 80 })));
  });

  test("a negative weight is none", () => {
    bed.service({
      address: service,
      servers: [{ address: server, weight: -1 }, { address: other }],
    });
    for (const from of [1, 2, 3]) assert.equal(chosen(from), other);
  });

  test("a pool with holes, an empty pool", () => {
    const placed = bed.service({ address: service, servers: two, pool: [0xffff, 1, 0xffff] });
    for (const from of [1, 2, 3]) assert.equal(chosen(from), other);
    bed.pool(placed, []);
    assert.equal(chosen(4), `verdict ${VERDICT.drop}`);
    assert.deepEqual(bed.counters(), { NO_SERVER: 1 });
  });

  const gone = (placed: Placed): void => bed.changeServer(placed, 0, { address: server, flags: 0 });

  test("one that is gone: in silence, until it is there again", () => {
    const placed = bed.service({ address: service, servers: [{ address: server }] });
    say("S");
    gone(placed);
    for (const flags of ["A", "S", "PA", "R"]) assert.equal(say(flags), VERDICT.drop);
    bed.drops(ip({ from: server, to: client }, tcp({ from: 80, to: 40_000, flags: "SA" })));
    assert.equal(bed.connections().length, 1);
    assert.deepEqual(bed.counters(), { NO_DESTINATION: 4 });
    bed.changeServer(placed, 0, { address: server });
    assert.equal(say("A"), VERDICT.send);
  });

  test("one that is gone, clients being told: a reset, and the connection is over", () => {
    const placed = bed.service({ address: service, servers: [{ address: server }] });
    say("S");
    gone(placed);
    bed.enable(CONFIG_FLAG.EXPIRE_NODEST);
    const sent = ip(
      { from: client, to: service },
      tcp({ from: 40_000, to: 80, flags: "PA", seq: 7, ack: 99, data: counting(5) }),
    );
    const { verdict, frame: out } = bed.run(frame(sent));
    assert.equal(verdict, VERDICT.send);
    assert.deepEqual(frameFaults(out), []);
    const fields = new DataView(out.buffer, out.byteOffset + 34);
    assert.deepEqual([fields.getUint32(4), fields.getUint32(8), out[14 + 20 + 13]], [99, 0, 4]);
    assert.deepEqual(bed.connections(), []);
    assert.deepEqual(bed.load(placed.base), { active: 0, inactive: 0, overloaded: 0 });
  });

  test("one that is gone, the service's clients being told: a reset", () => {
    const placed = bed.service({ address: service, servers: [{ address: server }] });
    say("S");
    gone(placed);
    assert.equal(say("A"), VERDICT.drop);
    bed.changeService(placed, { flags: SERVICE_FLAG.RESET });
    assert.equal(say("A"), VERDICT.send);
    assert.deepEqual(bed.connections(), []);
  });

  test("one that is gone, clients being told: a SYN and UDP begin anew elsewhere", () => {
    bed.enable(CONFIG_FLAG.EXPIRE_NODEST);
    const placed = bed.service({ address: service, servers: two });
    assert.equal(chosen(1), server);
    gone(placed);
    assert.equal(chosen(1), other);
    assert.equal(bed.serviceConnections(placed), 1);
    bed.reset();
    bed.enable(CONFIG_FLAG.EXPIRE_NODEST);
    const third = bed.service({ address: service, protocol: "udp", servers: two });
    const sent = ip({ from: client, to: service }, udp({ from: 1, to: 80 }));
    bed.run(frame(sent));
    gone(third);
    bed.sends(sent, ip({ from: client, to: other, hops: 63 }, udp({ from: 1, to: 80 })));
  });

  test("a row that is another server's by now is not followed", () => {
    const placed = bed.service({ address: service, servers: [{ address: server }] });
    say("S");
    say("A");
    bed.changeServer(placed, 0, { address: other, generation: 2 });
    assert.equal(say("A"), VERDICT.drop);
    bed.drops(ip({ from: server, to: client }, tcp({ from: 80, to: 40_000, flags: "A" })));
    assert.deepEqual(bed.load(placed.base), { active: 1, inactive: 0, overloaded: 0 });
    bed.enable(CONFIG_FLAG.EXPIRE_NODEST);
    assert.equal(say("S"), VERDICT.send);
    assert.equal(bed.connection().generation, 2);
    // The new server's counts are its own: what the old one left is for control to clear.
    assert.deepEqual(bed.load(placed.base), { active: 2, inactive: 0, overloaded: 0 });
  });

  const end = (from: number): void => {
    bed.age(EXPIRED_TICKS);
    say("P", from);
  };
  for (const { lower, clear } of [
    { lower: 0, clear: 2 },
    { lower: 2, clear: 1 },
    { lower: 4, clear: 3 },
  ]) {
    test(`upper threshold 4, lower ${lower || "none"}: full at 4, open again at ${clear}`, () => {
      const full = { address: server, upper: 4, lower };
      const placed = bed.service({
        address: service,
        servers: [full, { address: other }],
        pool: [0, 0, 0, 0, 0, 0, 1],
      });
      for (let from = 1; from <= 4; from++) assert.equal(chosen(from), server);
      assert.equal(bed.load(placed.base).overloaded, 1);
      assert.equal(chosen(5), other);
      for (let left = 3; left >= clear; left--) {
        assert.equal(bed.load(placed.base).overloaded, 1, `${left + 1} connections`);
        end(4 - left);
        assert.equal(bed.load(placed.base).active, left);
      }
      assert.equal(bed.load(placed.base).overloaded, 0);
      bed.pool(placed, [0]);
      assert.equal(chosen(6), server);
    });
  }

  test("one that fills most of the table and is full leaves new ones to the others", () => {
    const full = { address: server, upper: 1 };
    const pool = [...new Array<number>(200).fill(0), 1];
    const placed = bed.service({ address: service, servers: [full, { address: other }], pool });
    bed.pool(placed, pool, Uint16Array.of(0, 1));
    assert.equal(chosen(1), server);
    for (let from = 2; from < 10; from++) assert.equal(chosen(from), other);
    bed.changeServer(placed, 1, { address: other, weight: 0 });
    assert.equal(chosen(10), `verdict ${VERDICT.drop}`);
  });

  test("a threshold that is taken away holds nobody off", () => {
    const placed = bed.service({ address: service, servers: [{ address: server, upper: 1 }] });
    assert.equal(chosen(1), server);
    assert.equal(chosen(2), `verdict ${VERDICT.drop}`);
    bed.changeServer(placed, 0, { address: server });
    assert.equal(chosen(2), server);
  });

  test("connections of both kinds count towards a threshold", () => {
    const placed = bed.service({ address: service, servers: [{ address: server, upper: 2 }] });
    say("S", 1);
    say("FA", 1);
    say("S", 2);
    assert.deepEqual(bed.load(placed.base), { active: 1, inactive: 1, overloaded: 1 });
  });

  const persistent = {
    address: service,
    servers: two,
    persistTicks: 5000,
    prefix4: 24,
    prefix6: 64,
  };

  test("persistence: a network stays with its server, another takes turns", () => {
    bed.service(persistent);
    assert.equal(chosen(1), server);
    for (const from of [2, 3]) assert.equal(chosen(from), server);
    assert.equal(chosen(4, neighbour), server);
    assert.equal(chosen(5, stranger), other);
    assert.equal(
      bed.connections().every(({ flags }) => (flags & 8) !== 0),
      true,
    );
    assert.equal([...bed.map("templates").keys()].length, 2);
  });

  test("persistence by single addresses, and by all of them", () => {
    const placed = bed.service({ ...persistent, prefix4: 32 });
    assert.equal(chosen(1), server);
    assert.equal(chosen(2, neighbour), other);
    bed.changeService(placed, { ...persistent, prefix4: 0 });
    assert.equal(chosen(3), server);
    assert.equal(chosen(4, stranger), server);
  });

  test("persistence in IPv6", () => {
    const { client, neighbour, stranger, service, server, other } = PEOPLE.IPv6;
    const servers = [{ address: server }, { address: other }];
    bed.service({ ...persistent, address: service, servers });
    assert.equal(chosen(1, client, service), "2");
    assert.equal(chosen(2, neighbour, service), "2");
    assert.equal(chosen(3, stranger, service), "3");
  });

  test("persistence ends some time after the last new connection", () => {
    bed.service(persistent);
    assert.equal(chosen(1), server);
    bed.ageTemplates(4000);
    assert.equal(chosen(2), server);
    bed.ageTemplates(4000);
    assert.equal(chosen(3), server);
    bed.ageTemplates(5500);
    assert.equal(chosen(4), other);
    assert.equal(chosen(5), other);
  });

  test("persistence and a server of weight 0, which may or may not keep its clients", () => {
    const placed = bed.service(persistent);
    assert.equal(chosen(1), server);
    bed.changeServer(placed, 0, { address: server, weight: 0 });
    assert.equal(chosen(2), server);
    bed.enable(CONFIG_FLAG.EXPIRE_QUIESCENT);
    assert.equal(chosen(3), other);
    assert.equal(chosen(4), other);
    assert.equal(chosen(2), server);
  });

  test("persistence does not lead to a server that is gone or another", () => {
    const placed = bed.service(persistent);
    assert.equal(chosen(1), server);
    gone(placed);
    assert.equal(chosen(2), other);
    bed.changeServer(placed, 1, { address: other, generation: 2 });
    bed.changeServer(placed, 0, { address: server });
    bed.pool(placed, [0]);
    assert.equal(chosen(3), server);
  });

  test("persistence with servers that came into rows of others", () => {
    const servers = two.map((one) => ({ ...one, generation: 7 }));
    bed.service({ ...persistent, servers });
    for (const from of [1, 2, 3]) assert.equal(chosen(from), server);
  });

  test("persistence of two services is not the same", () => {
    bed.service(persistent);
    bed.service({ ...persistent, address: second, pool: [1] });
    assert.equal(chosen(1), server);
    assert.equal(chosen(2, client, second), other);
    assert.equal(chosen(3), server);
  });

  test("persistence where every packet is by itself", () => {
    bed.service({ ...persistent, protocol: "udp", flags: SERVICE_FLAG.ONE_PACKET });
    const say = (from: string, port: number): string => {
      const { frame: out } = bed.run(frame(ip({ from, to: service }, udp({ from: port, to: 80 }))));
      return [...out.subarray(30, 34)].join(".");
    };
    for (const port of [1, 2]) {
      assert.equal(say(client, port), server);
      assert.equal(say(neighbour, port), server);
      assert.equal(say(stranger, port), other);
    }
    assert.deepEqual(bed.connections(), []);
  });

  for (const family of FAMILIES) {
    test(`a service of one packet keeps nothing, over ${family}`, () => {
      const { client, service, server, other } = PEOPLE[family];
      const servers = [{ address: server }, { address: other, method: METHOD.DR }];
      const flags = SERVICE_FLAG.ONE_PACKET;
      const { base } = bed.service({ address: service, protocol: "udp", servers, flags });
      const sent = ip({ from: client, to: service }, udp({ from: 1, to: 80 }));
      bed.sends(sent, ip({ from: client, to: server, hops: 63 }, udp({ from: 1, to: 80 })));
      bed.sends(sent, ip({ from: client, to: service, hops: 63 }, udp({ from: 1, to: 80 })));
      assert.deepEqual(bed.connections(), []);
      assert.equal(bed.statistics(base).in, 1);
      assert.deepEqual(bed.load(base), { active: 0, inactive: 0, overloaded: 0 });
    });
  }
});
