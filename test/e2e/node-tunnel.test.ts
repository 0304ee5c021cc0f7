import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { noNetns, noProgram, runInNetns, runProgram } from "#kit/netns.ts";
import {
  CLIENT,
  createLan,
  DIRECTOR,
  type Lan,
  nodePlace,
  startDirector,
  startServer,
  type TestDirector,
  upload,
  VIP,
  weirIn,
} from "#kit/tunnel-lan.ts";

/*
 * A client's bytes through tunnels of every form to a real server, whose answers go past the
 * director.
 */

const MEGABYTES = 20;
const PORT = 6080;

describe("a real server behind tunnels", {
  skip: noNetns() || noBpf() || noProgram("ping"),
}, () => {
  let lan: Lan;
  let director: TestDirector;
  let place: readonly string[];
  const ends: (() => unknown)[] = [];
  const owner = { after: (end: () => unknown): void => void ends.unshift(end) };

  before(async () => {
    lan = createLan(owner);
    place = nodePlace(owner, "tunnel");
    director = startDirector(owner, lan, PORT);
    await startServer(owner, lan.node);
    const { code, err } = weirIn(
      lan.node,
      "node",
      "join",
      "tun",
      ...["--vip", VIP[4]],
      ...["--vip", VIP[6]],
      ...place,
    );
    assert.equal(code, 0, err);
  });
  // Ends in the order things need it, whatever failed.
  test.after(async () => {
    for (const end of ends) await end();
  });

  for (const tunnel of ["ipip", "gue", "gre"] as const) {
    for (const outer of [4, 6] as const) {
      for (const inner of [4, 6] as const) {
        test(`${tunnel}: IPv${inner} in IPv${outer}`, (t) => {
          director.use(tunnel, outer);
          const { error, bytes, hash, sent, peer, ms } = upload(
            lan.client,
            VIP[inner],
            MEGABYTES << 20,
          );
          assert.equal(error, undefined);
          assert.equal(bytes, MEGABYTES << 20);
          assert.equal(hash, sent);
          assert.equal(peer.replace("::ffff:", ""), CLIENT[inner]);
          assert.equal(director.answersSeen(), 0);
          t.diagnostic(`${Math.round((MEGABYTES * 1000) / ms)} MB/s`);
        });
      }
    }
  }

  test("as on a wire: checksums whole, frames cut up, and merged again where they come in", (t) => {
    const missing = noProgram("ethtool");
    if (missing) return t.skip(missing);
    const ethtool = (netns: string, ...words: readonly string[]): string =>
      runInNetns(netns, "ethtool", "-K", "eth0", ...words);
    for (const netns of Object.values(lan)) ethtool(netns, "tx", "off", "tso", "off", "gso", "off");
    ethtool(lan.node, "gro", "on");
    try {
      for (const tunnel of ["ipip", "gue", "gre"] as const) {
        for (const outer of [4, 6] as const) {
          director.use(tunnel, outer);
          for (const host of Object.values(VIP)) {
            const { error, bytes, hash, sent, ms } = upload(lan.client, host, MEGABYTES << 20);
            assert.deepEqual([error, bytes, hash], [undefined, MEGABYTES << 20, sent]);
            const rate = Math.round((MEGABYTES * 1000) / ms);
            t.diagnostic(`${tunnel} over IPv${outer} to ${host}: ${rate} MB/s`);
          }
        }
      }
    } finally {
      for (const netns of Object.values(lan)) ethtool(netns, "tx", "on", "tso", "on", "gso", "on");
      ethtool(lan.node, "gro", "off");
    }
  });

  test("segments fit the tunnel, also where nobody tells the client that they do not", (t) => {
    // Segments of their own, and a director that drops in silence what is too long.
    runProgram("ip", "-n", lan.client, "link", "set", "eth0", "gso_max_segs", "1");
    director.use("gue", 6);
    const join = ["node", "join", "tun", "--vip", VIP[4]];
    assert.equal(weirIn(lan.node, ...join, "--mss", "1460", ...place).code, 0);
    assert.equal(upload(lan.client, VIP[4], MEGABYTES << 20, 3000).error, "stalled");
    assert.equal(weirIn(lan.node, ...join, ...place).code, 0);
    for (const host of Object.values(VIP)) {
      const { error, bytes, hash, sent, ms } = upload(lan.client, host, MEGABYTES << 20);
      assert.deepEqual([error, bytes, hash], [undefined, MEGABYTES << 20, sent]);
      t.diagnostic(`${Math.round((MEGABYTES * 1000) / ms)} MB/s, segment by segment`);
    }
    const { tunnel } = JSON.parse(weirIn(lan.node, "node", "status", "--json", ...place).out);
    assert.equal(tunnel.mss4, 1500 - 40 - 12 - 40);
    assert.ok(tunnel.counts.clamped > 0);
    assert.ok(tunnel.counts.gue > 1000 && tunnel.counts.failed === 0);
  });

  test("fragments within the tunnel are put together by the server", () => {
    director.use("ipip", 4);
    // Larger than what the wire takes: the client cuts them up.
    const ping = [
      "ping",
      "-n",
      "-q",
      "-c",
      "3",
      "-i",
      "0.2",
      "-s",
      "4000",
      "-M",
      "dont",
      VIP[4],
    ] as const;
    const way = ["route", "change", VIP[4], "via", DIRECTOR[4], "mtu", "lock", "1400"] as const;
    runProgram("ip", "-n", lan.client, ...way);
    assert.match(runInNetns(lan.client, ...ping), /3 received/);
  });
});
