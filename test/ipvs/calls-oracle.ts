import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ip, udp } from "#kit/packet.ts";
import { Comparison, clients, type Rules, Service } from "./compare.ts";
import { noMachine } from "./machine.ts";
import { pass, type Side, serverAddress, VIP } from "./side.ts";

/* Persistence by calls of SIP (`--pe sip`): which call a datagram is of, and where it goes. */

const PEOPLE = clients(4);
const [FIRST, SECOND] = PEOPLE as [string, string];
const near = (address: string): string => address.replace(/\d+$/, "7");

const message = (...lines: readonly string[]): string =>
  [
    "INVITE sip:bob@example.org SIP/2.0",
    "Via: SIP/2.0/UDP 10.9.0.1:5060;branch=z9hG4bK74bf9",
    ...lines,
    "Content-Length: 4",
    "",
    "body",
  ].join("\r\n");
const ofCall = (id: string): string => message(`Call-ID: ${id}`);

/** Headers in which both find the call `one`, by what is odd about them. */
const FOUND: Readonly<Record<string, string>> = {
  plain: ofCall("one"),
  "in other letters": message("cALL-iD: one"),
  "in short": message("i: one"),
  "in short, without a space": message("I:one"),
  "spaces before and behind the colon": message("Call-ID  :   one"),
  "on the next line": message("Call-ID:", " one"),
  "ends of lines are LF": ofCall("one").replaceAll("\r\n", "\n"),
  "ends of lines are CR": ofCall("one").replaceAll("\r\n", "\r"),
  "behind a line that goes on": message("Subject: a", " i: two", "Call-ID: one"),
  "a field that begins with it": message("Info: two", "Call-ID: one"),
  "the first of two": message("Call-ID: one", "Call-ID: two"),
};

/** And in which neither finds any. */
const NONE: Readonly<Record<string, string>> = {
  "no such field": message("Subject: one"),
  "it does not end": "OPTIONS sip:bob@example.org SIP/2.0\r\nSubject: a\r\nCall-ID: one",
  "256 bytes of it": ofCall("x".repeat(256)),
  "two words": message("Call-ID: one two"),
  "two ends of lines": "\r\n\r\n",
};

