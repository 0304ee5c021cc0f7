import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseIp } from "#base/ip.ts";
import { planFromText } from "#kit/plan.ts";
import { CONNECTION, FLOW } from "#plan/director-layout.ts";
import { CONN_STATE, CONNECTION_FLAG, METHOD } from "#plan/director-numbers.ts";
import { composeDestination } from "../compose.ts";
import type { ServerFacts } from "../facts.ts";
import { ticksOf } from "../ticks.ts";
import { timeoutTicks } from "../timeouts.ts";
import { createCounts } from "./counts.ts";
import { readMessage } from "./decode.ts";
import { MessageWriter } from "./encode.ts";
import { Known } from "./known.ts";
import { Outbox } from "./outbox.ts";
import { Outlet } from "./outlet.ts";
import { type Directing, Places } from "./places.ts";
import { type SyncEntry, WIRE_FLAG } from "./wire.ts";

const S = CONN_STATE;
const PLAN = planFromText(`
director: { interfaces: eth0, localAddresses: 10.0.0.9, sync: { interface: eth1 } }
services:
  web: { bind: 192.0.2.1:80, protocol: [tcp, udp], method: nat, backend: web }
  far: { bind: 192.0.2.1:81, method: fullnat, backend: web }
  mix: { bind: 192.0.2.1:82, method: nat, backend: web }
backends:
  web: { servers: { a: 10.0.0.1:8080 } }
`);
const [WEB, FAR, MIX] = PLAN.services;
const FACTS: ServerFacts = {
  ...{ name: "a", identity: 1, address: parseIp("10.0.0.1")!, port: 8080 },
  ...{ weight: 1, isClosed: false, isDown: false, upper: 0, lower: 0 },
};
/** Rows of `destinations`: one server behind each service. */
const ROWS = [WEB!, FAR!].map((service) => composeDestination(service, FACTS, 5, false));
/** And four of one service, each by a method of its own. */
const OWN = (["nat", "dr", "tun", "fullnat"] as const).map((method, i): ServerFacts => {
  const address = parseIp(method === "nat" ? "10.0.0.2" : `10.0.0.${2 + (i >> 1)}`)!;
  return { ...FACTS, name: method, address, method };
});
const MIXED = ROWS.length;
ROWS.push(...OWN.map((facts) => composeDestination(MIX!, facts, 5, false)));
const DIRECTING: Directing = {
  plan: PLAN,
  epoch: 1,
  rowsOf: (service) =>
    service === MIX
      ? OWN.map((facts, i) => ({ row: MIXED + i, facts }))
      : [{ row: service === WEB ? 0 : 1, facts: FACTS }],
  destination: (row) => ROWS[row],
};
const timeouts = Uint32Array.from(timeoutTicks(PLAN.director!.timeouts));

interface Row {
  readonly port: number;
  state: number;
  /** Seconds. */
  seen: number;
  readonly row?: number;
  readonly flags?: number;
  readonly generation?: number;
}

class Bed {
  readonly counts = createCounts();
  /** What the last pass told. */
  entries: readonly SyncEntry[] = [];
  readonly #outlet: Outlet;
  readonly #outbox: Outbox;
  #told: SyncEntry[] = [];
  #pumpedMs = 0;

