import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { type Lan, VIP } from "#kit/lan.ts";
import { configurationOf, startDirector, startServers } from "#kit/lan-services.ts";
import { createLanFor, NAT, type Road, serviceOf, TUN, viewOf } from "#kit/lan-ways.ts";
import { noNetns, noProgram } from "#kit/netns.ts";
import type { Weir } from "#kit/weir.ts";
import { runWrk } from "#kit/wrk.ts";

/* Where in the kernel packets are taken: one hook takes over from the other. */

type Hook = "tcx" | "clsact";

const textFor = (lan: Lan, road: Road, hook: Hook): string =>
  configurationOf(lan, road, { service: serviceOf(road), director: `  hook: ${hook}` });

async function assertHook(weir: Weir, lan: Lan, hook: Hook): Promise<void> {
  const { interfaces } = await viewOf(weir);
  assert.deepEqual(interfaces, [{ device: lan.device, hook }]);
  for (const place of ["tcx", "clsact"]) {
    const pin = `/sys/fs/bpf/${lan.pins}/${place}/${lan.device}:ingress`;
    assert.equal(existsSync(pin), place === hook, pin);
  }
}

describe("hooks", { skip: noNetns() || noBpf() || noProgram("wrk") }, () => {
  for (const road of [NAT, TUN]) {
    test(`${road.method}: from one to the other under load, nothing is lost`, async (t) => {
      const lan = createLanFor(t, road);
      await startServers(t, lan);
      const weir = await startDirector(t, lan, textFor(lan, road, "tcx"));
      const url = `http://${VIP[4]}:${road.port}/`;
      const running = [false, true].map((close) => runWrk(t, lan.client, url, 3, { close }));
      for (let i = 0; i < 8; i++) {
        const hook = i % 2 === 0 ? "clsact" : "tcx";
        weir.configure(textFor(lan, road, hook));
        await weir.adminJson("/api/v1/reload", { method: "POST" });
        await assertHook(weir, lan, hook);
      }
      for (const { requests, failed, text } of await Promise.all(running)) {
        t.diagnostic(`${requests} requests, ${failed} failed`);
        assert.ok(requests > 100 && failed === 0, text);
      }
    });
  }
});
