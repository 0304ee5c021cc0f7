import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ProtocolName } from "#base/protocol.ts";
import { directorBed, noDirector, VERDICT } from "#kit/director-bed.ts";
import { FAMILIES, type FamilyName, PEOPLE, PROTOCOLS, TRANSPORTS } from "#kit/director-cases.ts";
import { frame, gre, gue, icmp, ip, ipip, type Payload, settledQuote, tcp } from "#kit/packet.ts";
import { METHOD, TUNNEL } from "#plan/director-numbers.ts";

/*
 * A link between the director and a server is too small for a packet in its tunnel: a router there
 * tells the director, and the director the client.
 */

const IN = { from: 40_000, to: 80 };
const ANSWER = { id: 0, df: true, hops: 64 } as const;
const HEADER = { IPv4: 20, IPv6: 40 } as const;
const TOO_BIG = { IPv4: { type: 3, code: 4 }, IPv6: { type: 2 } } as const;
const GUE_PORT = 6080;

const TUNNELS = {
  IPIP: { tunnel: TUNNEL.IPIP, shim: 0, wrap: (packet: Uint8Array): Payload => ipip(packet) },
  GRE: { tunnel: TUNNEL.GRE, shim: 4, wrap: (packet: Uint8Array): Payload => gre(packet) },
  GUE: {
    tunnel: TUNNEL.GUE,
    shim: 12,
    wrap: (packet: Uint8Array): Payload => gue({ from: 50_000, to: GUE_PORT }, packet),
  },
} as const;
type TunnelName = keyof typeof TUNNELS;

describe("errors about tunnels", { skip: noDirector() }, () => {
  const bed = directorBed();

  const begin = (
    inner: FamilyName,
    outer: FamilyName,
    name: TunnelName,
    protocol: ProtocolName,
  ) => {
    const { client, service } = PEOPLE[inner];
    const { server, ours } = PEOPLE[outer];
    const { tunnel } = TUNNELS[name];
    const one = { address: server, source: ours, method: METHOD.TUN, tunnel, tunnelPort: GUE_PORT };
    bed.service({ address: service, protocol, servers: [one] });
    const packet = (hops: number): Uint8Array =>
      ip({ from: client, to: service, hops, df: true }, TRANSPORTS[protocol](IN));
    bed.run(frame(packet(64)));
    return packet(63);
  };
  const tunneled = (outer: FamilyName, name: TunnelName, packet: Uint8Array): Uint8Array => {
    const { server, ours } = PEOPLE[outer];
    return ip({ from: ours, to: server, id: 0, df: true, hops: 60 }, TUNNELS[name].wrap(packet));
  };
  const error = (outer: FamilyName, body: Uint8Array, info = 1400): Uint8Array =>
    ip(
      { from: PEOPLE[outer].router, to: PEOPLE[outer].ours },
      icmp({ ...TOO_BIG[outer], info, body }),
    );

  for (const name of Object.keys(TUNNELS) as TunnelName[]) {
    for (const inner of FAMILIES) {
      for (const outer of FAMILIES) {
        for (const protocol of PROTOCOLS) {
          test(`${name}, ${protocol} in ${inner} over ${outer}: the client is told its size`, () => {
            const { client, service } = PEOPLE[inner];
            const packet = begin(inner, outer, name, protocol);
            const whole = tunneled(outer, name, packet);
            const before = whole.length - packet.length;
            const info = 1400 - HEADER[outer] - TUNNELS[name].shim;
            const body = settledQuote(packet, protocol);
            const expected = ip(
              { ...ANSWER, from: service, to: client },
              icmp({ ...TOO_BIG[inner], info, body }),
            );
            // The kernel wants 40 bytes left of what was IPv6, where it is not told otherwise.
            for (const length of [before + body.length + 12, whole.length]) {
              bed.sends(error(outer, whole.subarray(0, length)), expected, { ingress: bed.back });
            }
            assert.deepEqual(bed.counters(), { ICMP: 2 });
          });
        }
      }
    }

    test(`${name}: too little is quoted to tell the client`, () => {
      const packet = begin("IPv4", "IPv4", name, "tcp");
      const whole = tunneled("IPv4", name, packet);
      const before = whole.length - packet.length;
      for (let quoted = 0; quoted < 40; quoted++) {
        const sent = frame(error("IPv4", whole.subarray(0, before + quoted)));
        const { verdict } = bed.run(sent);
        // Without ports nobody knows whose it is; with them there is still not enough to say.
        assert.equal(verdict, quoted < 24 ? VERDICT.pass : VERDICT.drop, `${quoted} bytes`);
      }
    });

    test(`${name}: what is not of a tunnel of ours passes`, () => {
      const packet = begin("IPv4", "IPv4", name, "tcp");
      const { client, service, other, server, ours } = PEOPLE.IPv4;
      const { wrap } = TUNNELS[name];
      const elsewhere = ip({ from: ours, to: other, id: 0, df: true }, wrap(packet));
      const unknown = ip({ from: client, to: service }, tcp({ from: 1, to: 80 }));
      const strange = ip({ from: ours, to: server }, wrap(unknown));
      for (const body of [elsewhere, strange]) {
        const sent = error("IPv4", body);
        bed.passes(sent);
      }
      const wrongName = name === "GRE" ? "IPIP" : "GRE";
      bed.passes(error("IPv4", tunneled("IPv4", wrongName, packet)));
      const { router } = PEOPLE.IPv4;
      const unreachable = icmp({ type: 3, code: 1, body: tunneled("IPv4", name, packet) });
      bed.passes(ip({ from: router, to: ours }, unreachable));
    });

    test(`${name}: a size that leaves nothing is no size`, () => {
      const packet = begin("IPv4", "IPv4", name, "tcp");
      const body = tunneled("IPv4", name, packet);
      for (const info of [0, 20 + TUNNELS[name].shim]) bed.drops(error("IPv4", body, info));
    });
  }

  test("who lets packets be cut is not told", () => {
    begin("IPv4", "IPv4", "IPIP", "udp");
    const { client, service } = PEOPLE.IPv4;
    const packet = ip({ from: client, to: service, hops: 63 }, TRANSPORTS.udp(IN));
    bed.drops(error("IPv4", tunneled("IPv4", "IPIP", packet)));
  });

  test("GUE to another port is not ours", () => {
    const packet = begin("IPv4", "IPv4", "GUE", "tcp");
    const { ours, server } = PEOPLE.IPv4;
    const body = ip({ from: ours, to: server }, gue({ from: 50_000, to: 6081 }, packet));
    bed.passes(error("IPv4", body));
  });
});
