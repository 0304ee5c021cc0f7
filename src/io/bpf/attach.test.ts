import assert from "node:assert/strict";
import { mkdtempSync, rmSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, type TestContext, test } from "node:test";
import { compileBpf, noBpf } from "#kit/bpf.ts";
import {
  connectNetns,
  createNetns,
  noNetns,
  noProgram,
  runInNetns,
  runProgram,
  withNetns,
} from "#kit/netns.ts";
import { interfaceIndex, Netlink } from "../netlink.ts";
import { closeFd } from "../sockets.ts";
import { isBpffs, mountBpffs } from "./bpffs.ts";
import { addClsact, deleteClsact, deleteFilter, setFilter } from "./clsact.ts";
import { supportsTcx } from "./features.ts";
import { attachTcx, attachXdp, detachLink, updateLink, type XdpMode } from "./link.ts";
import { loadBpfObject } from "./loader.ts";
import { type BpfObject, parseBpfObject } from "./object.ts";
import { openPinned, pinObject } from "./pin.ts";

/*
 * Programs at the hooks of a wire between two networks, seen by pings that come through or not.
 */

/** Echo requests and answers are counted and get the verdict; the rest, such as ARP, passes. */
const SOURCE = `
#include <linux/if_ether.h>
#include <linux/ip.h>
__u64 seen;
static __always_inline int is_icmp(void *data, void *end) {
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != __builtin_bswap16(ETH_P_IP)) return 0;
  if (ip->protocol != 1) return 0;
  __sync_fetch_and_add(&seen, 1);
  return 1;
}
SEC("tc") int tc_drop(struct __sk_buff *skb) {
  return is_icmp((void *)(long)skb->data, (void *)(long)skb->data_end) ? TC_ACT_SHOT : TC_ACT_OK;
}
SEC("tc") int tc_pass(struct __sk_buff *skb) {
  is_icmp((void *)(long)skb->data, (void *)(long)skb->data_end);
  return TC_ACT_OK;
}
SEC("xdp") int xdp_drop(struct xdp_md *ctx) {
  return is_icmp((void *)(long)ctx->data, (void *)(long)ctx->data_end) ? XDP_DROP : XDP_PASS;
}
SEC("xdp") int xdp_pass(struct xdp_md *ctx) {
  is_icmp((void *)(long)ctx->data, (void *)(long)ctx->data_end);
  return XDP_PASS;
}
`;

/** An answer may be slow to come. That none comes is known sooner: packets are counted, too. */
const PATIENCE_SECONDS = 20;
const LOSS_SECONDS = 0.5;

interface Wire {
  /** The namespace whose interface `wire` has the programs. */
  readonly netns: string;
  readonly ifindex: number;
  /** Whether a ping from the other end is answered. */
  reached(): boolean;
  /** Whether none comes back. */
  blocked(): boolean;
  /** Packets the programs saw until now. */
  seen(): number;
  readonly programs: Readonly<Record<string, number>>;
}

const skip = noBpf() || noNetns() || noProgram("ping", "bpftool", "tc");

