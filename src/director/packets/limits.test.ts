import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { directorBed, EXPIRED_TICKS, noDirector, VERDICT } from "#kit/director-bed.ts";
import { PEOPLE } from "#kit/director-cases.ts";
import type { Placed } from "#kit/director-tables.ts";
import { frame, ip, tcp, udp } from "#kit/packet.ts";
import { CONFIG_FLAG, CONN_STATE, METHOD } from "#plan/director-numbers.ts";
import { Sweeper } from "../sweeper.ts";

const { client, neighbour, service, server, other } = PEOPLE.IPv4;
const { SYN_RECV, SYNACK, FIN_WAIT, TIME_WAIT } = CONN_STATE;

/** From a port of the client's, or another's. */
const syn = (from: number, source: string = client): Uint8Array =>
  frame(ip({ from: source, to: service }, tcp({ from, to: 80 })));

describe("connections of one client", { skip: noDirector() }, () => {
  const bed = directorBed({ connections: 4096 });
  const verdict = (packet: Uint8Array): number => bed.run(packet).verdict;
  const place = (sourceLimit = 2): Placed =>
    bed.service({ address: service, servers: [{ address: server }], sourceLimit });

  test("beyond the limit there is no server for it, others have theirs", () => {
    place();
    for (const port of [1, 2]) assert.equal(verdict(syn(port)), VERDICT.send);
    assert.equal(verdict(syn(3)), VERDICT.drop);
    assert.deepEqual(bed.counters(), { LIMIT: 1, NO_SERVER: 1 });
    assert.equal(verdict(syn(1)), VERDICT.send, "one it has goes on");
    assert.equal(verdict(syn(1, neighbour)), VERDICT.send);
    assert.deepEqual(bed.sources(), { [client]: 2, [neighbour]: 1 });
  });

  test("what is forgotten may begin again", () => {
    place();
    for (const port of [1, 2]) verdict(syn(port));
    bed.age(EXPIRED_TICKS);
    assert.equal(verdict(syn(1)), VERDICT.send, "in place of its own old one");
    assert.deepEqual(bed.sources(), { [client]: 2 });
    assert.equal(verdict(syn(3)), VERDICT.drop, "the other old one counts until it is swept");
    assert.ok(sweep());
    assert.deepEqual(bed.sources(), { [client]: 1 });
    assert.equal(verdict(syn(3)), VERDICT.send);
    bed.age(EXPIRED_TICKS);
    sweep();
    assert.deepEqual(bed.sources(), {});
  });

  test("IPv6 by networks of 64 bits, IPv4 by addresses", () => {
    const v6 = PEOPLE.IPv6;
    bed.service({ address: v6.service, servers: [{ address: v6.server }], sourceLimit: 2 });
    const from = (source: string, port: number): number =>
      verdict(frame(ip({ from: source, to: v6.service }, tcp({ from: port, to: 80 }))));
    assert.equal(from(v6.client, 1), VERDICT.send);
    assert.equal(from("2001:db8:0:0:ffff:ffff:ffff:ffff", 1), VERDICT.send);
    assert.equal(from(v6.neighbour, 1), VERDICT.drop);
    assert.equal(from("2001:db8:0:1::7", 1), VERDICT.send);
    assert.equal(from("2001:db8::7", 1), VERDICT.send, "one it has goes on");
    assert.deepEqual(bed.sources(), { "2001:db8::": 2, "2001:db8:0:1::": 1 });
  });

  test("IPv6: the sweep takes back and counts anew by the same networks", () => {
    const v6 = PEOPLE.IPv6;
    bed.service({ address: v6.service, servers: [{ address: v6.server }], sourceLimit: 3 });
    const from = (source: string): number =>
      verdict(frame(ip({ from: source, to: v6.service }, tcp({ from: 1, to: 80 }))));
    from(v6.client);
    from(v6.neighbour);
    bed.empty("sources");
    sweep();
    assert.deepEqual(bed.sources(), { "2001:db8::": 2 });
    bed.age(EXPIRED_TICKS);
    sweep();
    assert.deepEqual(bed.sources(), {});
  });

  test("each service by itself, and nothing is kept where there is no limit", () => {
    place(1);
    bed.service({ address: service, protocol: "udp", servers: [{ address: server }] });
    assert.equal(verdict(syn(1)), VERDICT.send);
    const packet = frame(ip({ from: client, to: service }, udp({ from: 1, to: 80 })));
    assert.equal(verdict(packet), VERDICT.send);
    assert.deepEqual(bed.sources(), { [client]: 1 });
  });

  test("what an LRU threw out is found by counting anew", () => {
    const placed = place(3);
    for (const port of [1, 2, 3]) verdict(syn(port));
    verdict(syn(1, neighbour));
    // As the kernel does it: nobody is told.
    const map = bed.map("connections");
    for (const { key, flow } of bed.connections()) {
      if (flow.startsWith(`${client}:1 `) || flow.startsWith(`${client}:2 `)) map.delete(key);
    }
    bed.empty("sources");
    bed.run(syn(9, neighbour));
    // As if it came while the count goes on.
    bed.ageSources(-5000);
    assert.equal(bed.serviceConnections(placed), 5);
    const sweeper = new Sweeper(bed.kernel);
    sweepWith(sweeper);
    assert.deepEqual(bed.sources(), { [neighbour]: 1, [client]: 1 }, "not while it changes");
    bed.ageSources(10_000);
    for (let pass = 0; pass < 60; pass++) sweepWith(sweeper);
    sweeper.close();
    assert.deepEqual(bed.sources(), { [neighbour]: 2, [client]: 1 });
  });

  function sweepWith(sweeper: Sweeper, throwsOut = false): void {
    while (!sweeper.step({ throwsOut, countsSources: true }));
  }

  function sweep(): boolean {
    const sweeper = new Sweeper(bed.kernel);
    sweepWith(sweeper);
    sweeper.close();
    return true;
  }

  test("half-open connections are thrown out, one in 32 of them a second", () => {
    place(0);
    bed.configure({ timeouts: { [SYN_RECV]: 600_000 } });
    for (let port = 1; port <= 640; port++) verdict(syn(port));
    const sweeper = new Sweeper(bed.kernel);
    sweepWith(sweeper);
    assert.equal(bed.connections().length, 640);
    sweepWith(sweeper, true);
    assert.equal(bed.connections().length, 620);
    sweepWith(sweeper, true);
    assert.ok(Math.abs(bed.connections().length - 600.6) < 1);
    sweeper.close();
    assert.deepEqual(bed.load(0), {
      active: bed.connections().length,
      inactive: 0,
      overloaded: 0,
    });
  });

  for (const [name, state] of Object.entries({ SYN_RECV, SYNACK, FIN_WAIT, TIME_WAIT })) {
    const isOpen = name === "SYN_RECV" || name === "SYNACK";
    test(`${name} is ${isOpen ? "" : "not "}half open`, () => {
      place(0);
      verdict(syn(1));
      bed.force(state);
      const sweeper = new Sweeper(bed.kernel);
      for (let pass = 0; pass < 33; pass++) sweepWith(sweeper, true);
      sweeper.close();
      assert.equal(bed.connections().length, isOpen ? 0 : 1);
    });
  }
});