describe("calls", { skip: noMachine() }, () => {
  const comparison = Comparison.forSuite();
  const rulesOf = (service: string, more: Partial<Rules> = {}): Rules => ({
    port: comparison.port(),
    service: `-s rr ${service}`,
    protocol: "udp",
    method: "-g",
    weights: { a: 1, b: 1, c: 1 },
    ...more,
  });

  /** Who gets a client's datagram; `-` is nobody. */
  const say = async (
    side: Side,
    { port }: Rules,
    text: string,
    from = FIRST,
    clientPort = 5060,
  ): Promise<string> => {
    const payload = udp({ from: clientPort, to: port, data: new Uint8Array(Buffer.from(text)) });
    const seen = await pass(side, [ip({ from, to: VIP }, payload)]);
    return seen.map(({ to, faults }) => [to, ...faults].join(" ")).join(", ") || "-";
  };

  /** What comes out of a server's datagram as the service's; not what the kernel sends on. */
  const hear = async (side: Side, { port }: Rules, server: string, text: string, to = FIRST) => {
    const payload = udp({ from: port, to: 5060, data: new Uint8Array(Buffer.from(text)) });
    const packet = ip({ from: serverAddress(server), to }, payload);
    const seen = await pass(side, [packet], server);
    const own = seen.filter(({ packet }) => !packet.startsWith(serverAddress(server)));
    return own.map(({ to, packet, hops }) => `${to}: ${packet} ttl ${hops}`).join(", ") || "-";
  };

  test("headers in which the call is found, and in which it is not", async (t) => {
    const told = await comparison.same(async (side) => {
      const said: string[] = [];
      for (const [name, text] of Object.entries({ ...FOUND, ...NONE })) {
        const rules = rulesOf("-p 60 --pe sip -o");
        await Service.make(side, rules);
        const first = await say(side, rules, FOUND["plain"]!);
        const other = await say(side, rules, ofCall("other"));
        const place = await say(side, rules, text);
        said.push(`${name}: ${place === first && place !== other ? "the call's" : place}`);
      }
      return said;
    });
    t.diagnostic(told.join("\n"));
    for (const line of told.slice(0, Object.keys(FOUND).length))
      assert.match(line, /: the call's$/);
    for (const line of told.slice(Object.keys(FOUND).length)) assert.match(line, /: -$/);
  });

  for (const mask of ["", "-M 255.255.255.0", "-M 0.0.0.0"]) {
    for (const one of ["-o", ""]) {
      test(`calls of several clients and ports: ${one} ${mask}`, async (t) => {
        const rules = rulesOf(`-p 60 ${mask} --pe sip ${one}`);
        const told = await comparison.same(async (side) => {
          const service = await Service.make(side, rules);
          const said: string[] = [];
          for (const port of [5060, 6000]) {
            for (const from of [FIRST, near(FIRST), SECOND]) {
              for (const id of ["one", "two", "one"]) {
                said.push(await say(side, rules, ofCall(id), from, port));
              }
            }
          }
          return [said.join(""), await service.loads().then(ofBoth)];
        });
        t.diagnostic(told.join(", "));
      });
    }
  }

  test("weight 0, and a server that is removed", async (t) => {
    const rules = rulesOf("-p 60 --pe sip -o", { weights: { a: 1, b: 1 } });
    const told = await comparison.same(async (side) => {
      const service = await Service.make(side, rules);
      const server = await say(side, rules, ofCall("one"));
      await service.weigh(server, 0);
      const said = [server, await say(side, rules, ofCall("one"))];
      await side.set("expire_quiescent_template", 1);
      said.push(await say(side, rules, ofCall("one")));
      await side.set("expire_quiescent_template", 0);
      await service.weigh(server, 1);
      await service.remove(said.at(-1)!);
      said.push(await say(side, rules, ofCall("one")), await say(side, rules, ofCall("two")));
      return said;
    });
    t.diagnostic(told.join(", "));
  });

  test("a call ends some time after its last datagram", async (t) => {
    const rules = rulesOf("-p 3 --pe sip -o", { weights: { a: 1, b: 1 } });
    const told = await comparison.same(async (side) => {
      await Service.make(side, rules);
      const said = [await say(side, rules, ofCall("one")), await say(side, rules, ofCall("one"))];
      await sleep(2000);
      said.push(await say(side, rules, ofCall("one")));
      await sleep(2000);
      said.push(await say(side, rules, ofCall("one")));
      await sleep(5000);
      said.push(await say(side, rules, ofCall("one")));
      return said;
    });
    t.diagnostic(told.join(", "));
  });

  for (const one of ["-o", ""]) {
    test(`what servers say, with nat ${one}`, async (t) => {
      const rules = rulesOf(`-p 60 --pe sip ${one}`, { method: "-m", weights: { a: 1, b: 1 } });
      const told = await comparison.same(async (side) => {
        const service = await Service.make(side, rules);
        const said = [await say(side, rules, ofCall("one")), await say(side, rules, ofCall("two"))];
        // Of a flow that has its connection, another server's word begins a second one in IPVS.
        for (const server of one === "" ? [said[0]!] : ["a", "b"]) {
          said.push(await hear(side, rules, server, ofCall("one")));
          said.push(await say(side, rules, ofCall("one")));
        }
        // A call that a server begins, to somebody who has said nothing yet.
        said.push(await hear(side, rules, "b", ofCall("three"), SECOND));
        said.push(await say(side, rules, ofCall("three"), SECOND));
        said.push(await say(side, rules, ofCall("four"), SECOND));
        said.push(await hear(side, rules, "a", message("Subject: none"), near(SECOND)));
        said.push(await hear(side, rules, "c", ofCall("one"), near(SECOND)));
        return [...said, ofBoth(await service.loads())];
      });
      t.diagnostic(told.join("\n"));
    });
  }

  test("how it is listed", async (t) => {
    const { ipvs, ours } = await comparison.each(async (side) => {
      const rules = rulesOf("-p 60 -M 255.255.255.0 --pe sip -o");
      await Service.make(side, rules);
      const lines = (await side.list()).split("\n");
      return lines.find((line) => line.includes(`:${rules.port} `) && line.startsWith("UDP"))!;
    });
    t.diagnostic(`${ipvs}; ${ours}`);
    const words = (line: string): string[] => line.trim().split(/ +/).slice(2);
    assert.deepEqual(words(ours), words(ipvs));
  });
});

/** Connections of each server; which of them are active is another matter with UDP. */
function ofBoth(loads: string): string {
  return loads.replaceAll(/(\d+)\+(\d+)/g, (_, a, b) => String(Number(a) + Number(b)));
}
