import assert from "node:assert/strict";
import { test } from "node:test";
import { describeLoops, type ServerSpec, VERDICT } from "#kit/director-bed.ts";
import { PEOPLE } from "#kit/director-cases.ts";
import type { Placed } from "#kit/director-tables.ts";
import { flowLabel } from "#kit/flow-label.ts";
import { frame, gre, ip, ipip, type Payload, tcp, udp } from "#kit/packet.ts";
import {
  CONFIG_FLAG,
  CONN_STATE,
  HASH_KIND,
  METHOD,
  PROGRAM,
  SERVICE_FLAG,
  TUNNEL,
} from "#plan/director-numbers.ts";

/* One service whose servers each have a method of their own. */

const { client, stranger, service, ours } = PEOPLE.IPv4;
const HOSTS = {
  nat: "10.0.0.11",
  dr: "10.0.0.12",
  tun: "10.0.0.13",
  gre: "fd00::14",
  fullnat: "10.0.0.15",
  local: "10.0.0.16",
} as const;
type Name = keyof typeof HOSTS;
const NAMES = Object.keys(HOSTS) as Name[];
const SERVERS: Readonly<Record<Name, Omit<ServerSpec, "address">>> = {
  nat: { method: METHOD.NAT, port: 8080 },
  dr: { method: METHOD.DR },
  tun: { method: METHOD.TUN },
  gre: { method: METHOD.TUN, tunnel: TUNNEL.GRE },
  fullnat: { method: METHOD.FULLNAT, port: 8080 },
  local: { method: METHOD.LOCAL },
};
const serversOf = (names: readonly Name[]): ServerSpec[] =>
  names.map((name) => ({ address: HOSTS[name], ...SERVERS[name] }));