describe("new flows that are dropped", { skip: noDirector() }, () => {
  const bed = directorBed();

  test("one in so many; what is known goes on", () => {
    bed.service({ address: service, servers: [{ address: server }] });
    bed.configure({ dropRate: 1 });
    assert.equal(bed.run(syn(1)).verdict, VERDICT.drop);
    assert.deepEqual(bed.counters(), { DROPPED: 1 });
    bed.configure({ dropRate: 0 });
    assert.equal(bed.run(syn(1)).verdict, VERDICT.send);
    bed.configure({ dropRate: 1 });
    assert.equal(bed.run(syn(1)).verdict, VERDICT.send);
  });

  test("every processor counts", () => {
    bed.service({ address: service, servers: [{ address: server }] });
    bed.configure({ dropRate: 10 });
    for (let port = 1; port <= 400; port++) bed.run(syn(port));
    const dropped = bed.counters()["DROPPED"] ?? 0;
    const begun = bed.connections().length;
    assert.equal(begun + dropped, 400);
    const { length } = bed.map("allowances").lookup(new Uint8Array(4))!;
    assert.ok(dropped <= 40 && dropped > 40 - length / 8, `${dropped}`);
  });
});

describe("a port that is used again", { skip: noDirector() }, () => {
  const bed = directorBed();

  for (const [name, method] of Object.entries(METHOD)) {
    if (method === METHOD.FULLNAT) continue;
    const sees = method === METHOD.NAT;
    test(`${name}: a SYN in FIN_WAIT ${sees ? "goes on" : "begins anew, where it is wanted"}`, () => {
      const two = [server, other].map((address) => ({ address, method }));
      const { base } = bed.service({ address: service, servers: two });
      bed.run(syn(1));
      bed.enable(CONFIG_FLAG.REUSE);
      bed.force(FIN_WAIT);
      bed.run(syn(1));
      assert.equal(bed.connection().server, base, "not wanted");
      bed.enable(CONFIG_FLAG.REUSE, CONFIG_FLAG.REUSE_FIN);
      bed.force(FIN_WAIT);
      bed.run(syn(1));
      assert.equal(bed.connection().server, base + (sees ? 0 : 1));
    });
  }
});
