import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { directorBed, EXPIRED_TICKS, noDirector, VERDICT } from "#kit/director-bed.ts";
import { PEOPLE } from "#kit/director-cases.ts";
import { frame, ip, tcp, udp } from "#kit/packet.ts";
import { CONFIG_FLAG, CONN_STATE, METHOD } from "#plan/director-numbers.ts";

/*
 * Where packets take a connection, as IPVS has it: from each state, in the order below, by each
 * flag. Where several flags are set the first counts: RST, SYN, FIN, ACK.
 */

const STATES = {
  NO: CONN_STATE.NONE,
  ES: CONN_STATE.ESTABLISHED,
  SS: CONN_STATE.SYN_SENT,
  SR: CONN_STATE.SYN_RECV,
  FW: CONN_STATE.FIN_WAIT,
  TW: CONN_STATE.TIME_WAIT,
  CL: CONN_STATE.CLOSE,
  CW: CONN_STATE.CLOSE_WAIT,
  LA: CONN_STATE.LAST_ACK,
  LI: CONN_STATE.LISTEN,
  SA: CONN_STATE.SYNACK,
} as const;
type StateName = keyof typeof STATES;
/** Those that count as active. */
const ACTIVE: readonly StateName[] = ["ES", "SS", "SR", "SA"];
const NAMES = Object.keys(STATES) as StateName[];
const nameOf = (state: number): string =>
  NAMES.find((name) => STATES[name] === state) ?? `${state}`;

const FLAGS = { S: ["S", "SF", "SA"], F: ["F", "FA"], A: ["A", "PA"], R: ["R", "RA", "RS", "RF"] };

const TABLES = {
  "what the client sends, where the server is seen too": {
    //  NO ES SS SR FW TW CL CW LA LI SA
    S: "SR ES ES SR SR SR SR SR SR SR SR",
    F: "CL CW SS TW TW TW CL CW LA LI TW",
    A: "ES ES SS ES FW TW CL CW CL LI ES",
    R: "CL CL CL SR CL CL CL CL LA LI SR",
  },
  "what the server sends": {
    S: "SS ES SS SR SS SS SS SS SS LI SR",
    F: "TW FW SS TW FW TW CL TW LA LI TW",
    A: "ES ES SS ES FW TW CL CW LA ES ES",
    R: "CL CL SS CL CL TW CL CL CL CL CL",
  },
  "what the client sends, where the server is not seen": {
    S: "SR ES ES SR SR SR SR SR SR SR SR",
    F: "CL FW SS TW FW TW CL CW LA LI TW",
    A: "ES ES SS ES FW TW CL CW CL LI ES",
    R: "CL CL CL SR CL CL CL CL LA LI CL",
  },
} as const;

/** The same under attack (secure_tcp). */
const SECURE_TABLES = {
  "what the client sends, where the server is seen too": {
    //  NO ES SS SR FW TW CL CW LA LI SA
    S: "SR ES ES SR SR SR SR SR SR SR SA",
    F: "CL CW SS TW TW TW CL CW LA LI SA",
    A: "ES ES SS SR FW TW CL CW CL LI SA",
    R: "CL CL CL SR CL CL CL CL LA LI CL",
  },
  "what the server sends": {
    S: "SS ES SS SA SS SS SS SS SS LI SA",
    F: "TW FW SS TW FW TW CL TW LA LI TW",
    A: "ES ES SS ES FW TW CL CW LA ES ES",
    R: "CL CL SS CL CL TW CL CL CL CL CL",
  },
  "what the client sends, where the server is not seen": {
    S: "SA ES ES SR SA SA SA SA SA SA SA",
    F: "CL FW SS TW FW TW CL CW LA LI TW",
    A: "ES ES SS ES FW TW CL CW CL LI ES",
    R: "CL CL CL SR CL CL CL CL LA LI CL",
  },
} as const;

const { client, service, server } = PEOPLE.IPv4;
const IN = { from: 40_000, to: 80 };
const OUT = { from: 80, to: 40_000 };

