import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { askFrom, createLan, serverHost, startNamed, VIP } from "#kit/lan.ts";
import { SERVER_PORT, startDirector } from "#kit/lan-services.ts";
import { viewOf } from "#kit/lan-ways.ts";
import { noNetns } from "#kit/netns.ts";
import { weirIn } from "#kit/tunnel-lan.ts";
import { until } from "#kit/until.ts";

/* A backup server that says sorry, on the director's own machine; the servers proper are down. */

const skip = noNetns() || noBpf();

describe("a server on the director's machine", { skip }, () => {
  const check = "{ type: tcp, interval: 100ms, fall: 1, rise: 1, timeout: 500ms }";

  for (const method of ["nat", "fullnat"]) {
    test(`${method}: it gets nothing, and that is told`, async (t) => {
      const lan = createLan(t, "director", 1);
      const [ours] = lan.locals;
      await startNamed(t, lan.director, "sorry", 9000);
      const servers = `a: "${serverHost(4, 0)}:${SERVER_PORT}", sorry: { address: "${ours}:9000", backup: true }`;
      const weir = await startDirector(
        t,
        lan,
        `
director: { interfaces: ${lan.device}, pins: ${lan.pins}, localAddresses: ${ours} }
services: { web: { bind: "${VIP[4]}:80", method: ${method}, backend: w } }
backends: { w: { check: ${check}, servers: { ${servers} } } }
`,
      );
      await weir.said(/Service web sends nothing to sorry, which is on this machine/);
      assert.doesNotMatch(weir.err, /sends nothing to a,/);
      await weir.said(/a is DOWN/);
      await until("counted", async () => {
        assert.deepEqual(askFrom(lan.client, "tcp", VIP[4], 80, 1).length, 1);
        return (await viewOf(weir)).incidents!.NO_ROUTE > 0;
      });
      const words = ["--director-pins", lan.pins, "--state", "/nonexistent/weir/node.json"];
      const doctor = weirIn(lan.director, "doctor", ...words);
      assert.match(
        doctor.out,
        /^problem +local-server: the server 10\.2\.0\.1 is on this machine/m,
      );
      assert.equal(doctor.code, 1);
    });
  }

  test("dr: it serves at the service's address", async (t) => {
    const lan = createLan(t, "director", 1);
    const [ours] = lan.locals;
    await startNamed(t, lan.director, "sorry", 80);
    const servers = `a: "${serverHost(4, 0)}:80", sorry: { address: "${ours}:80", backup: true }`;
    const weir = await startDirector(
      t,
      lan,
      `
director: { interfaces: ${lan.device}, pins: ${lan.pins} }
services: { web: { bind: "${VIP[4]}:80", method: dr, backend: w } }
backends: { w: { check: ${check}, servers: { ${servers} } } }
`,
    );
    await weir.said(/a is DOWN/);
    await until("it has what comes", () => {
      return askFrom(lan.client, "tcp", VIP[4], 80, 1)[0]!.startsWith("sorry ");
    });
    assert.doesNotMatch(weir.err, /sends nothing/);
  });
});
