import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { closeFd, listenOn } from "#io/sockets.ts";
import { directorBed, noDirector, VERDICT } from "#kit/director-bed.ts";
import { FAMILIES, type FamilyName, PEOPLE, TRANSPORTS } from "#kit/director-cases.ts";
import { NetSocket } from "#kit/net-socket.ts";
import { withNetns } from "#kit/netns.ts";
import { frame, ip, tcp } from "#kit/packet.ts";
import { CONN_STATE, LOCAL_PORT, METHOD } from "#plan/director-numbers.ts";
import type { LocalPorts } from "../rows.ts";

/* Which ports FULLNAT speaks to servers from. */

/** So many from a port on. */
const portsFrom = (first: number, count: number): LocalPorts => ({
  ...{ count, keptFirst: LOCAL_PORT.FIRST, kept: first - LOCAL_PORT.FIRST },
});

describe("ports of FULLNAT", { skip: noDirector() }, () => {
  const bed = directorBed();

  /** Begins flows until one of them gets no port; those that the others have. */
  function takenPorts(family: FamilyName, protocol: "tcp" | "udp" | "sctp"): number[] {
    const { client, service, server } = PEOPLE[family];
    const one = { address: server, method: METHOD.FULLNAT };
    bed.service({ address: service, protocol, servers: [one] });
    for (let from = 1; ; from++) {
      const packet = ip({ from: client, to: service }, TRANSPORTS[protocol]({ from, to: 80 }));
      if (bed.run(frame(packet)).verdict === VERDICT.send) continue;
      assert.deepEqual(bed.counters(), { NO_PORT: 1 });
      assert.equal([...bed.map("replies").keys()].length, from - 1);
      return bed.connections().map(({ localPort }) => localPort);
    }
  }

  for (const family of FAMILIES) {
    const { ours } = PEOPLE[family];
    const any = family === "IPv4" ? "0.0.0.0" : "::";

    for (const protocol of ["tcp", "udp", "sctp"] as const) {
      test(`${protocol} over ${family}: only those that are left`, () => {
        const localPorts = { count: 5, keptFirst: 1027, kept: 60_000 };
        bed.configure({ locals: [ours], localPorts });
        const expected = [1024, 1025, 1026, 61_027, 61_028];
        assert.deepEqual(takenPorts(family, protocol).sort(), expected.sort());
      });
    }

    test(`${family}: none where somebody listens, of TCP`, () => {
      const port = 20_000;
      const fd = withNetns(bed.netns, () => listenOn({ kind: "inet", host: any, port }));
      try {
        bed.configure({ locals: [ours], localPorts: portsFrom(port, 2) });
        assert.deepEqual(takenPorts(family, "tcp"), [port + 1]);
        bed.reset();
        bed.configure({ locals: [ours], localPorts: portsFrom(port, 1) });
        assert.deepEqual(takenPorts(family, "udp"), [port], "UDP has ports of its own");
      } finally {
        closeFd(fd);
      }
    });

    test(`${family}: none of a socket, of UDP`, (t) => {
      const owner = { after: (end: () => unknown): void => t.after(() => void end()) };
      NetSocket.open(owner, bed.netns, any, "udp").bind(any, 20_000);
      bed.configure({ locals: [ours], localPorts: portsFrom(20_000, 2) });
      assert.deepEqual(takenPorts(family, "udp"), [20_001]);
    });
  }

  describe("when all are taken", () => {
    const { client, service, server, second, ours } = PEOPLE.IPv4;
    const ports = 4;
    /** For each state. */
    const TICKS = 60_000;
    const timeouts = Object.fromEntries(Object.values(CONN_STATE).map((state) => [state, TICKS]));
    const begin = (from: number) =>
      bed.run(frame(ip({ from: client, to: service }, tcp({ from, to: 80 })))).verdict;
    let base = 0;

    /** Flows, all of them established, from ports 1 to 4. */
    function takeAll(): void {
      bed.configure({ locals: [ours], localPorts: portsFrom(20_000, ports), timeouts });
      ({ base } = bed.service({
        address: service,
        servers: [{ address: server, method: METHOD.FULLNAT }],
      }));
      for (let from = 1; from <= ports; from++) assert.equal(begin(from), VERDICT.send);
      for (const { key } of bed.connections()) bed.force(CONN_STATE.ESTABLISHED, key);
    }
    const portOf = (from: number): number | undefined =>
      bed.connections().find(({ flow }) => flow.startsWith(`${client}:${from} `))?.localPort;
    const keyOf = (from: number): Uint8Array =>
      bed.connections().find(({ flow }) => flow.startsWith(`${client}:${from} `))!.key;

    test("of connections that go on: dropped and counted", () => {
      takeAll();
      bed.age(TICKS - 1000);
      assert.equal(begin(100), VERDICT.drop);
      assert.deepEqual(bed.counters(), { NO_PORT: 1 });
      assert.deepEqual(bed.load(base), { active: ports, inactive: 0, overloaded: 0 });
    });

    for (const state of ["TIME_WAIT", "CLOSE"] as const) {
      test(`one that is in ${state} gives its own`, () => {
        takeAll();
        const over = [1, 2, 3];
        const free = over.map(portOf);
        for (const from of over) bed.force(CONN_STATE[state], keyOf(from), 1000);
        const begun = [100, 101, 102];
        for (const from of begun) assert.equal(begin(from), VERDICT.send);
        assert.deepEqual(new Set(begun.map(portOf)), new Set(free));
        assert.deepEqual(over.map(portOf), [undefined, undefined, undefined]);
        assert.equal(begin(103), VERDICT.drop);
        assert.deepEqual(bed.counters(), { PORT_REUSED: 3, NO_PORT: 1 });
        assert.equal(bed.connections().length, ports);
        assert.equal([...bed.map("replies").keys()].length, ports);
        const { active, inactive } = bed.load(base);
        assert.equal(active + inactive, ports);
      });
    }

    test("one whose time is over gives its own", () => {
      takeAll();
      bed.force(CONN_STATE.SYN_RECV, keyOf(2), TICKS + 1);
      assert.equal(begin(100), VERDICT.send);
      assert.deepEqual(bed.counters(), { PORT_REUSED: 1 });
    });

    test("one that the table has thrown out gives its own, but not at once", () => {
      takeAll();
      bed.map("connections").delete(keyOf(2));
      assert.equal(begin(100), VERDICT.drop, "it may be about to be put there");
      bed.ageReplies(2000);
      assert.equal(begin(100), VERDICT.send);
      assert.deepEqual(bed.counters(), { NO_PORT: 1, PORT_REUSED: 1 });
    });

    test("the other server's ports are others", () => {
      takeAll();
      bed.service({
        address: second,
        servers: [{ address: server, port: 81, method: METHOD.FULLNAT }],
      });
      const packet = ip({ from: client, to: second }, tcp({ from: 100, to: 80 }));
      assert.equal(bed.run(frame(packet)).verdict, VERDICT.send);
      assert.deepEqual(bed.counters(), {});
    });
  });
});
