import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { type Asked, askFrom, createLan, HeldConnection, type Lan, VIP } from "#kit/lan.ts";
import {
  configurationOf,
  NAMES,
  startDirector,
  startServers,
  type Way,
} from "#kit/lan-services.ts";
import { noNetns } from "#kit/netns.ts";
import { until } from "#kit/until.ts";

/* What bounds clients and new flows, from the configuration to the packets. */

const NAT: Way = { method: "nat", port: 80 };

const ask = (lan: Lan, count: number, protocol: Asked = "tcp"): string[] =>
  askFrom(lan.client, protocol, VIP[4], NAT.port, count).map((answer) => answer.split(" ")[0]!);

describe("bounds", { skip: noNetns() || noBpf() }, () => {
  test("a client has as many connections as it may", async (t) => {
    const lan = createLan(t, "director");
    await startServers(t, lan);
    const weir = await startDirector(
      t,
      lan,
      configurationOf(lan, NAT, { service: ", maxPerSource: 2" }),
    );
    const held = await HeldConnection.open(t, lan.client, VIP[4], NAT.port);
    assert.deepEqual(ask(lan, 2), ["b", "ECONNREFUSED"], "one that has ended counts for a while");
    assert.match(await held.ask(), /^a /);
    weir.configure(configurationOf(lan, NAT));
    assert.equal((await weir.cli("reload")).code, 0);
    assert.equal(new Set(ask(lan, 3)).size, 3);
  });

  test("dropPacket: what is known goes on, what is new does not", async (t) => {
    const lan = createLan(t, "director");
    await startServers(t, lan);
    const weir = await startDirector(t, lan, configurationOf(lan, NAT));
    const held = await HeldConnection.open(t, lan.client, VIP[4], NAT.port);
    const director = "  dropPacket: always\n  amDropRate: 1";
    weir.configure(configurationOf(lan, NAT, { director }));
    assert.equal((await weir.cli("reload")).code, 0);
    assert.match(await held.ask(), /^a /);
    const [answer] = ask(lan, 1, "udp");
    assert.ok(!NAMES.includes(answer!), answer);
    weir.configure(configurationOf(lan, NAT));
    assert.equal((await weir.cli("reload")).code, 0);
    await until("new flows are answered", () => NAMES.includes(ask(lan, 1, "udp")[0]!));
  });

  test("lblc: an address stays with its server", async (t) => {
    const lan = createLan(t, "director");
    await startServers(t, lan);
    await startDirector(t, lan, configurationOf(lan, NAT, { balance: "lblc" }));
    assert.deepEqual(ask(lan, 4), ["a", "a", "a", "a"]);
  });
});
