import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ProtocolName } from "#base/protocol.ts";
import { describeLoops, directorBed, EXPIRED_TICKS, noDirector } from "#kit/director-bed.ts";
import { FAMILIES, type FamilyName, PEOPLE, PROTOCOLS, TRANSPORTS } from "#kit/director-cases.ts";
import { flowLabel } from "#kit/flow-label.ts";
import {
  concat,
  counting,
  frame,
  gre,
  gue,
  ip,
  ipip,
  type Payload,
  tcp,
  udp,
} from "#kit/packet.ts";
import { frameFaults } from "#kit/packet-check.ts";
import { METHOD, TUNNEL } from "#plan/director-numbers.ts";

const IN = { from: 40_000, to: 80 };
const OUT = { from: 80, to: 40_000 };
const GUE_PORT = 6080;

describe("DR", { skip: noDirector() }, () => {
  const bed = directorBed();
  for (const family of FAMILIES) {
    const { client, service, server } = PEOPLE[family];
    for (const protocol of PROTOCOLS) {
      test(`${protocol} over ${family}: one hop less, else the same bytes`, () => {
        const servers = [{ address: server, method: METHOD.DR }];
        const { base } = bed.service({ address: service, protocol, servers });
        const payload = TRANSPORTS[protocol](IN);
        for (const hops of [64, 2, 255]) {
          bed.sends(
            ip({ from: client, to: service, class: 0xfd, hops }, payload),
            ip({ from: client, to: service, class: 0xfd, hops: hops - 1 }, payload),
          );
        }
        assert.deepEqual(bed.statistics(base).in, 3);
      });
    }
  }

  test("the header's sum comes out right from every value of it", () => {
    const { client, service, server } = PEOPLE.IPv4;
    bed.service({ address: service, servers: [{ address: server, method: METHOD.DR }] });
    for (let id = 0; id < 65_536; id += 331) {
      bed.sends(
        ip({ from: client, to: service, id }, tcp(IN)),
        ip({ from: client, to: service, id, hops: 63 }, tcp(IN)),
      );
    }
  });
});

interface Outer {
  readonly tunnel: (typeof TUNNEL)[keyof typeof TUNNEL];
  readonly wrap: (packet: Uint8Array, source: number) => Payload;
}

const TUNNELS: Readonly<Record<string, Outer>> = {
  IPIP: { tunnel: TUNNEL.IPIP, wrap: (packet) => ipip(packet) },
  GRE: { tunnel: TUNNEL.GRE, wrap: (packet) => gre(packet) },
  GUE: { tunnel: TUNNEL.GUE, wrap: (packet, from) => gue({ from, to: GUE_PORT }, packet) },
};

