import assert from "node:assert/strict";
import { test } from "node:test";
import {
  connectNetns,
  createNetns,
  noNetns,
  noProgram,
  runInNetns,
  runProgram,
  withNetns,
} from "#kit/netns.ts";
import { kernelVersion } from "./bpf/features.ts";
import { Netdev, type XdpFeatures } from "./netdev.ts";
import { interfaceIndex } from "./netlink.ts";

const [major, minor] = kernelVersion();
const isOld = major < 6 || (major === 6 && minor < 3) ? "Linux 6.3 is the first to tell" : false;

test("what drivers can do with XDP", { skip: noNetns() || noProgram("ethtool") || isOld }, (t) => {
  const [near, far] = [createNetns(t), createNetns(t)];
  connectNetns(
    { netns: near, device: "near", address: "10.9.0.1/24" },
    { netns: far, device: "far", address: "10.9.0.2/24" },
  );
  runProgram("ip", "-n", near, "link", "add", "switch", "type", "bridge");
  const netdev = withNetns(near, () => new Netdev());
  t.after(() => netdev.close());
  const features = (device: string): XdpFeatures =>
    netdev.xdpFeatures(withNetns(near, () => interfaceIndex(device)));
  assert.deepEqual(features("switch"), { runs: false, redirects: false, sends: false });
  assert.deepEqual(features("near"), { runs: true, redirects: true, sends: false });
  // The other end has a queue to take frames from.
  runInNetns(far, "ethtool", "-K", "far", "gro", "on");
  assert.deepEqual(features("near"), { runs: true, redirects: true, sends: true });
  assert.throws(() => netdev.xdpFeatures(4711), { code: "ENODEV" });
});