  constructor(change: Partial<NonNullable<typeof PLAN.director>["sync"]> = {}) {
    const plan = { ...PLAN.director!.sync!, ...change };
    this.#outbox = new Outbox(plan.pace, new MessageWriter(0, 1472), {
      send: (bytes) => {
        const message = readMessage(bytes);
        assert.ok("entries" in message);
        this.#told.push(...message.entries);
      },
      waits: () => {},
    });
    this.#outlet = new Outlet({
      ...{ plan, places: new Places(DIRECTING), outbox: this.#outbox, counts: this.counts },
      ...{ connections: new Known(4096, 1), templates: new Known(256, 1) },
    });
  }

  tellAll(): void {
    this.#outlet.tellAll();
  }

  get isTellingAll(): boolean {
    return this.#outlet.isTellingAll;
  }

  /**
   * A pass over these; client's port, state and tens of seconds left of what is told. `tellAllAt`:
   * before which of them everything is asked for.
   */
  pass(rows: readonly Row[], nowSeconds: number, tellAllAt = -1): string[] {
    const now = ticksOf(nowSeconds * 1000);
    const keys = new Uint8Array(rows.length * FLOW.BYTES);
    const values = new DataView(new ArrayBuffer(rows.length * CONNECTION.BYTES));
    for (const [i, one] of rows.entries()) {
      const key = new DataView(keys.buffer, i * FLOW.BYTES, FLOW.BYTES);
      keys.set(parseIp("198.51.100.7")!, i * FLOW.BYTES + FLOW.SOURCE);
      keys.set(parseIp("192.0.2.1")!, i * FLOW.BYTES + FLOW.DESTINATION);
      key.setUint16(FLOW.SOURCE_PORT, one.port);
      key.setUint16(FLOW.DESTINATION_PORT, 80);
      key.setUint8(FLOW.PROTOCOL, one.state === S.UDP ? 17 : 6);
      const at = i * CONNECTION.BYTES;
      values.setUint32(at + CONNECTION.DESTINATION, one.row ?? 0, true);
      values.setUint32(at + CONNECTION.GENERATION, one.generation ?? 5, true);
      values.setUint32(at + CONNECTION.SEEN, ticksOf(one.seen * 1000), true);
      values.setUint16(at + CONNECTION.STATE, one.state, true);
      values.setUint16(at + CONNECTION.FLAGS, one.flags ?? 0, true);
    }
    const words = new Int32Array(keys.buffer);
    this.#outlet.begin();
    for (let i = 0; i < rows.length; i++) {
      if (i === tellAllAt) this.tellAll();
      this.#outlet.visit(words, values, i, { now, timeouts });
    }
    this.#outlet.end();
    this.#pumpedMs += 1000;
    for (let ms = 0; ms < 1000; ms += 10) this.#outbox.pump(this.#pumpedMs + ms);
    const told = this.#told;
    this.#told = [];
    this.entries = told;
    const tens = (seconds: number): number => 10 * Math.round(seconds / 10);
    return told.map((one) => `${one.clientPort} ${one.state} ${tens(one.timeoutSeconds)}`);
  }
}

