import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  asCycle,
  Comparison,
  clients,
  methodOf,
  type Rules,
  Service,
  type Talk,
} from "./compare.ts";
import { noMachine } from "./machine.ts";

/* One service whose servers go by methods of their own. */

const PEOPLE = clients(9);
/** What a client says and, where it is heard, its server. */
const HEARD = "<SA >A >PA <A >FA <A <FA >A";

/** The rest of a connection that has begun; a server past the director is not heard by it. */
function restOf({ rules }: Service, { server }: Talk): string {
  const isHeard = methodOf(rules, server) === "-m";
  return isHeard ? HEARD : HEARD.replaceAll(/<\w+ ?/g, "");
}

/** The outer TTL is our own, as RFC 2003 section 3.1 has it; IPVS takes the packet's. */
const withoutOuter = (said: string): string =>
  said.includes("[") ? said.replace(/ ttl \d+$/, "") : said;

describe("methods mixed in one service", { skip: noMachine() }, () => {
  const comparison = Comparison.forSuite();
  const rulesOf = (more: Partial<Rules> = {}): Rules => ({
    ...{ port: comparison.port(), service: "-s rr", weights: { a: 1, b: 1, c: 1 } },
    ...{ method: "-m", methods: { b: "-g", c: "-i" } },
    ...more,
  });

  for (const [first, methods] of [
    ["-m", { b: "-g", c: "-i" }],
    ["-g", { b: "-i", c: "-m" }],
    ["-i", { b: "-m", c: "-g" }],
  ] as const) {
    test(`${first} and others: packets, states and counts, step by step`, async (t) => {
      const rules = rulesOf({ method: first, methods });
      const told = await comparison.same(async (side) => {
        const service = await Service.make(side, rules);
        const steps: string[] = [];
        const servers = new Set<string>();
        for (const client of PEOPLE.slice(0, 3)) {
          const talk = service.talk(client);
          const note = async (what: string, said: string): Promise<void> => {
            const { state = "-" } = (await talk.state()) ?? {};
            steps.push(`${what} ${withoutOuter(said)} ${state} ${await service.loads()}`);
          };
          await note(">S", await talk.say("S"));
          servers.add(talk.server);
          for (const word of restOf(service, talk).trim().split(" ")) {
            await note(word, (await talk.play(word)).join());
          }
        }
        assert.deepEqual([...servers].sort(), ["a", "b", "c"]);
        return steps;
      });
      t.diagnostic(told.join("; "));
    });
  }

  test("the list has a word for each", async (t) => {
    const rules = rulesOf();
    const told = await comparison.same(async (side) => {
      await Service.make(side, rules);
      const lines = (await side.list()).split("\n");
      const at = lines.findIndex((line) => line.includes(`:${rules.port} `));
      return lines
        .slice(at + 1, at + 4)
        .map((line) => line.trim().split(/ +/).slice(1, 4).join(" "))
        .sort();
    });
    assert.deepEqual(
      told.map((line) => line.split(" ")[1]),
      ["Masq", "Route", "Tunnel"],
    );
    t.diagnostic(told.join("; "));
  });

  test("each is taken out, and its connection goes on when it is back", async (t) => {
    const rules = rulesOf();
    const told = await comparison.same(async (side) => {
      const service = await Service.make(side, rules);
      const talks: Talk[] = [];
      for (const client of PEOPLE.slice(0, 3)) {
        const talk = service.talk(client);
        await talk.play(">S");
        await talk.play(restOf(service, talk).startsWith("<") ? "<SA >A" : ">A");
        talks.push(talk);
      }
      const said: string[] = [];
      for (const talk of talks.sort((x, y) => (x.server < y.server ? -1 : 1))) {
        const { server } = talk;
        await service.remove(server);
        said.push(server, await talk.say("PA"), await service.loads());
        await service.add(server, 1);
        said.push(withoutOuter(await talk.say("PA")), await service.loads());
      }
      said.push(asCycle(await service.spread(PEOPLE, 7000)));
      return said;
    });
    t.diagnostic(told.join("; "));
  });

  for (const scheduler of ["wrr", "wlc", "sh -b sh-port", "mh -b mh-port"]) {
    test(`${scheduler}: weights count, methods do not`, async (t) => {
      const rules = rulesOf({ service: `-s ${scheduler}`, weights: { a: 1, b: 2, c: 3 } });
      const told = await comparison.same(async (side) => {
        const service = await Service.make(side, rules);
        const turns = await service.spread(clients(24), 5000);
        return scheduler === "wrr" ? [...turns].sort().join("") : turns;
      });
      assert.deepEqual([...new Set(told)].sort(), ["a", "b", "c"]);
      t.diagnostic(told);
    });
  }
});