describe("states of TCP", { skip: noDirector() }, () => {
  const bed = directorBed();
  const say = (flags: string, fromServer = false): number => {
    const packet = fromServer
      ? ip({ from: server, to: client }, tcp({ ...OUT, flags }))
      : ip({ from: client, to: service }, tcp({ ...IN, flags }));
    return bed.run(frame(packet)).verdict;
  };

  const tables = [
    ...Object.entries(TABLES).map(([who, table]) => [who, table, 0] as const),
    ...Object.entries(SECURE_TABLES).map(
      ([who, table]) => [who, table, CONFIG_FLAG.SECURE] as const,
    ),
  ];
  for (const [who, table, secure] of tables) {
    for (const [flag, row] of Object.entries(table)) {
      for (const [i, to] of row.split(" ").entries()) {
        const from = NAMES[i]!;
        test(`${who}${secure ? ", under attack" : ""}: ${flag} in ${from} leads to ${to}`, () => {
          bed.enable(secure);
          const method = who.includes("not seen") ? METHOD.DR : METHOD.NAT;
          const { base } = bed.service({
            address: service,
            servers: [{ address: server, method }],
          });
          say("S");
          if (from === "ES") say("A", secure !== 0 && method === METHOD.NAT);
          for (const flags of FLAGS[flag as keyof typeof FLAGS]) {
            bed.force(STATES[from]);
            assert.equal(say(flags, who.includes("server sends")), VERDICT.send);
            assert.equal(nameOf(bed.connection().state), to, flags);
            if (from === to) continue;
            const active = ACTIVE.includes(to as StateName) ? 1 : 0;
            const { active: counted, inactive } = bed.load(base);
            assert.deepEqual({ counted, inactive }, { counted: active, inactive: 1 - active });
          }
        });
      }
    }
  }

  test("a packet without flags closes", () => {
    bed.service({ address: service, servers: [{ address: server }] });
    say("S");
    for (const name of NAMES) {
      bed.force(STATES[name]);
      assert.equal(say("P"), VERDICT.send);
      assert.equal(nameOf(bed.connection().state), "CL");
    }
  });

  const walk = (
    steps: readonly (readonly [flags: string, by: "client" | "server", state: StateName])[],
  ) => {
    for (const [flags, by, state] of steps) {
      assert.equal(say(flags, by === "server"), VERDICT.send);
      assert.equal(nameOf(bed.connection().state), state, `${flags} by the ${by}`);
      const active = ACTIVE.includes(state) ? 1 : 0;
      assert.deepEqual(bed.load(0), { active, inactive: 1 - active, overloaded: 0 });
    }
  };

  test("a connection from beginning to end, the client closing", () => {
    bed.service({ address: service, servers: [{ address: server }] });
    walk([
      ["S", "client", "SR"],
      ["SA", "server", "SR"],
      ["A", "client", "ES"],
      ["PA", "server", "ES"],
      ["FA", "client", "CW"],
      ["A", "server", "CW"],
      ["FA", "server", "TW"],
      ["A", "client", "TW"],
    ]);
  });

  test("the server closing", () => {
    bed.service({ address: service, servers: [{ address: server }] });
    walk([
      ["S", "client", "SR"],
      ["SA", "server", "SR"],
      ["A", "client", "ES"],
      ["FA", "server", "FW"],
      ["A", "client", "FW"],
      ["FA", "client", "TW"],
      ["A", "server", "TW"],
    ]);
  });

  test("only the client seen", () => {
    bed.service({ address: service, servers: [{ address: server, method: METHOD.DR }] });
    walk([
      ["S", "client", "SR"],
      ["A", "client", "ES"],
      ["FA", "client", "FW"],
      ["A", "client", "FW"],
    ]);
  });

  test("under attack, the server seen: established by its own word", () => {
    bed.enable(CONFIG_FLAG.SECURE);
    bed.service({ address: service, servers: [{ address: server }] });
    walk([
      ["S", "client", "SR"],
      ["A", "client", "SR"],
      ["SA", "server", "SA"],
      ["A", "client", "SA"],
      ["PA", "client", "SA"],
      ["A", "server", "ES"],
      ["PA", "client", "ES"],
    ]);
  });

  test("under attack, only the client seen", () => {
    bed.enable(CONFIG_FLAG.SECURE);
    bed.service({ address: service, servers: [{ address: server, method: METHOD.DR }] });
    walk([
      ["S", "client", "SA"],
      ["A", "client", "ES"],
      ["FA", "client", "FW"],
    ]);
  });

  test("one that is refused", () => {
    bed.service({ address: service, servers: [{ address: server }] });
    walk([
      ["S", "client", "SR"],
      ["RA", "server", "CL"],
    ]);
  });

  const timeouts = Object.fromEntries(NAMES.map((name, i) => [STATES[name], 2000 + 500 * i]));
  for (const [i, name] of NAMES.entries()) {
    test(`${name} ends after its own time and no sooner`, () => {
      const { base } = bed.service({ address: service, servers: [{ address: server }] });
      const dr = { address: server, method: METHOD.DR };
      bed.changeServer({ number: 0, base }, 0, dr);
      bed.configure({ timeouts });
      say("S");
      const again = (ticks: number): number => {
        bed.force(STATES[name]);
        bed.age(ticks);
        say("P");
        return bed.connections().length;
      };
      // Without flags nothing begins: what has expired is gone.
      assert.equal(again(2000 + 500 * i - 300), 1);
      assert.equal(again(2000 + 500 * i + 300), 0);
      assert.deepEqual(bed.load(base), { active: 0, inactive: 0, overloaded: 0 });
      assert.equal(bed.serviceConnections({ number: 0, base }), 0);
    });
  }

  test("one that another processor has seen later than this one's time has not expired", () => {
    bed.service({ address: service, servers: [{ address: server }] });
    say("S");
    bed.age(-500);
    assert.equal(say("P"), VERDICT.send);
  });

  const two = [{ address: server }, { address: PEOPLE.IPv4.other }];

  test("an expired connection begins anew, wherever that is", () => {
    const placed = bed.service({ address: service, servers: two });
    say("S");
    bed.age(EXPIRED_TICKS);
    say("S");
    assert.equal(bed.connection().server, placed.base + 1);
    assert.deepEqual(bed.load(placed.base), { active: 0, inactive: 0, overloaded: 0 });
    assert.deepEqual(bed.load(placed.base + 1), { active: 1, inactive: 0, overloaded: 0 });
    assert.equal(bed.serviceConnections(placed), 1);
    assert.equal(bed.statistics(placed.base).connections, 1);
    assert.equal(bed.statistics(placed.base + 1).connections, 1);
  });

  for (const [name, state] of Object.entries(STATES)) {
    const isOver = name === "TW" || name === "CL";
    test(`SYN in ${name}${isOver ? " begins anew, where that is wanted" : " goes on"}`, () => {
      const placed = bed.service({ address: service, servers: two });
      say("S");
      bed.force(state);
      say("S");
      assert.equal(bed.connection().server, placed.base, "not wanted");
      bed.enable(CONFIG_FLAG.REUSE);
      bed.force(state);
      say("SA");
      assert.equal(bed.connection().server, placed.base, "SYN with ACK begins nothing");
      bed.force(state);
      say("S");
      assert.equal(bed.connection().server, placed.base + (isOver ? 1 : 0));
      assert.equal(bed.serviceConnections(placed), 1);
    });
  }

  for (const method of [METHOD.NAT, METHOD.DR]) {
    const isHalf = method === METHOD.DR;
    test(`SYN in FIN_WAIT, the server ${isHalf ? "not seen: begins anew" : "seen: goes on"}`, () => {
      const servers = two.map((one) => ({ ...one, method }));
      const placed = bed.service({ address: service, servers });
      bed.enable(CONFIG_FLAG.REUSE);
      say("S");
      bed.force(STATES.FW);
      say("S");
      assert.equal(bed.connection().server, placed.base, "not wanted");
      bed.enable(CONFIG_FLAG.REUSE, CONFIG_FLAG.REUSE_FIN);
      bed.force(STATES.FW);
      say("S");
      assert.equal(bed.connection().server, placed.base + (isHalf ? 1 : 0));
    });
  }
});

describe("the state of UDP", { skip: noDirector() }, () => {
  const bed = directorBed();

  test("there is one, which is inactive", () => {
    const { base } = bed.service({
      address: service,
      protocol: "udp",
      servers: [{ address: server }],
    });
    bed.run(frame(ip({ from: client, to: service }, udp(IN))));
    bed.run(frame(ip({ from: server, to: client }, udp(OUT))));
    assert.equal(bed.connection().state, CONN_STATE.UDP);
    assert.deepEqual(bed.load(base), { active: 0, inactive: 1, overloaded: 0 });
  });
});
