import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DEFAULT_TICKS, directorBed, noDirector } from "#kit/director-bed.ts";
import { PEOPLE } from "#kit/director-cases.ts";
import type { Placed } from "#kit/director-tables.ts";
import { frame, ip, tcp } from "#kit/packet.ts";
import { Sweeper } from "./sweeper.ts";
import { TemplateKeeper } from "./template-keeper.ts";
import { ticksOf } from "./ticks.ts";

const PERSIST = ticksOf(600_000);
/** What remains of a minute, and of none: passes take their time. */
const [SOON, LATER] = [ticksOf(50_000), ticksOf(20_000)];

for (const [family, people] of Object.entries(PEOPLE)) {
  describe(`templates of ${family}`, { skip: noDirector() }, () => {
    const { client, service, server, other } = people;
    const bed = directorBed();
    const place = (): Placed =>
      bed.service({
        ...{ address: service, servers: [{ address: server }, { address: other }] },
        ...{ persistTicks: PERSIST, prefix4: 24, prefix6: 64 },
      });
    const begin = (from: number): void =>
      void bed.run(frame(ip({ from: client, to: service }, tcp({ from, to: 80 }))));
    /** The row of the server that a new connection gets. */
    const chosen = (from: number): number => {
      begin(from);
      return bed.connections().find(({ flow }) => flow.startsWith(`${client}:${from} `))!.server;
    };
    function pass(keeper = new TemplateKeeper(bed.kernel, () => 600_000)): TemplateKeeper {
      const sweeper = new Sweeper(bed.kernel);
      const wishes = { throwsOut: false, countsSources: false, visitors: [keeper] };
      while (!sweeper.step(wishes));
      sweeper.close();
      return keeper;
    }

    test("live for a minute more while a connection does", () => {
      const { base } = place();
      begin(1);
      bed.ageTemplates(PERSIST - ticksOf(2000));
      pass();
      bed.ageTemplates(SOON);
      assert.equal(chosen(2), base);
    });

    test("that are there until the next pass get no minute yet", () => {
      const { base } = place();
      begin(1);
      bed.ageTemplates(PERSIST - ticksOf(30_000));
      pass();
      bed.ageTemplates(ticksOf(30_000) + 10);
      assert.equal(chosen(2), base + 1);
    });

    test("that outlive the connection get none either", () => {
      const { base } = place();
      begin(1);
      bed.age(DEFAULT_TICKS - ticksOf(10_000));
      bed.ageTemplates(PERSIST - ticksOf(15_000));
      pass();
      bed.ageTemplates(ticksOf(15_000) + 10);
      assert.equal(chosen(2), base + 1);
    });

    test("of no connection, and of another server's, end in time", () => {
      const { base } = place();
      begin(1);
      bed.map("connections").delete(bed.connection().key);
      bed.ageTemplates(PERSIST - ticksOf(2000));
      pass();
      bed.ageTemplates(SOON);
      assert.equal(chosen(2), base + 1);
    });

    test("that have more time are left as they are", () => {
      const { base } = place();
      begin(1);
      pass();
      bed.ageTemplates(PERSIST + 10);
      assert.equal(chosen(2), base + 1);
    });

    test("are looked after now and then, not in every pass", () => {
      const { base } = place();
      begin(1);
      const keeper = pass();
      bed.ageTemplates(PERSIST - LATER);
      pass(keeper);
      bed.ageTemplates(LATER + 10);
      assert.equal(chosen(2), base + 1);
    });
  });
}
