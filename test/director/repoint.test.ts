import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { askFrom, HeldConnection, type Lan, serverHost, VIP } from "#kit/lan.ts";
import { configurationOf, SERVER_PORT, startDirector, startServers } from "#kit/lan-services.ts";
import { createLanFor, DR, FULLNAT, NAT, nameOfRoad, type Road } from "#kit/lan-ways.ts";
import { noNetns } from "#kit/netns.ts";
import { until } from "#kit/until.ts";
import type { Weir } from "#kit/weir.ts";
import type { TablesDocument } from "#monitor/document.ts";

/* A service is pointed at another backend: v4 has server a, `other` has b and c. */

const nameOf = (answer: string): string => answer.split(" ")[0]!;

describe("a service is pointed at another backend", { skip: noNetns() || noBpf() }, () => {
  const configuration = (lan: Lan, road: Road, backend: string, more: string, director = "") => {
    const others = ["b", "c"].map((name, i) => `${name}: "${serverHost(4, i + 1)}:${SERVER_PORT}"`);
    const text = configurationOf(lan, road, { servers: ["a"], service: more, director });
    const pointed = text.replace("backend: v4", `backend: ${backend}`);
    return `${pointed}  other: { check: off, balance: rr, servers: { ${others.join(", ")} } }\n`;
  };
  const answers = (lan: Lan, road: Road): Set<string> =>
    new Set(askFrom(lan.client, "tcp", VIP[4], road.port, 4).map(nameOf));
  const reload = async (weir: Weir, text: string): Promise<void> => {
    weir.configure(text);
    const { code, err } = await weir.cli("reload");
    assert.equal(code, 0, err);
  };

  for (const road of [NAT, DR, FULLNAT]) {
    test(`${nameOfRoad(road)}: its connections go on where they may`, async (t) => {
      const lan = createLanFor(t, road);
      await startServers(t, lan);
      const to = (backend: string, director = ""): string =>
        configuration(lan, road, backend, ", onServerRemoved: keep", director);
      const weir = await startDirector(t, lan, to("v4"));
      const held = await HeldConnection.open(t, lan.client, VIP[4], road.port);
      assert.equal(nameOf(await held.ask()), "a");
      await reload(weir, to("other"));
      assert.deepEqual(answers(lan, road), new Set(["b", "c"]));
      assert.equal(nameOf(await held.ask()), "a");
      const second = await HeldConnection.open(t, lan.client, VIP[4], road.port);
      const name = nameOf(await second.ask());
      await weir.kill();
      await weir.start();
      assert.equal(nameOf(await held.ask()), "a", "the next control knows it, too");
      assert.deepEqual(answers(lan, road), new Set(["b", "c"]));
      await reload(weir, to("v4"));
      assert.deepEqual(answers(lan, road), new Set(["a"]));
      assert.equal(nameOf(await held.ask()), "a");
      assert.equal(nameOf(await second.ask()), name, "and back");
      await reload(weir, to("other"));
      for (const [one, server] of [[held, "a"] as const, [second, name] as const]) {
        assert.equal(nameOf(await one.ask()), server, "and forth");
      }
    });
  }

  test("when they have ended, nothing is left of their servers", async (t) => {
    const lan = createLanFor(t, NAT);
    await startServers(t, lan);
    const to = (backend: string, director = ""): string =>
      configuration(lan, NAT, backend, ", onServerRemoved: keep", director);
    const weir = await startDirector(t, lan, to("v4"));
    const held = await HeldConnection.open(t, lan.client, VIP[4], NAT.port);
    assert.equal(nameOf(await held.ask()), "a");
    const known = async (): Promise<number | null> => {
      const { tables } = (await weir.adminJson("/api/v1/director/maps")) as TablesDocument;
      return tables.find(({ name }) => name === "servers")!.used;
    };
    await reload(weir, to("other"));
    // Three servers and one, for TCP and UDP.
    assert.equal(await known(), 8);
    await reload(weir, to("other", "  timeouts: { tcp: 1s }"));
    await until("a is of one service only", async () => (await known()) === 6);
    assert.match(await held.ask(), /ECONNRESET/);
  });

  test("else their packets are dropped, and go on when it is pointed back", async (t) => {
    const lan = createLanFor(t, NAT);
    await startServers(t, lan);
    const weir = await startDirector(t, lan, configuration(lan, NAT, "v4", ""));
    const held = await HeldConnection.open(t, lan.client, VIP[4], NAT.port);
    assert.equal(nameOf(await held.ask()), "a");
    await reload(weir, configuration(lan, NAT, "other", ""));
    assert.deepEqual(answers(lan, NAT), new Set(["b", "c"]));
    const answer = held.ask();
    await until("it is dropped", async () => {
      const { incidents } = (await weir.adminJson("/api/v1/director")) as {
        incidents: Record<string, number>;
      };
      return incidents["NO_DESTINATION"]! > 0;
    });
    await reload(weir, configuration(lan, NAT, "v4", ""));
    assert.equal(nameOf(await answer), "a");
  });

  test("or they are ended", async (t) => {
    const lan = createLanFor(t, NAT);
    await startServers(t, lan);
    const to = (backend: string): string =>
      configuration(lan, NAT, backend, ", onServerRemoved: reset");
    const weir = await startDirector(t, lan, to("v4"));
    const held = await HeldConnection.open(t, lan.client, VIP[4], NAT.port);
    assert.equal(nameOf(await held.ask()), "a");
    await reload(weir, to("other"));
    assert.match(await held.ask(), /ECONNRESET/);
    assert.deepEqual(answers(lan, NAT), new Set(["b", "c"]));
  });
});
