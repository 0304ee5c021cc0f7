import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { createNetns, noNetns, runProgram, withNetns } from "#kit/netns.ts";
import { closeFd } from "../sockets.ts";
import { PROGRAM_TYPE } from "./abi.ts";
import { isBpffs, mountBpffs } from "./bpffs.ts";
import { bpfRefusal } from "./features.ts";
import { loadProgram } from "./program.ts";
import { attachXdpHook, detachXdpHook, xdpDevices, xdpHookedAt } from "./xdp-hook.ts";

/** r0 = XDP_PASS; exit. */
const PASS = Uint8Array.of(0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);

describe("a program in a driver", { skip: noNetns() || (bpfRefusal() ?? false) }, () => {
  function setUp(t: TestContext) {
    const netns = createNetns(t);
    const addPair = (): string =>
      runProgram(
        ...(["ip", "-n", netns, "link", "add", "a.b", "type", "veth"] as const),
        ...["peer", "name", "far"],
      );
    addPair();
    const folder = mkdtempSync(join(tmpdir(), "weir-xdp-"));
    t.after(() => {
      if (isBpffs(folder)) runProgram("umount", folder);
      rmSync(folder, { recursive: true, force: true });
    });
    mountBpffs(folder);
    const spec = { name: "pass", type: PROGRAM_TYPE.XDP, license: "GPL", instructions: PASS };
    const [one, two] = [loadProgram(spec), loadProgram(spec)];
    t.after(() => [one, two].forEach(closeFd));
    const show = (): string => runProgram("ip", "-n", netns, "link", "show", "a.b");
    const inside = <T>(work: () => T): T => withNetns(netns, work);
    return { netns, folder, one, two, addPair, show, inside };
  }

  test("put there, replaced, found, taken away", (t) => {
    const { folder, one, two, show, inside } = setUp(t);
    assert.deepEqual([xdpDevices(folder), xdpHookedAt(folder, "a.b")], [[], undefined]);
    for (const program of [one, two]) {
      inside(() => attachXdpHook(program, folder, "a.b"));
      assert.match(show(), / xdp /, "native, not xdpgeneric");
    }
    assert.ok(existsSync(join(folder, "xdp", "a::b")));
    assert.deepEqual(xdpDevices(folder), ["a.b"]);
    assert.equal(xdpHookedAt(folder, "a.b"), Number.parseInt(show(), 10));
    assert.equal(detachXdpHook(folder, "a.b"), true);
    assert.equal(detachXdpHook(folder, "a.b"), false);
    assert.doesNotMatch(show(), /xdp/);
  });

  test("the interface goes, and another gets its name", (t) => {
    const { netns, folder, one, addPair, show, inside } = setUp(t);
    inside(() => attachXdpHook(one, folder, "a.b"));
    runProgram("ip", "-n", netns, "link", "del", "a.b");
    assert.equal(xdpHookedAt(folder, "a.b"), 0);
    addPair();
    inside(() => attachXdpHook(one, folder, "a.b"));
    assert.match(show(), / xdp /);
    runProgram("ip", "-n", netns, "link", "del", "a.b");
    assert.equal(detachXdpHook(folder, "a.b"), true);
  });

  test("a driver that runs none, somebody else's program, no interface", (t) => {
    const { netns, folder, one, inside } = setUp(t);
    runProgram("ip", "-n", netns, "link", "add", "switch", "type", "bridge");
    const attach = (device: string) => () => inside(() => attachXdpHook(one, folder, device));
    assert.throws(attach("switch"), { code: "ENOTSUP" });
    assert.throws(attach("none"), { code: "ENODEV" });
    attach("a.b")();
    const other = join(folder, "other");
    assert.throws(() => inside(() => attachXdpHook(one, other, "a.b")), { code: "EBUSY" });
    assert.deepEqual(xdpDevices(other), []);
  });
});
