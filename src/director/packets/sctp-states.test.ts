import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { directorBed, noDirector, VERDICT } from "#kit/director-bed.ts";
import { PEOPLE } from "#kit/director-cases.ts";
import { CHUNK, counting, frame, ip, sctp } from "#kit/packet.ts";
import { CONFIG_FLAG, CONN_STATE, METHOD, SERVICE_FLAG } from "#plan/director-numbers.ts";
import { stateName } from "../status.ts";

/*
 * Where packets take an association, as IPVS has it: from each state, in the order below, by the
 * first chunk of a packet.
 */

const STATES = {
  NO: CONN_STATE.SCTP_NONE,
  I1: CONN_STATE.SCTP_INIT1,
  IN: CONN_STATE.SCTP_INIT,
  CS: CONN_STATE.SCTP_COOKIE_SENT,
  CR: CONN_STATE.SCTP_COOKIE_REPLIED,
  CW: CONN_STATE.SCTP_COOKIE_WAIT,
  CO: CONN_STATE.SCTP_COOKIE,
  CE: CONN_STATE.SCTP_COOKIE_ECHOED,
  ES: CONN_STATE.SCTP_ESTABLISHED,
  SS: CONN_STATE.SCTP_SHUTDOWN_SENT,
  SR: CONN_STATE.SCTP_SHUTDOWN_RECEIVED,
  SA: CONN_STATE.SCTP_SHUTDOWN_ACK_SENT,
  RJ: CONN_STATE.SCTP_REJECTED,
  CL: CONN_STATE.SCTP_CLOSED,
} as const;
type StateName = keyof typeof STATES;
const NAMES = Object.keys(STATES) as StateName[];
const nameOf = (state: number): string =>
  NAMES.find((name) => STATES[name] === state) ?? `${state}`;

/** Chunks that say no more than DATA; the last is of no RFC. */
const AS_DATA = [
  CHUNK.data,
  CHUNK.sack,
  CHUNK.heartbeat,
  CHUNK.heartbeatAck,
  CHUNK.ecne,
  CHUNK.cwr,
];
const UNKNOWN = [15, 16, 63, 64, 130, 192, 255];

type Chunk = keyof typeof CHUNK;
type Rows = Readonly<Partial<Record<Chunk, string>>>;
const TABLES: Readonly<Record<string, Rows>> = {
  "what the client sends, where the server is seen too": {
    //                 NO I1 IN CS CR CW CO CE ES SS SR SA RJ CL
    data: "            ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL",
    init: "            I1 IN IN CS CR CW CO CE ES SS SR SA IN IN",
    initAck: "         CW CW CW CS CR CO CO CE ES SS SR SA RJ CL",
    cookieEcho: "      CR IN IN CR CR CW CO CE ES SS SR SA RJ CL",
    cookieAck: "       ES I1 IN CS CR CW CO ES ES SS SR SA RJ CL",
    shutdown: "        SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL",
    shutdownAck: "     CL IN IN CS CR CW CO CE ES CL SR CL RJ CL",
    shutdownComplete: "CL CL CL CS CR CW CO CE ES SS SR CL RJ CL",
    error: "           CL I1 IN CS CR CW CO CL ES SS SR SA RJ CL",
    abort: "           CL CL CL CL CL RJ CL CL CL CL CL CL CL CL",
  },
  "what the server sends": {
    data: "            ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL",
    init: "            CW CW CW CW CW CW CW CW ES CW CW CW CW CW",
    initAck: "         CS CS CS CS CR CW CO CE ES SS SR SA RJ CL",
    cookieEcho: "      CE CE CE CE CE CE CE CE ES SS SR SA RJ CL",
    cookieAck: "       ES ES ES ES ES ES ES ES ES SS SR SA RJ CL",
    shutdown: "        SS SS SS SS SS SS SS SS SS SS SR SA RJ CL",
    shutdownAck: "     SA SA SA SA SA CW CO CE ES SA SA SA RJ CL",
    shutdownComplete: "CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL",
    error: "           CL CL CL CL CL CW CO CE ES SS SR SA RJ CL",
    abort: "           CL RJ CL CL CL CL CL CL CL CL CL CL CL CL",
  },
  "what the client sends, where the server is not seen": {
    data: "            ES I1 IN CS CR ES CO CE ES SS SR SA RJ CL",
    init: "            I1 IN IN IN IN IN CO CE ES SS SR SA IN IN",
    initAck: "         CE CE CE CE CE CE CO CE ES SS SR SA RJ CL",
    cookieEcho: "      ES ES ES ES ES ES CO CE ES SS SR SA RJ CL",
    cookieAck: "       ES I1 IN ES ES CW ES ES ES SS SR SA RJ CL",
    shutdown: "        SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL",
    shutdownAck: "     CL IN IN CS CR CW CO CE CL CL SR CL RJ CL",
    shutdownComplete: "CL CL CL CL CL CW CO CE ES SS CL CL RJ CL",
    error: "           CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL",
    abort: "           CL CL CL CL CL RJ CL CL CL CL CL CL CL CL",
  },
};

