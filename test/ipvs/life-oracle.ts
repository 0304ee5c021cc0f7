import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { asCycle, Comparison, clients, type Rules, Service } from "./compare.ts";
import { noMachine } from "./machine.ts";

/* Servers and settings change, clients come back: which connections go on, and where. */

const PEOPLE = clients(6);
const [FIRST, SECOND] = PEOPLE as [string, string];

describe("life", { skip: noMachine() }, () => {
  const comparison = Comparison.forSuite();
  const rulesOf = (more: Partial<Rules> = {}): Rules => ({
    port: comparison.port(),
    service: "-s rr",
    weights: { a: 1, b: 1, c: 1 },
    ...more,
  });

  for (const method of ["-m", "-g"]) {
    test(`${method}: weight 0 keeps connections and takes no others`, async (t) => {
      const rules = rulesOf({ method });
      const told = await comparison.same(async (side) => {
        const service = await Service.make(side, rules);
        const talk = service.talk(FIRST);
        const said = [await talk.say("S"), await talk.say("A")];
        await service.weigh(talk.server, 0);
        said.push(await talk.say("PA"), asCycle(await service.spread(PEOPLE, 6000)));
        said.push(await service.loads());
        await service.weigh(talk.server, 1);
        said.push(await talk.say("PA"), asCycle(await service.spread(PEOPLE, 6001)));
        said.push(await service.loads());
        return said;
      });
      t.diagnostic(told.join(", "));
    });

    for (const expire of [0, 1]) {
      test(`${method}: a server is removed and comes back, expire_nodest_conn ${expire}`, async (t) => {
        const rules = rulesOf({ method });
        const told = await comparison.same(async (side) => {
          await side.set("expire_nodest_conn", expire);
          const service = await Service.make(side, rules);
          const talk = service.talk(FIRST);
          const said = [await talk.say("S"), await talk.say("A")];
          await service.remove(talk.server);
          said.push(await talk.say("PA"), await talk.say("PA"));
          said.push(asCycle(await service.spread(PEOPLE, 6000)), await service.loads());
          await service.add(talk.server, 1);
          said.push(await talk.say("PA"), await service.loads());
          said.push(asCycle(await service.spread(PEOPLE, 6001)), await service.loads());
          await side.set("expire_nodest_conn", 0);
          return said;
        });
        t.diagnostic(told.join(", "));
      });
    }
  }

  test("no server: at first, all of weight 0, all removed", async (t) => {
    const rules = rulesOf({ weights: {} });
    const { ipvs, ours } = await comparison.each(async (side) => {
      const service = await Service.make(side, rules);
      const said = [await service.talk(FIRST, 6000).say("S")];
      await service.add("a", 0);
      said.push(await service.talk(FIRST, 6001).say("S"), await service.talk(FIRST, 6001).say("A"));
      await service.remove("a");
      said.push(await service.talk(FIRST, 6002).say("S"));
      return said;
    });
    t.diagnostic(ipvs.join(", "));
    // IPVS says by ICMP that there is no such port; we reset, which clients take for an answer.
    const words = [/ icmp 3\.3 /, / icmp 3\.3 /, / R /, / icmp 3\.3 /];
    for (const [i, word] of words.entries()) assert.match(ipvs[i]!, word);
    for (const one of ours) assert.match(one, / RA? /);
  });

  for (const [mode, script] of [0, 1, 2, 3].flatMap((mode) =>
    [
      ">S <SA >A >FA <FA >A",
      ">S <SA >A <FA",
      ">S <SA >A >FA",
      ">S <SA >A >R",
      ">S <SA >A",
      ">S",
    ].map((script) => [mode, script] as const),
  )) {
    test(`conn_reuse_mode ${mode}: ${script}, and another SYN`, async (t) => {
      const rules = rulesOf();
      const told = await comparison.same(async (side) => {
        await side.set("conn_reuse_mode", mode);
        const service = await Service.make(side, rules);
        const talk = service.talk(FIRST);
        await talk.play(script);
        const said = [talk.server, await talk.say("S"), await service.loads()];
        await side.set("conn_reuse_mode", 1);
        return said;
      });
      t.diagnostic(told.join(", "));
    });
  }

  test("conn_reuse_mode with dr", async (t) => {
    const rules = rulesOf({ method: "-g" });
    const told = await comparison.same(async (side) => {
      const said: string[] = [];
      const service = await Service.make(side, rules);
      for (const mode of [0, 1, 2, 3]) {
        await side.set("conn_reuse_mode", mode);
        const talk = service.talk(FIRST, 7000 + mode);
        await talk.play(">S >A >FA");
        said.push(talk.server, await talk.say("S"), await service.loads());
      }
      await side.set("conn_reuse_mode", 1);
      return said;
    });
    t.diagnostic(told.join(", "));
  });

  test("sloppy_tcp", async (t) => {
    const rules = rulesOf();
    const told = await comparison.same(async (side) => {
      await side.set("sloppy_tcp", 1);
      const service = await Service.make(side, rules);
      const said: string[] = [];
      for (const [i, flags] of ["A", "FA", "R", "PA", "P", "SA", "RA", "SR"].entries()) {
        const talk = service.talk(FIRST, 7000 + i);
        said.push(await talk.say(flags), (await talk.state())?.state ?? "-");
      }
      await side.set("sloppy_tcp", 0);
      return [...said, await service.loads()];
    });
    t.diagnostic(told.join(", "));
  });

  for (const mask of ["", "-M 255.255.255.0"]) {
    test(`persistence ${mask}`, async (t) => {
      const rules = rulesOf({ service: `-s rr -p 60 ${mask}` });
      const near = PEOPLE.map((address) => address.replace(/\d+$/, "7"));
      const told = await comparison.same(async (side) => {
        const service = await Service.make(side, rules);
        const said = [await service.spread(PEOPLE), await service.spread(PEOPLE, 5001)];
        said.push(await service.spread(near), await service.loads());
        const talk = service.talk(FIRST, 5002);
        await talk.play(">S <SA >A");
        await service.weigh(talk.server, 0);
        said.push(await service.spread(PEOPLE, 5003), await talk.say("PA"));
        await side.set("expire_quiescent_template", 1);
        said.push(await service.spread(PEOPLE, 5004), await talk.say("PA"));
        await side.set("expire_quiescent_template", 0);
        await service.weigh(talk.server, 1);
        said.push(await service.spread(PEOPLE, 5005));
        await service.remove(talk.server);
        said.push(await service.spread(PEOPLE, 5006), await service.spread(PEOPLE, 5007));
        return said;
      });
      t.diagnostic(told.join(", "));
    });
  }

  test("persistence of all ports", async (t) => {
    const rules = rulesOf({ vip: "10.1.0.101", port: 0, service: "-s rr -p 60" });
    const told = await comparison.same(async (side) => {
      const service = await Service.make(side, rules);
      const said: string[] = [];
      for (const client of PEOPLE) {
        for (const port of [80, 443, 80]) {
          const talk = service.talk(client, 5000 + said.length, port);
          said.push(await talk.say("S"));
        }
      }
      return said;
    });
    t.diagnostic(told.join(", "));
  });

  test("persistence ends some time after the last connection's packet", async (t) => {
    const rules = rulesOf({ service: "-s rr -p 2", protocol: "udp", method: "-g" });
    const told = await comparison.same(async (side) => {
      await side.apply(["--set 0 0 1"]);
      const service = await Service.make(side, rules);
      const said = [await service.spread([FIRST, SECOND])];
      said.push(await service.spread([FIRST], 5001));
      // Both the connections' time and the template's.
      await sleep(6500);
      said.push(await service.spread([SECOND, FIRST], 5002));
      await side.apply(["--set 0 0 300"]);
      return said;
    });
    t.diagnostic(told.join(", "));
  });

  test("one packet alone", async (t) => {
    const rules = rulesOf({ service: "-s rr -o", protocol: "udp", method: "-g" });
    const told = await comparison.same(async (side) => {
      const service = await Service.make(side, rules);
      const said = [await service.spread(PEOPLE), await service.spread(PEOPLE)];
      return [...said, await service.loads(), JSON.stringify(await service.connections())];
    });
    t.diagnostic(told.join(", "));
  });

  test("UDP without it stays where it is", async (t) => {
    const rules = rulesOf({ protocol: "udp" });
    const told = await comparison.same(async (side) => {
      const service = await Service.make(side, rules);
      const said = [await service.spread(PEOPLE), await service.spread(PEOPLE)];
      // It is inactive for IPVS, whose sed, nq and ovf can therefore do nothing for UDP.
      const loads = Object.values(await service.servers());
      return [...said, ...loads.map(({ active, inactive }) => String(active + inactive))];
    });
    t.diagnostic(told.join(", "));
  });

  for (const [service, server] of [
    ["-s rr", "-x 3"],
    ["-s rr", "-x 4 -y 2"],
    ["-s wlc", "-x 3"],
    ["-s wrr", "-x 3"],
    ["-s sh -b sh-fallback", "-x 2"],
    ["-s sh", "-x 2"],
  ] as const) {
    test(`thresholds: ${service} ${server}`, async (t) => {
      const rules = rulesOf({ service, server, weights: { a: 3, b: 1 } });
      const told = await comparison.same(async (side) => {
        const made = await Service.make(side, rules);
        const talks = clients(12).map((client) => made.talk(client));
        let chosen = "";
        for (const talk of talks) {
          await talk.say("S");
          chosen += talk.server.length === 1 ? talk.server : "-";
        }
        // Where turns begin is another matter.
        const said = [service === "-s wrr" ? "" : chosen, await made.loads()];
        for (const talk of talks) {
          if (talk.server.length === 1) await talk.play("<SA >A >FA <FA");
        }
        said.push(await made.loads(), await made.spread(PEOPLE, 6000), await made.loads());
        return said;
      });
      t.diagnostic(told.join(", "));
    });
  }

  test("a heavy server that is full leaves the others their turns", async (t) => {
    const rules = rulesOf({ service: "-s wrr", server: "-x 5", weights: { a: 200, b: 1 } });
    const told = await comparison.same(async (side) => {
      const service = await Service.make(side, rules);
      const both = (await service.spread(clients(6))) + (await service.spread(clients(6), 6000));
      return [[...both].sort().join(""), await service.loads()];
    });
    t.diagnostic(told.join(", "));
  });
});
