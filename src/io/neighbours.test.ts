import assert from "node:assert/strict";
import { test } from "node:test";
import { formatIp, parseIp } from "#base/ip.ts";
import { connectNetns, createNetns, noNetns, runProgram, withNetns } from "#kit/netns.ts";
import { until } from "#kit/until.ts";
import { listNeighbours, useNeighbour } from "./neighbours.ts";
import { interfaceIndex, Netlink } from "./netlink.ts";

test("neighbours are listed, and found when they are used", { skip: noNetns() }, async (t) => {
  const [near, far] = [createNetns(t), createNetns(t)];
  connectNetns(
    { netns: near, device: "near", address: "10.9.0.1/24" },
    { netns: far, device: "far", address: "10.9.0.2/24" },
  );
  for (const [netns, device, last] of [
    [near, "near", 1],
    [far, "far", 2],
  ] as const) {
    runProgram("ip", "-n", netns, "addr", "add", `fd09::${last}/64`, "dev", device, "nodad");
  }
  const netlink = withNetns(near, () => new Netlink());
  t.after(() => netlink.close());
  const index = withNetns(near, () => interfaceIndex("near"));
  const mac = /link\/ether (\S+)/.exec(runProgram("ip", "-n", far, "link", "show", "far"))![1]!;
  const hardware = Buffer.from(mac.replaceAll(":", ""), "hex");
  const find = (text: string) =>
    listNeighbours(netlink).find(({ address }) => formatIp(address) === text);
  for (const text of ["10.9.0.2", "fd09::2"]) {
    assert.equal(find(text), undefined);
    await until(`${text} is found`, () => {
      useNeighbour(netlink, parseIp(text)!, index);
      return find(text) !== undefined;
    });
    const found = find(text)!;
    assert.deepEqual([found.interface, found.isStale], [index, false]);
    assert.deepEqual([...found.hardware], [...hardware]);
  }
  const old = [
    "neigh",
    "replace",
    "10.9.0.7",
    "lladdr",
    mac,
    "dev",
    "near",
    "nud",
    "stale",
  ] as const;
  runProgram("ip", "-n", near, ...old);
  assert.equal(find("10.9.0.7")!.isStale, true);
  runProgram("ip", "-n", near, "neigh", "replace", "10.9.0.7", "dev", "near", "nud", "failed");
  assert.equal(find("10.9.0.7"), undefined);
  assert.throws(() => useNeighbour(netlink, parseIp("10.9.0.2")!, 4711), { code: "ENODEV" });
});
