import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { createLan } from "#kit/lan.ts";
import { configurationOf, startDirector, startServers } from "#kit/lan-services.ts";
import { FULLNAT, urlOf, viewOf } from "#kit/lan-ways.ts";
import { noNetns, noProgram, runInNetns } from "#kit/netns.ts";
import { until } from "#kit/until.ts";
import { runWrk } from "#kit/wrk.ts";

/* FULLNAT has few ports, and more connections begin in a minute than there are. */

/** For the kernel's own sockets; what it leaves of 65,536 is the director's. */
const OWN = "1024 61000";
const LEFT = 65_535 - 61_000;

const skip = noNetns() || noBpf() || noProgram("wrk", "nstat");

/** A counter of the kernel's (nstat(8)). */
const counted = (netns: string, name: string): number =>
  Number(/(\d+)\s+[\d.]+$/m.exec(runInNetns(netns, "nstat", "-asz", name))?.[1]);

describe("FULLNAT with fewer ports than connections", { skip }, () => {
  test("each has one, of a connection that is over, and none is taken for an old one", async (t) => {
    const lan = createLan(t, "director", 1);
    const [server] = lan.servers;
    runInNetns(lan.director, "sysctl", "-qw", `net.ipv4.ip_local_port_range=${OWN}`);
    await startServers(t, lan);
    const text = configurationOf(lan, FULLNAT, { servers: ["a"] });
    const weir = await startDirector(t, lan, text);
    const began = async (): Promise<number> =>
      (await viewOf(weir)).services.find(({ name }) => name === "v4")!.counts.connections;
    const enough = until("so many begin", async () => (await began()) > 2.5 * LEFT);
    const { failed, text: said } = await runWrk(t, lan.client, urlOf(FULLNAT, 4), 60, {
      close: true,
      during: enough,
    });
    await enough;
    assert.equal(failed, 0, said);
    const { incidents } = await viewOf(weir);
    assert.equal(incidents!.NO_PORT, 0);
    assert.ok(incidents!.PORT_REUSED > 0);
    assert.equal(counted(server!, "TcpExtPAWSTimewait"), 0);
  });
});