describeLoops("servers of one service by methods of their own", {}, (bed) => {
  const syn = (from: number, flags = "S", source: string = client): Uint8Array =>
    ip({ from: source, to: service }, tcp({ from, to: 80, flags }));
  const rowOf = ({ base }: Placed, name: Name): number => base + NAMES.indexOf(name);

  test("each gets packets as it wants them, in turn", () => {
    bed.configure({ locals: [ours] });
    const placed = bed.service({ address: service, servers: serversOf(NAMES) });
    const before = (from: number, hops: number): Uint8Array =>
      ip({ from: client, to: service, hops }, tcp({ from, to: 80, flags: "S" }));
    const outer = (to: string, from: number, payload: Payload): Uint8Array => {
      const label = flowLabel({ client, service, from, to: 80, protocol: "tcp" });
      const own = to.includes(":") ? PEOPLE.IPv6.ours : ours;
      return ip({ from: own, to, id: 0, df: true, label }, payload);
    };
    bed.sends(
      syn(1),
      ip({ from: client, to: HOSTS.nat, hops: 63 }, tcp({ from: 1, to: 8080, flags: "S" })),
    );
    bed.sends(syn(2), before(2, 63));
    bed.sends(syn(3), outer(HOSTS.tun, 3, ipip(before(3, 63))));
    bed.sends(syn(4), outer(HOSTS.gre, 4, gre(before(4, 63))));
    const { verdict, frame: out } = bed.run(frame(syn(5)));
    assert.equal(verdict, VERDICT.send);
    assert.deepEqual(
      [out.subarray(26, 30).join("."), out.subarray(30, 34).join(".")],
      [ours, HOSTS.fullnat],
    );
    bed.passes(syn(6));
    for (const name of NAMES)
      assert.equal(bed.statistics(rowOf(placed, name)).connections, 1, name);
  });

  test("states: what servers say is seen of some, and of the others goes without saying", () => {
    bed.service({ address: service, servers: serversOf(["nat", "dr"]) });
    const { SYN_RECV, ESTABLISHED } = CONN_STATE;
    const states = (): number[] => {
      const all = bed.connections().sort((a, b) => a.server - b.server);
      return all.map(({ state }) => state);
    };
    for (const from of [1, 2]) bed.run(frame(syn(from)));
    assert.deepEqual(states(), [SYN_RECV, SYN_RECV]);
    bed.sends(
      ip({ from: HOSTS.nat, to: client }, tcp({ from: 8080, to: 1, flags: "SA" })),
      ip({ from: service, to: client, hops: 63 }, tcp({ from: 80, to: 1, flags: "SA" })),
    );
    for (const from of [1, 2]) bed.run(frame(syn(from, "A")));
    assert.deepEqual(states(), [ESTABLISHED, ESTABLISHED]);
    for (const from of [1, 2]) bed.run(frame(syn(from, "FA")));
    // The server past the director has ended it too, for all that is known.
    assert.deepEqual(states(), [CONN_STATE.CLOSE_WAIT, CONN_STATE.FIN_WAIT]);
  });

  test("what a server says that answers clients directly is none of ours", () => {
    bed.service({ address: service, servers: serversOf(["nat", "dr"]) });
    for (const from of [1, 2]) bed.run(frame(syn(from)));
    const said = (from: string, port: number): Uint8Array =>
      ip({ from, to: client }, tcp({ from: port, to: 2, flags: "SA" }));
    bed.passes(said(HOSTS.dr, 80));
    bed.passes(said(service, 80));
    bed.passes(said(HOSTS.nat, 8080));
  });

  /** Sends flows beyond the limit; where each goes, by the client's port. */
  function spread(names: readonly Name[], work: (places: Map<number, string>) => void): void {
    bed.configure({ newFlows: 5, locals: [ours] });
    bed.service({ address: service, servers: serversOf(names) });
    const place = (packet: Uint8Array): string => {
      const { verdict, frame: out } = bed.run(frame(packet));
      return verdict === VERDICT.send ? out.subarray(30, 34).join(".") : `verdict ${verdict}`;
    };
    bed.exhausted(
      0,
      () => {
        place(syn(1, "S", stranger));
        bed.empty("connections");
      },
      () => {
        const places = new Map<number, string>();
        for (let from = 1; from <= 40; from++) places.set(from, place(syn(from)));
        for (const [from, before] of places) {
          assert.equal(place(syn(from)), before, "the same again");
          // What follows of a flow that nobody knows the answers of is refused, or dropped.
          assert.equal(place(syn(from, "A")), before, "what follows");
        }
        assert.deepEqual(bed.connections(), []);
        work(places);
      },
    );
  }

  test("beyond the limit of new flows those who answer directly get theirs, the others none", () => {
    spread(["tun", "nat", "fullnat"], (places) => {
      const found = [...new Set(places.values())].sort();
      assert.deepEqual(found, [HOSTS.tun, `verdict ${VERDICT.drop}`].sort());
      const kept = [...places.values()].filter((one) => one === HOSTS.tun).length;
      assert.ok(kept > 3 && kept < 37, `${kept} of 40 to one of three`);
    });
  });

  test("where nobody answers directly, nothing goes beyond the limit", () => {
    spread(["nat", "fullnat"], (places) => {
      assert.deepEqual([...new Set(places.values())], [`verdict ${VERDICT.drop}`]);
    });
  });

  test("a scheduler that hashes sends on what another director has begun, by every method", () => {
    const pool = Array.from({ length: 256 }, (_, i) => i % 2);
    const hashed = { program: PROGRAM.HASH, hash: HASH_KIND.FLOW, pool };
    bed.service({ address: service, servers: serversOf(["nat", "tun"]), ...hashed });
    const places = new Set<string>();
    for (let from = 1; from <= 40; from++) {
      const { verdict, frame: out } = bed.run(frame(syn(from, "A")));
      assert.equal(verdict, VERDICT.send);
      places.add(out.subarray(30, 34).join("."));
    }
    assert.deepEqual([...places].sort(), [HOSTS.nat, HOSTS.tun]);
  });

  test("a SYN anew ends FIN_WAIT where the server's FIN is not seen, and only there", () => {
    bed.enable(CONFIG_FLAG.REUSE, CONFIG_FLAG.REUSE_FIN);
    for (const [name, begun] of [
      ["nat", 1],
      ["dr", 2],
    ] as const) {
      bed.empty("connections");
      // Both servers are there, and one has the turn.
      const servers = serversOf(["nat", "dr"]);
      const pool = [["nat", "dr"].indexOf(name)];
      const port = 80 + begun;
      const { base } = bed.service({ address: service, port, servers, pool });
      const first = ip({ from: client, to: service }, tcp({ from: 1, to: port, flags: "S" }));
      bed.run(frame(first));
      bed.force(CONN_STATE.FIN_WAIT);
      bed.run(frame(first));
      assert.equal(bed.statistics(base + pool[0]!).connections, begun, name);
    }
  });

  test("one packet alone: whoever answers directly", () => {
    const servers = serversOf(["dr", "tun"]);
    bed.service({
      address: service,
      port: 53,
      protocol: "udp",
      servers,
      flags: SERVICE_FLAG.ONE_PACKET,
    });
    const datagram = (from: number): Uint8Array =>
      ip({ from: client, to: service }, udp({ from, to: 53 }));
    for (let from = 1; from <= 4; from++) {
      assert.equal(bed.run(frame(datagram(from))).verdict, VERDICT.send);
    }
    assert.deepEqual(bed.connections(), []);
  });

  test("a method that changes holds for what is under way, too", () => {
    const placed = bed.service({ address: service, servers: serversOf(["nat", "dr"]) });
    bed.run(frame(syn(1)));
    bed.changeServer(placed, 0, { address: HOSTS.nat, method: METHOD.DR });
    bed.sends(
      syn(1, "A"),
      ip({ from: client, to: service, hops: 63 }, tcp({ from: 1, to: 80, flags: "A" })),
    );
  });
});
