import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { askNames } from "#kit/dns-client.ts";
import { createLan, type Family, type Lan, VIP } from "#kit/lan.ts";
import { configurationOf, NAMES, SERVER_PORT, startDirector } from "#kit/lan-services.ts";
import { DR, FAMILIES, viewOf } from "#kit/lan-ways.ts";
import { inNetns, noNetns, noProgram, runProgram } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { until } from "#kit/until.ts";
import { allUp } from "#kit/via.ts";
import type { Weir } from "#kit/weir.ts";

/* Real name servers behind the director, dr, UDP. */

/** Each says an address of its own for the same name: 10.0.0.1, 10.0.0.2 … */
async function startNameServer(owner: Owner, netns: string, number: number): Promise<void> {
  const options = [
    ...["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts"],
    ...["--pid-file", "--log-facility=-", "--user=root", `--port=${SERVER_PORT}`],
    `--host-record=who.test,10.0.0.${number}`,
  ];
  const [program, ...words] = [...inNetns(netns), "dnsmasq", ...options];
  const child = spawn(program!, words, { stdio: ["ignore", "ignore", "pipe"] });
  owner.after(() => void child.kill("SIGKILL"));
  // It says that it has started once it listens.
  let said = "";
  for await (const chunk of child.stderr) {
    said += chunk;
    if (said.includes("started")) return;
  }
  throw new Error(said);
}

async function start(t: Owner, service = ""): Promise<{ lan: Lan; weir: Weir }> {
  const lan = createLan(t, "direct");
  await Promise.all(lan.servers.map((netns, i) => startNameServer(t, netns, i + 1)));
  return { lan, weir: await startDirector(t, lan, text(lan, service)) };
}

const text = (lan: Lan, service: string): string =>
  configurationOf(lan, DR, { service }).replaceAll("[tcp, udp]", "udp");

const tracked = async (weir: Weir, family: Family): Promise<number> =>
  (await viewOf(weir)).services.find(({ name }) => name === `v${family}`)!.counts.connections;

/** How often each server answered. */
function tally(answers: readonly string[]): number[] {
  return NAMES.map((_, i) => answers.filter((answer) => answer === `10.0.0.${i + 1}`).length);
}

describe("DNS", { skip: noNetns() || noBpf() || noProgram("dnsmasq") }, () => {
  test("a thousand questions, each from a port of its own", async (t) => {
    const { lan, weir } = await start(t);
    for (const family of FAMILIES) {
      const answers = askNames(lan.client, VIP[family], SERVER_PORT, 1000, "a port each");
      assert.deepEqual(tally(answers), [334, 333, 333]);
      assert.equal(await tracked(weir, family), 1000);
    }
  });

  test("onePacket spreads the questions of one socket; persistence keeps a client's together", async (t) => {
    const { lan, weir } = await start(t, ", onePacket: true");
    const ask = (family: Family, ports: "one port" | "a port each") =>
      tally(askNames(lan.client, VIP[family], SERVER_PORT, 99, ports));
    for (const family of FAMILIES) {
      assert.deepEqual(ask(family, "one port"), [33, 33, 33]);
      assert.equal(await tracked(weir, family), 0);
    }
    weir.configure(text(lan, ", persistence: 1m"));
    await weir.adminJson("/api/v1/reload", { method: "POST" });
    for (const family of FAMILIES) assert.ok(ask(family, "a port each").includes(99));
    weir.configure(text(lan, ""));
    await weir.adminJson("/api/v1/reload", { method: "POST" });
    for (const family of FAMILIES) assert.ok(ask(family, "one port").includes(99), "one flow");
  });

  test("a check asks for a name at the service's address, and finds out who has lost it", async (t) => {
    const lan = createLan(t, "direct");
    await Promise.all(lan.servers.map((netns, i) => startNameServer(t, netns, i + 1)));
    const asked =
      "{ type: dns, name: who.test, via: vFAMILY, interval: 100ms, timeout: 1s, fall: 2 }";
    const weir = await startDirector(
      t,
      lan,
      configurationOf(lan, DR, { check: asked, protocol: "udp" }),
    );
    await allUp(weir);
    const prefix = { 4: 32, 6: 128 } as const;
    for (const family of FAMILIES) {
      const vip = `${VIP[family]}/${prefix[family]}`;
      runProgram("ip", "-n", lan.servers[1]!, "address", "del", vip, "dev", "lo");
      await weir.said(
        new RegExp(`Server v${family}/b is DOWN: dns check failed: no answer in time`),
      );
      await until("the others answer", () => {
        const [a, b, c] = tally(askNames(lan.client, VIP[family], SERVER_PORT, 20, "a port each"));
        return a === 10 && b === 0 && c === 10;
      });
    }
  });
});
