import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { directorBed, noDirector, VERDICT } from "#kit/director-bed.ts";
import { FAMILIES, type FamilyName, PEOPLE, PROTOCOLS, TRANSPORTS } from "#kit/director-cases.ts";
import { counting, frame, icmp, ip, tcp, udp } from "#kit/packet.ts";
import { frameFaults } from "#kit/packet-check.ts";
import { CONFIG_FLAG, CONN_STATE, METHOD, SYN_PROXY } from "#plan/director-numbers.ts";

/* Servers of nat and fullnat that are on the director's own machine. */

const IN = { from: 40_000, to: 80 };
const PORT = 9000;
const UP = { from: IN.from, to: PORT };
const DOWN = { from: PORT, to: IN.from };
const OUT = { from: IN.to, to: IN.from };

describe("servers on this machine", { skip: noDirector() }, () => {
  const bed = directorBed();
  beforeEach(() => bed.enable(CONFIG_FLAG.REPLIES));

  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

  /** Goes up to the kernel as another packet. */
  function rises(packet: Uint8Array, expected: Uint8Array): void {
    const out = bed.run(frame(packet));
    assert.equal(out.verdict, VERDICT.pass);
    assert.equal(hex(out.frame), hex(frame(expected)));
    assert.deepEqual(frameFaults(out.frame), []);
  }

  /** Leaves as another packet. */
  function leaves(packet: Uint8Array, expected: Uint8Array): void {
    const out = bed.runExit(frame(packet));
    assert.equal(out.verdict, VERDICT.pass);
    assert.equal(hex(out.frame), hex(frame(expected)));
    assert.deepEqual(frameFaults(out.frame), []);
  }

  const services = (family: FamilyName, method: number, protocol = PROTOCOLS[0]!) => {
    const { service, server, ours } = PEOPLE[family];
    bed.configure({ locals: [ours], flags: CONFIG_FLAG.REPLIES });
    const one = { address: server, port: PORT, method, local: true };
    return bed.service({ address: service, protocol, servers: [one] });
  };

  for (const family of FAMILIES) {
    const { client, service, server, second, router, stranger } = PEOPLE[family];
    for (const method of ["NAT", "FULLNAT"] as const) {
      const name = `${method} over ${family}`;

      for (const protocol of PROTOCOLS) {
        const payload = TRANSPORTS[protocol];

        test(`${name}, ${protocol}: up with the server's address, out with the service's`, () => {
          const { base } = services(family, METHOD[method], protocol);
          rises(
            ip({ from: client, to: service, hops: 1 }, payload(IN)),
            ip({ from: client, to: server, hops: 1 }, payload(UP)),
          );
          leaves(
            ip({ from: server, to: client }, payload(DOWN)),
            ip({ from: service, to: client }, payload(OUT)),
          );
          const { in: came, out, connections } = bed.statistics(base);
          assert.deepEqual({ came, out, connections }, { came: 1, out: 1, connections: 1 });
          assert.deepEqual(bed.counters(), {});
        });
      }

      test(`${name}: states, and a flow that begins anew`, () => {
        services(family, METHOD[method]);
        const say = (flags: string): void =>
          rises(
            ip({ from: client, to: service }, tcp({ ...IN, flags })),
            ip({ from: client, to: server }, tcp({ ...UP, flags })),
          );
        const answer = (flags: string): void =>
          leaves(
            ip({ from: server, to: client }, tcp({ ...DOWN, flags })),
            ip({ from: service, to: client }, tcp({ ...OUT, flags })),
          );
        bed.enable(CONFIG_FLAG.REUSE);
        say("S");
        answer("SA");
        say("A");
        assert.equal(bed.connection().state, CONN_STATE.ESTABLISHED);
        answer("FA");
        say("FA");
        assert.equal(bed.connection().state, CONN_STATE.TIME_WAIT);
        say("S");
        assert.equal(bed.connection().state, CONN_STATE.SYN_RECV);
        answer("SA");
      });

      test(`${name}: an answer in pieces`, () => {
        services(family, METHOD[method], "udp");
        bed.run(frame(ip({ from: client, to: service }, udp(IN))));
        const data = counting(3000);
        for (const part of [
          { at: 0, bytes: 1480 },
          { at: 1480, bytes: 1480 },
        ]) {
          const out = bed.runExit(
            frame(ip({ from: server, to: client, part }, udp({ ...DOWN, data }))),
          );
          const expected = ip({ from: service, to: client, part }, udp({ ...OUT, data }));
          assert.equal(hex(out.frame), hex(frame(expected)), `${part.at}`);
        }
      });

      test(`${name}: two services before one server`, () => {
        bed.configure({ flags: CONFIG_FLAG.REPLIES });
        const servers = [{ address: server, port: PORT, method: METHOD[method], local: true }];
        bed.service({ address: service, servers });
        bed.service({ address: second, servers });
        rises(ip({ from: client, to: second }, tcp(IN)), ip({ from: client, to: server }, tcp(UP)));
        leaves(
          ip({ from: server, to: client }, tcp({ ...DOWN, flags: "SA" })),
          ip({ from: second, to: client }, tcp({ ...OUT, flags: "SA" })),
        );
      });

      test(`${name}: an error on the answer's way goes up to the server`, () => {
        services(family, METHOD[method], "udp");
        bed.run(frame(ip({ from: client, to: service }, udp(IN))));
        const [type, code] = family === "IPv4" ? [3, 4] : [2, 0];
        const error = (from: string, ports: typeof DOWN): Uint8Array => {
          const body = ip({ from, to: client }, udp({ ...ports, data: counting(9) }));
          return ip(
            { from: router, to: from, hops: 2 },
            icmp({ type: type!, code: code!, info: 1280, body }),
          );
        };
        rises(error(service, OUT), error(server, DOWN));
      });

      test(`${name}: with a SYN cookie nothing can be there`, () => {
        const { ours } = PEOPLE[family];
        bed.configure({ locals: [ours], flags: CONFIG_FLAG.REPLIES });
        const one = { address: server, port: PORT, method: METHOD[method], local: true };
        bed.service({ address: service, servers: [one], synProxy: SYN_PROXY.ALWAYS });
        const { frame: cookie } = bed.run(frame(ip({ from: client, to: service }, tcp(IN))));
        const l4 = family === "IPv4" ? 34 : 54;
        const number = Buffer.from(cookie).readUInt32BE(l4 + 4);
        const ack = { ...IN, flags: "A", seq: 1001, ack: number + 1 };
        bed.drops(ip({ from: client, to: service }, tcp(ack)));
        assert.equal(bed.counters()["NO_ROUTE"], 1);
      });
    }

    test(`${family}: others' packets leave as they are`, () => {
      services(family, METHOD.NAT);
      bed.run(frame(ip({ from: client, to: service }, tcp(IN))));
      const stays = (packet: Uint8Array, ingress = 0): void => {
        const out = bed.runExit(frame(packet), { ingress });
        assert.deepEqual([out.verdict, hex(out.frame)], [VERDICT.pass, hex(frame(packet))]);
      };
      stays(ip({ from: server, to: stranger }, tcp(DOWN)));
      stays(ip({ from: server, to: client }, tcp({ ...DOWN, from: PORT + 1 })));
      stays(ip({ from: server, to: client }, udp(DOWN)));
      stays(ip({ from: server, to: client }, tcp(DOWN)), bed.front);
    });
  }
});