const { client, service, server, other } = PEOPLE.IPv4;
const IN = { from: 40_000, to: 80 };
const OUT = { from: 80, to: 40_000 };

describe("states of SCTP", { skip: noDirector() }, () => {
  const bed = directorBed();
  const sends = (packet: Uint8Array) => bed.run(frame(packet)).verdict;
  const say = (chunk: number, more: readonly number[] = [], data = counting(16)) =>
    sends(ip({ from: client, to: service }, sctp({ ...IN, chunk, more, data })));
  const hear = (chunk: number) =>
    sends(ip({ from: server, to: client }, sctp({ ...OUT, chunk, data: counting(16) })));
  const serve = (...servers: readonly { readonly address: string; readonly method?: number }[]) =>
    bed.service({ address: service, protocol: "sctp", servers });
  const state = () => nameOf(bed.connection().state);

  for (const [who, rows] of Object.entries(TABLES)) {
    const speak = who.includes("server sends") ? hear : say;
    const method = who.includes("not seen") ? METHOD.DR : METHOD.NAT;
    for (const [chunk, row] of Object.entries(rows)) {
      const types = chunk === "data" ? [...AS_DATA, ...UNKNOWN] : [CHUNK[chunk as Chunk]];
      for (const [i, to] of row.trim().split(/ +/).entries()) {
        const from = NAMES[i]!;
        test(`${who}: ${chunk} in ${from} leads to ${to}`, () => {
          const { base } = serve({ address: server, method });
          say(CHUNK.init);
          if (from === "ES") {
            bed.force(STATES.NO);
            say(CHUNK.cookieAck);
          }
          for (const type of types) {
            bed.force(STATES[from]);
            assert.equal(speak(type), VERDICT.send);
            assert.equal(state(), to, `chunk ${type}`);
            if (from === to) continue;
            const active = to === "ES" ? 1 : 0;
            assert.deepEqual(bed.load(base), { active, inactive: 1 - active, overloaded: 0 });
          }
        });
      }
    }
  }

  test("from beginning to end, with the counts", () => {
    const { base } = serve({ address: server });
    const steps = [
      [say, "init", "I1"],
      [say, "init", "IN"],
      [hear, "initAck", "CS"],
      [say, "cookieEcho", "CR"],
      [hear, "cookieAck", "ES"],
      [say, "data", "ES"],
      [hear, "sack", "ES"],
      [say, "shutdown", "SR"],
      [hear, "shutdownAck", "SA"],
      [say, "shutdownComplete", "CL"],
    ] as const;
    for (const [speak, chunk, to] of steps) {
      assert.equal(speak(CHUNK[chunk]), VERDICT.send);
      assert.equal(state(), to, chunk);
      const active = to === "ES" ? 1 : 0;
      assert.deepEqual(bed.load(base), { active, inactive: 1 - active, overloaded: 0 });
    }
  });

  test("only a cookie or its ACK may stand before an ABORT", () => {
    serve({ address: server });
    say(CHUNK.init);
    const after = (chunk: number, more: readonly number[], data = counting(16)) => {
      bed.force(STATES.IN);
      say(chunk, more, data);
      return state();
    };
    const cases = [
      [CHUNK.cookieAck, [CHUNK.data], "IN"],
      [CHUNK.cookieAck, [CHUNK.abort], "CL"],
      [CHUNK.cookieEcho, [CHUNK.abort], "CL"],
      [CHUNK.cookieEcho, [CHUNK.data, CHUNK.abort], "IN"],
      [CHUNK.data, [CHUNK.abort], "IN"],
      [CHUNK.error, [CHUNK.abort], "IN"],
    ] as const;
    for (const [chunk, more, to] of cases) assert.equal(after(chunk, more), to, `${chunk} ${more}`);
    for (const length of [0, 1, 2, 3, 300, 900]) {
      assert.equal(after(CHUNK.cookieEcho, [CHUNK.abort], counting(length)), "CL", `${length}`);
    }
  });

  test("a packet that ends before a chunk changes nothing", () => {
    serve({ address: server });
    say(CHUNK.init);
    const whole = ip(
      { from: client, to: service },
      sctp({ ...IN, chunk: CHUNK.abort, data: new Uint8Array(0) }),
    );
    // The frame still has the chunk, but of IP's length it is no part.
    const cut = Uint8Array.from(whole);
    cut[3]! -= 4;
    sends(cut);
    assert.equal(state(), "I1");
  });

  test("later fragments have no chunk", () => {
    serve({ address: server, method: METHOD.DR });
    const whole = sctp({ ...IN, data: new Uint8Array(64).fill(CHUNK.abort) });
    for (const at of [0, 40]) {
      const part = { at, bytes: 40 };
      assert.equal(sends(ip({ from: client, to: service, part }, whole)), VERDICT.send);
      assert.equal(state(), "I1");
    }
  });

  const timeouts = Object.fromEntries(NAMES.map((name, i) => [STATES[name], 2000 + 500 * i]));
  for (const [i, name] of NAMES.entries()) {
    test(`${name} ends after its own time and no sooner`, () => {
      const { base } = serve({ address: server });
      bed.configure({ timeouts });
      const again = (ticks: number): number => {
        say(CHUNK.init);
        bed.force(STATES[name]);
        bed.age(ticks);
        // Nothing begins by it: what has expired is gone.
        say(CHUNK.data);
        return bed.connections().length;
      };
      assert.equal(again(2000 + 500 * i - 300), 1);
      assert.equal(again(2000 + 500 * i + 300), 0);
      assert.deepEqual(bed.load(base), { active: 0, inactive: 0, overloaded: 0 });
    });
  }

  test("nothing begins an association but INIT; the rest is the kernel's to refuse", () => {
    const placed = serve({ address: server });
    bed.changeService(placed, { flags: SERVICE_FLAG.REJECT });
    const others = Object.values(CHUNK).filter((chunk) => chunk !== CHUNK.init);
    for (const chunk of others) assert.equal(say(chunk), VERDICT.pass);
    assert.deepEqual(bed.counters(), { NOT_SYN: others.length });
    bed.changeService(placed, {});
    assert.equal(say(CHUNK.data), VERDICT.drop, "where clients are told nothing");
    assert.equal(bed.connections().length, 0);
  });

  test("sloppy: any chunk but ABORT does, and there has to be one", () => {
    serve({ address: server });
    bed.enable(CONFIG_FLAG.SLOPPY_SCTP);
    const none = ip({ from: client, to: service }, sctp({ ...IN, data: new Uint8Array(0) }));
    none[3]! -= 4;
    for (const begins of [() => say(CHUNK.abort), () => sends(none)]) {
      assert.notEqual(begins(), VERDICT.send);
      assert.equal(bed.connections().length, 0);
    }
    assert.equal(say(CHUNK.cookieEcho), VERDICT.send);
    assert.equal(state(), "CR");
  });

  for (const name of NAMES) {
    const isOver = name === "CL";
    test(`INIT in ${name} ${isOver ? "begins anew, where that is wanted" : "goes on"}`, () => {
      const placed = serve({ address: server }, { address: other });
      say(CHUNK.init);
      bed.force(STATES[name]);
      say(CHUNK.init);
      assert.equal(bed.connection().server, placed.base, "not wanted");
      bed.enable(CONFIG_FLAG.REUSE);
      bed.force(STATES[name]);
      say(CHUNK.cookieEcho);
      assert.equal(bed.connection().server, placed.base, "no other chunk begins");
      bed.force(STATES[name]);
      say(CHUNK.init);
      assert.equal(bed.connection().server, placed.base + (isOver ? 1 : 0));
      assert.equal(bed.serviceConnections(placed), 1);
    });
  }
});

test("states have the names that ipvsadm prints", () => {
  assert.deepEqual(
    NAMES.map((name) => stateName(STATES[name])),
    [
      ...["NONE", "INIT1", "INIT", "C-SENT", "C-REPLIED", "C-WAIT", "COOKIE", "C-ECHOED"],
      ...["ESTABLISHED", "S-SENT", "S-RECEIVED", "S-ACK-SENT", "REJECTED", "CLOSED"],
    ],
  );
});
