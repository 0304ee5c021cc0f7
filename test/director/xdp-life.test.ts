import assert from "node:assert/strict";
import { chmodSync, existsSync } from "node:fs";
import { describe, test } from "node:test";
import { flushKernel } from "#director/kernel.ts";
import { noBpf } from "#kit/bpf.ts";
import { addAddress, askFrom, HeldConnection, VIP } from "#kit/lan.ts";
import { startEcho } from "#kit/lan-echo.ts";
import { SERVER_PORT, startDirector, startServers } from "#kit/lan-services.ts";
import { DR, NAT, viewOf } from "#kit/lan-ways.ts";
import { noNetns, noProgram, runInNetns, runProgram } from "#kit/netns.ts";
import { until } from "#kit/until.ts";
import {
  createWire,
  isTakenAt,
  MOST_OF_THEM,
  merge,
  move,
  pinOf,
  problemAt,
  sentOn,
  startXdp,
  textFor,
  untilReady,
} from "#kit/xdp-lan.ts";

/* XDP while control, interfaces and neighbours come and go, and where it cannot be had. */

describe("the life of XDP", { skip: noNetns() || noBpf() || noProgram("ethtool") }, () => {
  test("control is killed: tcx goes on alone after some seconds, XDP when it is back", async (t) => {
    const lan = createWire(t, DR);
    await startEcho(t, lan.servers[0]!, SERVER_PORT);
    // Control is another account, which has to get at what the one before has left.
    const engine = "engine: { threads: 1, user: nobody }\n";
    const weir = await startDirector(t, lan, `${textFor(lan, DR)}${engine}`);
    chmodSync(weir.directory, 0o755);
    await untilReady(lan);
    assert.ok(move(lan, DR, VIP[4]) > MOST_OF_THEM);
    await weir.kill();
    assert.ok(existsSync(pinOf(lan)));
    for (const vip of Object.values(VIP)) assert.ok(move(lan, DR, vip) >= 0);
    await until("nobody looks after neighbours", () => move(lan, DR, VIP[4]) === 0);
    await weir.start();
    await untilReady(lan);
    assert.ok(move(lan, DR, VIP[4]) > MOST_OF_THEM);
  });

  test("switched off, on, and taken out of the kernel", async (t) => {
    const { lan, weir } = await startXdp(t, DR);
    const reload = async (xdp: boolean): Promise<void> => {
      weir.configure(textFor(lan, DR, xdp));
      assert.equal((await weir.cli("reload")).code, 0);
    };
    await reload(false);
    assert.equal(existsSync(pinOf(lan)), false);
    assert.equal((await viewOf(weir)).xdp, undefined);
    assert.equal(move(lan, DR, VIP[4]), 0);
    await reload(true);
    assert.ok(move(lan, DR, VIP[4]) > 0);
    assert.equal((await weir.cli("stop", "--now", "--flush")).code, 0);
    assert.equal(existsSync(`/sys/fs/bpf/${lan.pins}`), false);
    const link = runProgram("ip", "-n", lan.director, "link", "show", lan.device);
    assert.doesNotMatch(link, /xdp/);
  });

  test("an interface that takes no frames to send out: said, and tcx does it", async (t) => {
    const { lan, weir } = await startXdp(t, NAT);
    merge(lan, "off");
    await until("it is found out", async () => !(await isTakenAt(weir, lan.device)));
    assert.match((await problemAt(weir, lan.device))!, /^its driver takes no frames from XDP/);
    assert.equal(move(lan, NAT, VIP[4]), 0);
    merge(lan, "on");
    await until("it takes them again", () => isTakenAt(weir, lan.device));
    assert.ok(move(lan, NAT, VIP[4]) > MOST_OF_THEM);
    assert.match(weir.err, /No XDP at eth0: its driver takes no frames/);
  });

  test("a bridge, whose driver runs no programs: said, and tcx does it", async (t) => {
    const lan = createWire(t, DR);
    await startServers(t, lan);
    const at = ["ip", "-n", lan.director] as const;
    runProgram(...at, "link", "add", "br0", "type", "bridge");
    runProgram(...at, "addr", "flush", "dev", lan.device);
    runProgram(...at, "link", "set", lan.device, "master", "br0");
    runProgram(...at, "link", "set", "br0", "up");
    for (const net of ["10.1.0.1/24", "10.2.0.1/24", "fd01::1/64", "fd02::1/64"]) {
      addAddress(lan.director, net, "br0");
    }
    for (const vip of Object.values(VIP)) addAddress(lan.director, vip, "br0");
    const weir = await startDirector(t, lan, textFor({ ...lan, device: "br0" }, DR));
    assert.equal(await problemAt(weir, "br0"), "its driver runs no XDP programs");
    assert.match(weir.err, /No XDP at br0: its driver runs no XDP programs/);
    assert.deepEqual(askFrom(lan.client, "tcp", VIP[4], DR.port, 2), ["a 10.1.0.2", "a 10.1.0.2"]);
    assert.deepEqual(askFrom(lan.client, "udp", VIP[6], DR.port, 1), ["a fd01::2"]);
    assert.equal(sentOn(lan), 0);
  });

  test("a server gets another hardware address: control follows", async (t) => {
    const { lan } = await startXdp(t, DR);
    const [server] = lan.servers;
    for (const setting of ["ipv4.conf.eth0.arp_notify=1", "ipv6.conf.eth0.ndisc_notify=1"]) {
      runInNetns(server!, "sysctl", "-qw", `net.${setting}`);
    }
    const address = ["address", "02:00:00:00:47:11"] as const;
    runProgram("ip", "-n", server!, "link", "set", lan.device, ...address);
    for (const vip of Object.values(VIP)) {
      await until("it is known", () => move(lan, DR, vip) > MOST_OF_THEM);
    }
  });

  test("an interface that goes and comes back has it again", async (t) => {
    const { lan, weir } = await startXdp(t, DR);
    const at = ["ip", "-n", lan.director] as const;
    const spare = ["link", "add", "spare", "type", "veth", "peer", "name", "far"] as const;
    runProgram(...at, ...spare);
    weir.configure(textFor(lan, DR).replace(lan.device, `[${lan.device}, spare]`));
    assert.equal((await weir.cli("reload")).code, 0);
    assert.ok(await isTakenAt(weir, "spare"));
    runProgram(...at, "link", "del", "spare");
    await until("it is missed", async () => !(await isTakenAt(weir, "spare")));
    assert.match((await problemAt(weir, "spare"))!, /ENODEV/);
    runProgram(...at, ...spare);
    await until("it is back", () => isTakenAt(weir, "spare"));
    assert.match(runProgram(...at, "link", "show", "spare"), /name weir_xdp/);
  });

  test("somebody else's program is left alone, and ours is not there", async (t) => {
    const lan = createWire(t, DR);
    await startEcho(t, lan.servers[0]!, SERVER_PORT);
    const folder = `/sys/fs/bpf/${lan.pins}`;
    const first = await startDirector(t, lan, textFor(lan, DR));
    await untilReady(lan);
    // Another director's is somebody else's.
    const other = { ...lan, pins: `${lan.pins}-other` };
    t.after(() => void flushKernel(other.pins));
    const second = await startDirector(t, other, textFor(other, DR));
    assert.equal(await problemAt(second, lan.device), "somebody else's XDP program is there");
    assert.ok(existsSync(folder) && (await isTakenAt(first, lan.device)));
  });

  test("a connection that is held is counted and kept in time by either way", async (t) => {
    const lan = createWire(t, DR);
    await startServers(t, lan);
    const weir = await startDirector(
      t,
      lan,
      textFor(lan, DR).replace("xdp: true", "xdp: true\n  timeouts: { tcp: 2s }"),
    );
    await untilReady(lan);
    const held = await HeldConnection.open(t, lan.client, VIP[4], DR.port);
    for (let i = 0; i < 5; i++) {
      assert.equal(await held.ask(), "a 10.1.0.2");
      await new Promise((done) => setTimeout(done, 800));
    }
    const { connections, xdp } = await viewOf(weir);
    assert.equal(connections.count, 1, "every packet is heard of");
    assert.ok(xdp!.packets >= 5);
  });
});
