import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatEndpoint } from "#base/address.ts";
import { exitDevices } from "#director/attach.ts";
import { pinsFolder } from "#io/bpf/bpffs.ts";
import { noBpf } from "#kit/bpf.ts";
import { type Asked, askFrom, createLan, serverHost, startNamed, VIP } from "#kit/lan.ts";
import { SERVER_PORT, startDirector } from "#kit/lan-services.ts";
import { FAMILIES, viewOf } from "#kit/lan-ways.ts";
import { noNetns } from "#kit/netns.ts";
import { weirIn } from "#kit/tunnel-lan.ts";
import { until } from "#kit/until.ts";

/* A backup server that says sorry, on the director's own machine; the servers proper are down. */

const CLIENT = { 4: "10.1.0.2", 6: "fd01::2" } as const;
const skip = noNetns() || noBpf();

describe("a server on the director's machine", { skip }, () => {
  const check = "{ type: tcp, interval: 100ms, fall: 1, rise: 1, timeout: 500ms }";

  for (const method of ["nat", "fullnat"]) {
    for (const family of FAMILIES) {
      test(`${method}, IPv${family}: it serves, and sees the client`, async (t) => {
        const lan = createLan(t, "director", 1);
        const ours = lan.locals[FAMILIES.indexOf(family)]!;
        const [port, vip] = [9000, VIP[family]];
        await startNamed(t, lan.director, "sorry", port);
        const sorry = `sorry: { address: "${formatEndpoint(ours, port)}", backup: true }`;
        const away = `a: "${formatEndpoint(serverHost(family, 0), SERVER_PORT)}"`;
        const text = (servers: string): string => `
director: { interfaces: ${lan.device}, pins: ${lan.pins}, localAddresses: ["${lan.locals.join('", "')}"] }
services: { web: { bind: "${formatEndpoint(vip, 80)}", protocol: [tcp, udp], method: ${method}, backend: w } }
backends: { w: { check: ${check}, servers: { ${servers} } } }
`;
        const weir = await startDirector(t, lan, text(`${away}, ${sorry}`));
        assert.doesNotMatch(weir.err, /sends nothing/);
        await weir.said(/a is DOWN/);
        const said = `sorry ${CLIENT[family]}`;
        const ask = (protocol: Asked) => askFrom(lan.client, protocol, vip, 80, 10);
        await until("it serves", () => ask("tcp").every((one) => one === said));
        assert.deepEqual(new Set(ask("udp")), new Set([said]));
        const { services, incidents } = await viewOf(weir);
        const { counts } = services[0]!.servers[1]!;
        assert.ok(counts.outPackets >= 40 && counts.connections >= 20, JSON.stringify(counts));
        assert.equal(incidents!.NO_ROUTE, 0);
        const exit = (): boolean => exitDevices(pinsFolder(lan.pins)).includes(lan.device);
        assert.ok(exit());
        weir.configure(text(away));
        await weir.adminJson("/api/v1/reload", { method: "POST" });
        await until("nothing looks at what leaves", () => !exit());
      });
    }
  }

  test("at a loopback address it gets nothing, which is told", async (t) => {
    const lan = createLan(t, "director", 1);
    await startNamed(t, lan.director, "sorry", 9000);
    const weir = await startDirector(
      t,
      lan,
      `
director: { interfaces: ${lan.device}, pins: ${lan.pins} }
services: { web: { bind: "${VIP[4]}:80", method: nat, backend: w } }
backends: { w: { check: off, servers: { a: "${serverHost(4, 0)}:${SERVER_PORT}", sorry: "127.0.0.1:9000" } } }
`,
    );
    await weir.said(/Service web sends nothing to sorry: 127\.0\.0\.1 is for this machine's own/);
    assert.doesNotMatch(weir.err, /sends nothing to a:/);
    const words = ["--director-pins", lan.pins, "--state", "/nonexistent/weir/node.json"];
    const doctor = weirIn(lan.director, "doctor", ...words);
    assert.match(doctor.out, /^problem +local-server: the server 127\.0\.0\.1 is at a loopback/m);
    assert.equal(doctor.code, 1);
  });

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
