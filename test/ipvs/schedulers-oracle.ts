import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Comparison, clients, Service, type Talk } from "./compare.ts";
import { noMachine } from "./machine.ts";
import { type Side, VIPS } from "./side.ts";

/* Which server a connection goes to. */

const WEIGHTS: readonly Readonly<Record<string, number>>[] = [
  { a: 1, b: 1, c: 1 },
  { c: 4, b: 3, a: 2 },
  { c: 10, b: 5, a: 0 },
  { d: 7, c: 7, b: 3, a: 1 },
  { a: 30, b: 1 },
];
const HASHES = [
  ...["dh", "sh", "sh -b sh-port", "sh -b sh-fallback"],
  ...["mh", "mh -b mh-port", "mh -b mh-fallback", "mh -b mh-fallback,mh-port"],
];
const textOf = (weights: Readonly<Record<string, number>>): string =>
  Object.entries(weights)
    .map(([name, weight]) => `${name}${weight}`)
    .join(" ");

describe("schedulers", { skip: noMachine() }, () => {
  const comparison = Comparison.forSuite();

  for (const weights of WEIGHTS) {
    test(`rr ${textOf(weights)}`, async (t) => {
      const port = comparison.port();
      const said = await comparison.same((side) => inTurn(side, port, "rr", weights));
      t.diagnostic(said);
    });

    test(`wrr ${textOf(weights)}`, async (t) => {
      const port = comparison.port();
      const said = await comparison.each((side) => inTurn(side, port, "wrr", weights));
      t.diagnostic(said.ipvs);
      // The first pass of IPVS is that of all servers, whatever they weigh; ours that of the
      // heaviest. The cycle is the same.
      const period = sum(Object.values(weights));
      const shift = said.ipvs.indexOf(said.ours.slice(0, period));
      assert.ok(shift >= 0 && shift < period, `${said.ours} is not ${said.ipvs}, moved on`);
      assert.equal(said.ours.slice(0, -shift || undefined), said.ipvs.slice(shift));
    });
  }

  test("dh goes by the address that is asked", async (t) => {
    const port = comparison.port();
    const said = await comparison.same(async (side) => {
      let chosen = "";
      for (const vip of VIPS) {
        const rules = { port, vip, service: "-s dh", weights: { a: 1, b: 3, c: 0, d: 2 } };
        const service = await Service.make(side, rules);
        chosen += `${await service.spread(clients(2))} `;
      }
      return chosen;
    });
    t.diagnostic(said);
  });

  for (const flags of HASHES) {
    for (const weights of WEIGHTS) {
      test(`${flags} ${textOf(weights)}`, async (t) => {
        const port = comparison.port();
        const said = await comparison.same(async (side) => {
          const service = await Service.make(side, { port, service: `-s ${flags}`, weights });
          const before = [
            await service.spread(clients(50)),
            await service.spread(clients(50), 5777),
          ];
          await service.weigh(Object.keys(weights)[0]!, 0);
          return [...before, await service.spread(clients(50), 5778)];
        });
        t.diagnostic(said.join(" "));
      });
    }
  }

  for (const scheduler of ["lc", "wlc", "sed", "nq", "fo", "ovf"]) {
    for (const weights of WEIGHTS) {
      test(`${scheduler} ${textOf(weights)}`, async (t) => {
        const port = comparison.port();
        const said = await comparison.same((side) => comeAndGo(side, port, scheduler, weights));
        t.diagnostic(said.join(" "));
      });
    }
  }

  for (const scheduler of ["lc", "wlc", "sed", "nq", "fo", "ovf"]) {
    for (const weights of WEIGHTS) {
      test(`${scheduler} ${textOf(weights)}, flows of UDP`, async (t) => {
        const port = comparison.port();
        const said = await comparison.same(async (side) => {
          const rules = { port, protocol: "udp", service: `-s ${scheduler}`, weights } as const;
          const service = await Service.make(side, rules);
          return [await service.spread(clients(40)), await service.loads()];
        });
        t.diagnostic(said.join(" "));
      });
    }
  }
});

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Where 100 connections go. */
async function inTurn(
  side: Side,
  port: number,
  scheduler: string,
  weights: Readonly<Record<string, number>>,
): Promise<string> {
  const service = await Service.make(side, { port, service: `-s ${scheduler}`, weights });
  return (await service.spread(clients(50))) + (await service.spread(clients(50), 5001));
}

/** Connections are opened, established, closed and reset; where each went, and the loads. */
async function comeAndGo(
  side: Side,
  port: number,
  scheduler: string,
  weights: Readonly<Record<string, number>>,
): Promise<string[]> {
  const service = await Service.make(side, { port, service: `-s ${scheduler}`, weights });
  const talks: Talk[] = [];
  let chosen = "";
  for (const [i, client] of clients(40).entries()) {
    const talk = service.talk(client);
    await talk.say("S");
    chosen += talk.server.length === 1 ? talk.server : "-";
    if (talk.server.length !== 1) continue;
    talks.push(talk);
    if (i % 4 !== 3) await talk.play("<SA >A");
    if (i % 5 === 4) await talks[(i * 7) % talks.length]!.play(">FA <A");
    if (i % 7 === 6) await talks[(i * 5) % talks.length]!.say("R");
  }
  return [chosen, await service.loads()];
}
