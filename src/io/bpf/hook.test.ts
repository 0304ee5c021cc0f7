import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import {
  connectNetns,
  createNetns,
  noNetns,
  runInNetns,
  runProgram,
  withNetns,
} from "#kit/netns.ts";
import { interfaceIndex, Netlink } from "../netlink.ts";
import { closeFd } from "../sockets.ts";
import { PROGRAM_TYPE } from "./abi.ts";
import { isBpffs, mountBpffs } from "./bpffs.ts";
import { addClsact, setFilter } from "./clsact.ts";
import { bpfRefusal, supportsTcx } from "./features.ts";
import {
  attachHook,
  detachHook,
  detachHooks,
  findHook,
  HOOKS,
  type HookPlace,
  placeOf,
} from "./hook.ts";
import { loadProgram } from "./program.ts";

/** r0 = TCX_NEXT, which is TC_ACT_UNSPEC; exit. */
const NOTHING = Uint8Array.of(0xb7, 0, 0, 0, 255, 255, 255, 255, 0x95, 0, 0, 0, 0, 0, 0, 0);
const skip = noNetns() || (bpfRefusal() ?? false);

test("names of places", () => {
  for (const [name, device, direction] of [
    ["eth0:ingress", "eth0", "ingress"],
    ["eth0::100:egress", "eth0.100", "egress"],
  ] as const) {
    assert.deepEqual(placeOf("/x", name), { folder: "/x", device, direction });
  }
});

describe("a program at a place", { skip }, () => {
  function setUp(t: TestContext) {
    const [netns, far] = [createNetns(t), createNetns(t)];
    connectNetns(
      { netns, device: "a.b", address: "10.9.0.1/24" },
      { netns: far, device: "far", address: "10.9.0.2/24" },
    );
    const folder = mkdtempSync(join(tmpdir(), "weir-hook-"));
    t.after(() => {
      if (isBpffs(folder)) runProgram("umount", folder);
      rmSync(folder, { recursive: true, force: true });
    });
    mountBpffs(folder);
    const netlink = withNetns(netns, () => new Netlink());
    t.after(() => netlink.close());
    const type = PROGRAM_TYPE.SCHED_CLS;
    const spec = { name: "nothing", type, license: "GPL", instructions: NOTHING };
    const programs = [loadProgram(spec), loadProgram(spec)] as const;
    t.after(() => programs.forEach(closeFd));
    const inside = <T>(work: () => T): T => withNetns(netns, work);
    return { netns, folder, netlink, programs, inside };
  }

  for (const hook of HOOKS) {
    test(`${hook}: put there, replaced, found, taken away`, (t) => {
      const { netns, folder, netlink, programs, inside } = setUp(t);
      if (hook === "tcx" && !supportsTcx(1)) return t.skip("tcx needs Linux 6.6");
      for (const direction of ["ingress", "egress"] as const) {
        const place: HookPlace = { folder, device: "a.b", direction };
        assert.equal(
          inside(() => findHook(place)),
          undefined,
        );
        for (const program of programs) {
          assert.equal(
            inside(() => attachHook(netlink, program, place, "nothing", hook)),
            hook,
          );
          assert.equal(
            inside(() => findHook(place)),
            hook,
          );
        }
        assert.ok(existsSync(join(folder, hook, `a::b:${direction}`)));
        assert.equal(
          inside(() => detachHook(netlink, place)),
          true,
        );
        assert.equal(
          inside(() => detachHook(netlink, place)),
          false,
        );
        assert.equal(
          inside(() => findHook(place)),
          undefined,
        );
        const filters = runInNetns(netns, "tc", "filter", "show", "dev", "a.b", direction);
        assert.equal(filters.trim(), "");
        const disciplines = runInNetns(netns, "tc", "qdisc", "show", "dev", "a.b");
        assert.doesNotMatch(disciplines, /clsact/);
      }
    });
  }

  test("clsact: one that goes first, and one behind it", (t) => {
    const { netns, folder, netlink, programs, inside } = setUp(t);
    const second: HookPlace = { folder, device: "a.b", direction: "ingress" };
    const first: HookPlace = { ...second, folder: join(folder, "first"), first: true };
    for (const place of [second, first]) {
      inside(() => attachHook(netlink, programs[0], place, "nothing", "clsact"));
    }
    const orders = (): string[] => {
      const text = runInNetns(netns, "tc", "filter", "show", "dev", "a.b", "ingress");
      return [...text.matchAll(/pref (\d+) bpf chain \d+ handle/g)].map(([, order]) => order!);
    };
    assert.deepEqual(orders(), ["49152", "49153"]);
    inside(() => detachHook(netlink, first));
    assert.deepEqual(orders(), ["49153"]);
  });

  test("clsact: filters that the kernel numbers stand before ours", (t) => {
    const { netns, folder, netlink, programs, inside } = setUp(t);
    const place: HookPlace = { folder, device: "a.b", direction: "ingress" };
    inside(() => attachHook(netlink, programs[0], place, "ours", "clsact"));
    const ifindex = inside(() => interfaceIndex("a.b"));
    const theirs = { ifindex, direction: "ingress", priority: 0, handle: 1 } as const;
    for (let i = 0; i < 2; i++) setFilter(netlink, theirs, programs[1], "theirs");
    const text = runInNetns(netns, "tc", "filter", "show", "dev", "a.b", "ingress");
    const found = [...text.matchAll(/handle 0x1 (\w+)/g)].map(([, name]) => name!);
    assert.deepEqual(found, ["theirs", "theirs", "ours"]);
  });

  for (const whose of ["was there before", "has a filter of somebody else"]) {
    test(`a discipline that ${whose} stays`, (t) => {
      const { netns, folder, netlink, programs, inside } = setUp(t);
      const ifindex = inside(() => interfaceIndex("a.b"));
      if (whose === "was there before") addClsact(netlink, ifindex);
      const place: HookPlace = { folder, device: "a.b", direction: "ingress" };
      inside(() => attachHook(netlink, programs[0], place, "nothing", "clsact"));
      if (whose !== "was there before") {
        const other = { ifindex, direction: "egress", priority: 1, handle: 1 } as const;
        setFilter(netlink, other, programs[1], "other");
      }
      inside(() => detachHooks(netlink, folder));
      for (const part of ["clsact", "disciplines"]) assert.ok(!existsSync(join(folder, part)));
      assert.match(runInNetns(netns, "tc", "qdisc", "show", "dev", "a.b"), /clsact/);
    });
  }

  test("the interface goes, and another gets its name", (t) => {
    const { netns, folder, netlink, programs, inside } = setUp(t);
    if (!supportsTcx(1)) return t.skip("tcx needs Linux 6.6");
    const place: HookPlace = { folder, device: "a.b", direction: "ingress" };
    inside(() => attachHook(netlink, programs[0], place, "nothing"));
    runProgram("ip", "-n", netns, "link", "del", "a.b");
    assert.equal(
      inside(() => findHook(place)),
      undefined,
    );
    const add = ["link", "add", "a.b", "type", "veth", "peer", "name", "c"] as const;
    runProgram("ip", "-n", netns, ...add);
    assert.equal(
      inside(() => findHook(place)),
      undefined,
    );
    assert.equal(
      inside(() => attachHook(netlink, programs[0], place, "nothing")),
      "tcx",
    );
    assert.equal(
      inside(() => findHook(place)),
      "tcx",
    );
    runProgram("ip", "-n", netns, "link", "del", "a.b");
    assert.equal(
      inside(() => detachHook(netlink, place)),
      true,
    );
  });
});
