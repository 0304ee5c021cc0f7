import assert from "node:assert/strict";
import { test } from "node:test";
import { formatIp, parseIp } from "#base/ip.ts";
import { connectNetns, createNetns, noNetns, runInNetns, withNetns } from "#kit/netns.ts";
import { addHostAddress, deleteHostAddress, listAddresses, mapped } from "./addresses.ts";
import { listInterfaces } from "./interfaces.ts";
import { interfaceIndex, Netlink } from "./netlink.ts";
import { describeMerging } from "./offloads.ts";

test("addresses of 4 and of 16 bytes", () => {
  assert.equal(formatIp(mapped(Uint8Array.of(10, 0, 0, 1))), "10.0.0.1");
  assert.equal(formatIp(mapped(parseIp("fd00::1")!)), "fd00::1");
});

test("addresses for the interface alone come, are listed, and go", { skip: noNetns() }, (t) => {
  const netns = createNetns(t);
  const netlink = withNetns(netns, () => new Netlink());
  t.after(() => netlink.close());
  const lo = withNetns(netns, () => interfaceIndex("lo"));
  const texts = (): string[] =>
    listAddresses(netlink).map(({ address, prefix }) => `${formatIp(address)}/${prefix}`);
  assert.deepEqual(texts(), ["127.0.0.1/8", "::1/128"]);
  for (const [text, whole] of [
    ["10.0.0.1", "10.0.0.1/32"],
    ["fd00::1", "fd00::1/128"],
  ] as const) {
    const address = parseIp(text)!;
    assert.equal(addHostAddress(netlink, address, lo), true);
    assert.equal(addHostAddress(netlink, address, lo), false);
    assert.ok(texts().includes(whole));
  }
  // Never the source of what the machine begins itself, and there at once.
  const shown = runInNetns(netns, "ip", "-6", "addr", "show", "dev", "lo");
  assert.match(shown, /fd00::1\/128 scope global nodad deprecated/);
  for (const text of ["10.0.0.1", "fd00::1"]) {
    assert.equal(deleteHostAddress(netlink, parseIp(text)!, lo), true);
    assert.equal(deleteHostAddress(netlink, parseIp(text)!, lo), false);
  }
  assert.equal(deleteHostAddress(netlink, parseIp("10.0.0.1")!, 9999), false);
  assert.throws(() => addHostAddress(netlink, parseIp("10.0.0.1")!, 9999), {
    code: "ENODEV",
    message: /add 10\.0\.0\.1/,
  });
});

test("interfaces and what they are like", { skip: noNetns() }, (t) => {
  const [netns, far] = [createNetns(t), createNetns(t)];
  connectNetns(
    { netns, device: "wire", address: "10.9.0.1/24" },
    { netns: far, device: "far", address: "10.9.0.2/24" },
  );
  runInNetns(netns, "ip", "link", "set", "wire", "mtu", "1400", "arp", "off");
  const netlink = withNetns(netns, () => new Netlink());
  t.after(() => netlink.close());
  const [lo, wire] = listInterfaces(netlink);
  assert.deepEqual(
    [lo!.name, lo!.isLoopback, lo!.isEthernet, lo!.hasArp, lo!.kind],
    ["lo", true, false, false, ""],
  );
  assert.deepEqual(
    [wire!.name, wire!.mtu, wire!.isUp, wire!.isEthernet, wire!.hasArp, wire!.kind],
    ["wire", 1400, true, true, false, "veth"],
  );
  assert.deepEqual(
    withNetns(netns, () => describeMerging("wire")),
    { lro: false, gro: false },
  );
  assert.throws(() => withNetns(netns, () => describeMerging("none")), { code: "ENODEV" });
});