describe("what is told", () => {
  test("a connection once, when it is established, and its end", () => {
    const bed = new Bed();
    const one: Row = { port: 1, state: S.SYN_RECV, seen: 10 };
    assert.deepEqual(bed.pass([one], 10), []);
    one.state = S.ESTABLISHED;
    assert.deepEqual(bed.pass([one], 11), ["1 1 900"]);
    one.seen = 12;
    assert.deepEqual(bed.pass([one], 12), []);
    one.state = S.FIN_WAIT;
    assert.deepEqual(bed.pass([one], 13), ["1 4 120"]);
    one.state = S.TIME_WAIT;
    assert.deepEqual(bed.pass([one], 13), ["1 5 120"]);
    assert.deepEqual(bed.pass([one], 14), []);
    assert.equal(bed.counts.sentConnections, 3);
  });

  test("one that is over before anybody knew of it never is", () => {
    const bed = new Bed();
    const states = [S.TIME_WAIT, S.CLOSE, S.SYN_SENT, S.LAST_ACK, S.SYNACK, S.NONE];
    const rows = states.map((state, port) => ({ port, state, seen: 10 }));
    assert.deepEqual(bed.pass(rows, 10), []);
  });

  for (const state of [S.UDP, S.FIN_WAIT, S.CLOSE_WAIT]) {
    test(`state ${state}: when packets came in two passes`, () => {
      const bed = new Bed();
      const one: Row = { port: 1, state, seen: 10 };
      assert.deepEqual(bed.pass([one], 10), []);
      assert.deepEqual(bed.pass([one], 11), []);
      one.seen = 12;
      assert.equal(bed.pass([one], 12).length, 1);
    });
  }

  test("what goes on is told again before others would forget it", () => {
    const bed = new Bed();
    const one: Row = { port: 1, state: S.ESTABLISHED, seen: 10 };
    bed.pass([one], 10);
    one.seen = 459;
    assert.deepEqual(bed.pass([one], 459), []);
    assert.deepEqual(bed.pass([one], 461), ["1 1 900"]);
    assert.deepEqual(bed.pass([one], 1300), [], "nothing came since");
    const soon = new Bed({ refreshMs: 5000 });
    soon.pass([{ ...one, seen: 10 }], 10);
    assert.deepEqual(soon.pass([{ ...one, seen: 14 }], 14), []);
    assert.deepEqual(soon.pass([{ ...one, seen: 14 }], 16), ["1 1 900"]);
  });

  test("another server is another connection", () => {
    const bed = new Bed();
    const one: Row = { port: 1, state: S.ESTABLISHED, seen: 10 };
    bed.pass([one], 10);
    assert.deepEqual(bed.pass([{ ...one, generation: 6 }], 11), [], "whose row is another's");
    assert.equal(bed.counts.sentConnections, 1);
  });

  test("not what nobody else can go on with", () => {
    const bed = new Bed();
    const at = { state: S.ESTABLISHED, seen: 10 };
    const rows = [
      { ...at, port: 1, flags: CONNECTION_FLAG.PROXIED },
      { ...at, port: 2, row: 1 },
      { ...at, port: 3, row: 9 },
    ];
    assert.deepEqual(bed.pass(rows, 10), []);
    assert.equal(bed.counts.untold, 1);
    const persistent = { ...at, port: 4, flags: CONNECTION_FLAG.PERSISTENT };
    assert.deepEqual(new Bed({ templatesOnly: true }).pass([persistent], 10), []);
    assert.equal(new Bed().pass([persistent], 10).length, 1);
  });

  test("each server by its method, and of FULLNAT nothing", () => {
    const bed = new Bed();
    const rows = OWN.map((_, i) => ({
      ...{ port: 1 + i, state: S.ESTABLISHED, seen: 10, row: MIXED + i },
    }));
    assert.equal(bed.pass(rows, 10).length, 3);
    const { METHOD_MASK, NO_OUTPUT, NAT, DR, TUN } = WIRE_FLAG;
    assert.deepEqual(
      bed.entries.map(({ flags }) => flags & (METHOD_MASK | NO_OUTPUT)),
      [NAT, DR | NO_OUTPUT, TUN | NO_OUTPUT],
    );
    assert.deepEqual(
      bed.entries.map(({ serverPort }) => serverPort),
      [8080, 80, 80],
    );
  });

  test("everything, when somebody asks for it, at the pace there is", () => {
    const bed = new Bed({ pace: 100 });
    const rows = Array.from({ length: 250 }, (_, i): Row => {
      return { port: i, state: i % 2 ? S.ESTABLISHED : S.FIN_WAIT, seen: 10 };
    });
    bed.tellAll();
    const told: string[] = [];
    let passes = 0;
    for (; bed.isTellingAll; passes++) told.push(...bed.pass(rows, 11));
    assert.ok(passes >= 3 && passes <= 6, `${passes} passes`);
    const ports = told.map((line) => Number(line.split(" ")[0]));
    assert.deepEqual(
      ports.sort((a, b) => a - b),
      rows.map(({ port }) => port),
    );
    assert.deepEqual(bed.pass(rows, 12), [], "once");
    bed.tellAll();
    bed.pass(rows, 13);
    bed.tellAll();
    let again = 0;
    while (bed.isTellingAll) again += bed.pass(rows, 14).length;
    assert.ok(again >= 400, "who asks meanwhile is told all of it too");
  });

  test("everything, though it was asked for in the middle of a pass", () => {
    const bed = new Bed();
    const rows = [1, 2, 3, 4].map((port): Row => ({ port, state: S.FIN_WAIT, seen: 10 }));
    const told = bed.pass(rows, 11, 2);
    while (bed.isTellingAll) told.push(...bed.pass(rows, 12));
    assert.deepEqual(told.map((line) => line.split(" ")[0]).sort(), ["1", "2", "3", "4"]);
  });
});

describe("whom another director means", () => {
  const places = new Places(DIRECTING);
  const named = (host: string, port: number, method: number) =>
    places.server(MIX!, parseIp(host)!, { port, servicePort: 82, method })?.method;

  test("by address and port, and by the method where these are of several", () => {
    // 10.0.0.2 is behind nat at port 8080, and behind dr at the service's.
    assert.equal(named("10.0.0.2", 8080, METHOD.NAT), METHOD.NAT);
    assert.equal(named("10.0.0.2", 82, METHOD.DR), METHOD.DR);
    for (const method of [METHOD.NAT, METHOD.DR])
      assert.equal(named("10.0.0.2", 0, method), method);
    // Whatever it is called there, here it is what it is.
    assert.equal(named("10.0.0.2", 82, METHOD.NAT), METHOD.DR);
    assert.equal(named("10.0.0.2", 83, METHOD.DR), undefined);
  });

  test("one that another can go on with comes before one that is this machine's alone", () => {
    assert.equal(named("10.0.0.3", 0, METHOD.NAT), METHOD.TUN);
    assert.equal(named("10.0.0.3", 8080, METHOD.NAT), METHOD.FULLNAT);
  });
});