describe("TUN", { skip: noDirector() }, () => {
  const bed = directorBed();
  const place = (
    inner: FamilyName,
    outer: FamilyName,
    protocol: ProtocolName,
    how: Outer,
  ): void => {
    const { tunnel } = how;
    const [address, source] = [PEOPLE[outer].server, PEOPLE[outer].ours];
    const one = { address, source, tunnel, tunnelPort: GUE_PORT, method: METHOD.TUN };
    bed.service({ address: PEOPLE[inner].service, protocol, servers: [one] });
  };
  /** The source port of GUE, where it has one. */
  const sourcePort = (packet: Uint8Array, outer: FamilyName): number => {
    const at = 14 + (outer === "IPv4" ? 20 : 40);
    const { frame: out } = bed.run(frame(packet));
    return out[at]! * 256 + out[at + 1]!;
  };

  /** What is of the flow in an outer header of IPv6. */
  const label = (packet: Uint8Array): number => {
    const { frame: out } = bed.run(frame(packet));
    return new DataView(out.buffer, out.byteOffset).getUint32(14) & 0xfffff;
  };

  for (const [name, how] of Object.entries(TUNNELS)) {
    for (const inner of FAMILIES) {
      for (const outer of FAMILIES) {
        test(`${name}: ${inner} over ${outer}`, () => {
          for (const protocol of PROTOCOLS) {
            bed.reset();
            place(inner, outer, protocol, how);
            const { client, service } = PEOPLE[inner];
            const { ours, server } = PEOPLE[outer];
            const fields = { from: client, to: service, class: 0xb9 + 2 };
            const sent = ip({ ...fields, hops: 9 }, TRANSPORTS[protocol](IN));
            const arrived = ip({ ...fields, hops: 8 }, TRANSPORTS[protocol](IN));
            const label = flowLabel({ client, service, ...IN, protocol });
            const header = { from: ours, to: server, class: 0xb9 + 2, id: 0, df: true, label };
            const port = sourcePort(sent, outer);
            bed.sends(sent, ip(header, how.wrap(arrived, port)));
          }
        });
      }
    }

    test(`${name} over IPv6: a label for each flow, the same for all its packets`, () => {
      for (const inner of FAMILIES) {
        bed.reset();
        place(inner, "IPv6", "udp", how);
        const { client, service } = PEOPLE[inner];
        const labels = new Set<number>();
        for (let from = 1; from <= 200; from++) {
          const one = (data: Uint8Array): number =>
            label(ip({ from: client, to: service, label: 77 }, udp({ from, to: 80, data })));
          const expected = flowLabel({ client, service, from, to: 80, protocol: "udp" });
          assert.equal(one(counting(3)), expected);
          assert.equal(one(counting(100)), expected);
          labels.add(expected);
        }
        assert.ok(labels.size > 190, `${labels.size} labels of 200 flows`);
      }
    });

    test(`${name}: a frame's padding is not part of the packet`, () => {
      place("IPv4", "IPv4", "tcp", how);
      const { client, service } = PEOPLE.IPv4;
      const sent = frame(ip({ from: client, to: service }, tcp(IN)));
      const { frame: out } = bed.run(concat(sent, new Uint8Array(6)));
      assert.deepEqual(frameFaults(out), []);
      const { frame: unpadded } = bed.run(sent);
      assert.deepEqual(out.subarray(0, out.length - 6), unpadded);
    });
  }

  for (const family of FAMILIES) {
    test(`GUE over ${family}: a port for each flow, the same for all its packets`, () => {
      place("IPv4", family, "udp", TUNNELS["GUE"]!);
      const { client, service } = PEOPLE.IPv4;
      const ports = new Set<number>();
      for (let from = 1; from <= 200; from++) {
        const one = (data: Uint8Array, id: number): number =>
          sourcePort(ip({ from: client, to: service, id }, udp({ from, to: 80, data })), family);
        const port = one(counting(3), 1);
        assert.equal(one(counting(100), 2), port);
        assert.ok(port >= 0xc000, `${port} is of the dynamic ports (RFC 6335)`);
        ports.add(port);
      }
      assert.ok(ports.size > 190, `${ports.size} ports of 200 flows`);
    });
  }
});