describe("programs at hooks", { skip }, () => {
  let object: BpfObject;

  before(() => {
    object = parseBpfObject(compileBpf(SOURCE));
  });

  function wire(t: TestContext): Wire {
    const [netns, far] = [createNetns(t), createNetns(t)];
    connectNetns(
      { netns, device: "wire", address: "10.9.0.1/24" },
      { netns: far, device: "far", address: "10.9.0.2/24" },
    );
    const { maps, programs, close } = loadBpfObject(object);
    t.after(close);
    return {
      netns,
      ifindex: withNetns(netns, () => interfaceIndex("wire")),
      programs,
      seen: () => maps[".bss"]!.lookup(new Uint8Array(4))![0]!,
      reached: () => pings(far, PATIENCE_SECONDS),
      blocked: () => !pings(far, LOSS_SECONDS),
    };
  }

  test("tcx: attached, replaced, taken away", (t) => {
    const { netns, ifindex, programs, reached, blocked, seen } = wire(t);
    if (!withNetns(netns, () => supportsTcx(ifindex))) return t.skip("tcx needs Linux 6.6");
    assert.ok(reached());
    assert.equal(seen(), 0);
    const link = withNetns(netns, () => attachTcx(programs["tc_drop"]!, ifindex, "ingress"));
    assert.ok(blocked());
    assert.equal(seen(), 1);
    updateLink(link, programs["tc_pass"]!);
    assert.ok(reached());
    assert.equal(seen(), 2);
    const out = withNetns(netns, () => attachTcx(programs["tc_drop"]!, ifindex, "egress"));
    assert.ok(blocked());
    assert.equal(seen(), 4);
    closeFd(out);
    assert.ok(reached());
    detachLink(link);
    const before = seen();
    assert.ok(reached());
    assert.equal(seen(), before);
    closeFd(link);
  });

  test("tcx: in front of those that are there", (t) => {
    const { netns, ifindex, programs, reached, blocked } = wire(t);
    if (!withNetns(netns, () => supportsTcx(ifindex))) return t.skip("tcx needs Linux 6.6");
    const attach = (program: string, first: boolean): number =>
      withNetns(netns, () => attachTcx(programs[program]!, ifindex, "ingress", first));
    const drop = attach("tc_drop", false);
    const behind = attach("tc_pass", false);
    assert.ok(blocked());
    closeFd(behind);
    const before = attach("tc_pass", true);
    assert.ok(reached());
    closeFd(before);
    closeFd(drop);
  });

  test("a pinned link stays when its maker is gone", (t) => {
    const { netns, ifindex, programs, reached, blocked } = wire(t);
    if (!withNetns(netns, () => supportsTcx(ifindex))) return t.skip("tcx needs Linux 6.6");
    const path = join(scratchBpffs(t), "link");
    const link = withNetns(netns, () => attachTcx(programs["tc_drop"]!, ifindex, "ingress"));
    pinObject(link, path);
    closeFd(link);
    assert.ok(blocked());
    const again = openPinned(path);
    updateLink(again, programs["tc_pass"]!);
    assert.ok(reached());
    updateLink(again, programs["tc_drop"]!);
    closeFd(again);
    assert.ok(blocked());
    unlinkSync(path);
    assert.ok(reached());
  });

  for (const mode of ["generic", "native"] satisfies XdpMode[]) {
    test(`XDP, ${mode}: attached, seen by tools, replaced, taken away`, (t) => {
      const { netns, ifindex, programs, reached, blocked, seen } = wire(t);
      const link = withNetns(netns, () => attachXdp(programs["xdp_drop"]!, ifindex, mode));
      assert.ok(blocked());
      assert.equal(seen(), 1);
      const net = runInNetns(netns, "bpftool", "net", "show", "dev", "wire");
      assert.match(net, mode === "generic" ? /wire\(\d+\) generic id/ : /wire\(\d+\) driver id/);
      assert.throws(() => withNetns(netns, () => attachXdp(programs["xdp_pass"]!, ifindex, mode)), {
        code: "EBUSY",
      });
      updateLink(link, programs["xdp_pass"]!);
      assert.ok(reached());
      closeFd(link);
      assert.doesNotMatch(runInNetns(netns, "bpftool", "net", "show", "dev", "wire"), /id \d/);
    });
  }

  test("clsact: a filter is set, seen by tools, replaced, deleted", (t) => {
    const { netns, ifindex, programs, reached, blocked, seen } = wire(t);
    const netlink = withNetns(netns, () => new Netlink());
    t.after(() => netlink.close());
    const place = { ifindex, direction: "ingress", priority: 10, handle: 1 } as const;
    assert.equal(deleteFilter(netlink, place), false);
    addClsact(netlink, ifindex);
    addClsact(netlink, ifindex);
    assert.equal(deleteFilter(netlink, place), false);
    setFilter(netlink, place, programs["tc_drop"]!, "weir-drop");
    assert.ok(blocked());
    assert.equal(seen(), 1);
    const shown = runInNetns(netns, "tc", "filter", "show", "dev", "wire", "ingress");
    assert.match(shown, /pref 10 bpf chain 0 handle 0x1 weir-drop direct-action/);
    setFilter(netlink, place, programs["tc_pass"]!, "weir-pass");
    assert.ok(reached());
    const replaced = runInNetns(netns, "tc", "filter", "show", "dev", "wire", "ingress");
    assert.match(replaced, /weir-pass/);
    assert.doesNotMatch(replaced, /weir-drop/);
    const out = { ...place, direction: "egress" } as const;
    setFilter(netlink, out, programs["tc_drop"]!, "weir-out");
    assert.ok(blocked());
    assert.equal(deleteFilter(netlink, out), true);
    assert.equal(deleteFilter(netlink, place), true);
    assert.ok(reached());
    deleteClsact(netlink, ifindex);
    assert.doesNotMatch(runInNetns(netns, "tc", "qdisc", "show", "dev", "wire"), /clsact/);
  });

  test("what cannot be attached is refused by name", (t) => {
    const { netns, programs } = wire(t);
    const attach = (name: string, ifindex: number) => (): number =>
      withNetns(netns, () => attachTcx(programs[name]!, ifindex, "ingress"));
    assert.throws(attach("tc_pass", 9999), {
      code: "ENODEV",
      message: /attach to ingress of interface 9999/,
    });
    assert.throws(attach("xdp_pass", 1), { code: "EINVAL" });
    const netlink = withNetns(netns, () => new Netlink());
    t.after(() => netlink.close());
    assert.throws(() => addClsact(netlink, 9999), { code: "ENODEV" });
    const place = { ifindex: 1, direction: "ingress", priority: 1, handle: 1 } as const;
    assert.throws(() => setFilter(netlink, place, programs["tc_pass"]!, "x"), /set the ingress/);
  });
});

/** One echo request, and a wait for its answer. */
function pings(netns: string, seconds: number): boolean {
  try {
    runInNetns(netns, "ping", "-n", "-q", "-c", "1", "-W", String(seconds), "10.9.0.1");
    return true;
  } catch (error) {
    assert.match(String(error), /100% packet loss/);
    return false;
  }
}

function scratchBpffs(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "weir-bpffs-"));
  t.after(() => {
    if (isBpffs(path)) runProgram("umount", path);
    rmSync(path, { recursive: true, force: true });
  });
  mountBpffs(path);
  return path;
}