describeLoops("FULLNAT", {}, (bed) => {
  for (const family of FAMILIES) {
    const { client, service, server, ours } = PEOPLE[family];
    for (const protocol of PROTOCOLS) {
      for (const port of [0, 8080]) {
        test(`${protocol} over ${family}${port ? ", to another port" : ""}, both ways`, () => {
          bed.configure({ locals: [ours] });
          const one = { address: server, port, method: METHOD.FULLNAT };
          const { base } = bed.service({ address: service, protocol, servers: [one] });
          const payload = TRANSPORTS[protocol];
          const sent = ip({ from: client, to: service }, payload(IN));
          bed.run(frame(sent));
          const { local, localPort } = bed.connection();
          assert.equal(local, ours);
          assert.ok(localPort >= 1024, `${localPort}`);
          const inner = { from: localPort, to: port || 80 };
          bed.sends(sent, ip({ from: ours, to: server, hops: 63 }, payload(inner)));
          bed.sends(
            ip({ from: server, to: ours }, payload({ from: port || 80, to: localPort })),
            ip({ from: service, to: client, hops: 63 }, payload(OUT)),
            { ingress: bed.back },
          );
          assert.deepEqual(bed.statistics(base).out, 1);
        });
      }
    }

    test(`${family}: an address of its own family is found among many others`, () => {
      const others = Array.from({ length: 60 }, (_, i) =>
        family === "IPv4" ? `fd00::1:${i}` : `10.1.0.${i}`,
      );
      bed.configure({ locals: [...others, ours] });
      bed.service({ address: service, servers: [{ address: server, method: METHOD.FULLNAT }] });
      for (let from = 1; from <= 100; from++) {
        bed.run(frame(ip({ from: client, to: service }, tcp({ from, to: 80 }))));
      }
      const all = bed.connections();
      assert.equal(all.length, 100);
      assert.ok(all.every(({ local }) => local === ours));
      assert.equal(new Set(all.map(({ localPort }) => localPort)).size, 100);
    });
  }

  const { client, service, server, ours } = PEOPLE.IPv4;
  const one = { address: server, method: METHOD.FULLNAT };
  const sent = ip({ from: client, to: service }, tcp(IN));

  test("no address of the server's family: dropped and counted", () => {
    for (const locals of [[], ["fd00::1"]]) {
      bed.reset();
      bed.configure({ locals });
      bed.service({ address: service, servers: [one] });
      bed.drops(sent);
      assert.deepEqual(bed.counters(), { NO_PORT: 1 });
      assert.deepEqual(bed.connections(), []);
    }
  });

  test("a connection that begins anew gives its port back", () => {
    bed.configure({ locals: [ours] });
    bed.service({ address: service, servers: [one] });
    for (let round = 0; round < 3; round++) {
      bed.run(frame(sent));
      assert.equal([...bed.map("replies").keys()].length, 1);
      bed.age(EXPIRED_TICKS);
    }
  });

  test("without an entry nothing can be sent: dropped and counted", () => {
    bed.configure({ locals: [ours] });
    bed.service({ address: service, servers: [one], flags: 2 });
    bed.drops(sent);
    assert.deepEqual(bed.counters(), { NO_PORT: 1 });
  });

  test("two services on one server: each reply finds its own", () => {
    bed.configure({ locals: [ours] });
    bed.service({ address: service, servers: [one] });
    bed.service({ address: PEOPLE.IPv4.second, servers: [one] });
    for (const to of [service, PEOPLE.IPv4.second])
      bed.run(frame(ip({ from: client, to }, tcp(IN))));
    for (const { localPort, flow } of bed.connections()) {
      bed.sends(
        ip({ from: server, to: ours }, tcp({ from: 80, to: localPort, flags: "SA" })),
        ip(
          { from: flow.split(" > ")[1]!.split(":")[0]!, to: client, hops: 63 },
          tcp({ ...OUT, flags: "SA" }),
        ),
      );
    }
  });
});

describe("no forwarding", { skip: noDirector() }, () => {
  const bed = directorBed();
  for (const family of FAMILIES) {
    for (const method of ["LOCAL", "BYPASS"] as const) {
      test(`${method} over ${family}: counted, and the packet passes as it came`, () => {
        const { client, service, server } = PEOPLE[family];
        const servers = [{ address: server, method: METHOD[method] }];
        const { base } = bed.service({ address: service, servers });
        bed.passes(ip({ from: client, to: service, hops: 1 }, tcp(IN)));
        assert.deepEqual(bed.load(base).active, 1);
        assert.equal(bed.statistics(base).in, 1);
      });
    }
  }

  for (const family of FAMILIES) {
    const { client, service, server } = PEOPLE[family];
    const sent = ip({ from: client, to: service, hops: 1 }, tcp(IN));

    for (const method of ["DR", "TUN"] as const) {
      test(`${method} over ${family} to ourselves: the packet is there already`, () => {
        const one = { address: server, method: METHOD[method], local: true };
        const { base } = bed.service({ address: service, servers: [one] });
        bed.passes(sent);
        assert.equal(bed.load(base).active, 1);
      });
    }
  }
});
