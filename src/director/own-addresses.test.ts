import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatIp } from "#base/ip.ts";
import { Netlink } from "#io/netlink.ts";
import { addAddress } from "#kit/lan.ts";
import { createNetns, noNetns, runInNetns, withNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import type { Plan } from "#plan/plan.ts";
import { type Family, findOwnAddress } from "./own-addresses.ts";

/** A machine with interfaces `one` and `two`. */
function createMachine(owner: Owner) {
  const netns = createNetns(owner);
  runInNetns(netns, "ip", "link", "add", "one", "type", "veth", "peer", "name", "two");
  for (const name of ["one", "two"]) runInNetns(netns, "ip", "link", "set", name, "up");
  const give = (device: string, ...addresses: string[]): void => {
    for (const address of addresses) addAddress(netns, address, device);
  };
  const find = (family: Family, localAddresses: string[] = [], interfaces = ["two", "one"]) => {
    const binds = ["10.1.0.100", "fd01::100"].map((host) => ({ host }));
    const plan = { director: { interfaces, localAddresses }, services: [{ binds }] };
    const found = withNetns(netns, () => {
      const netlink = new Netlink();
      try {
        return findOwnAddress(netlink, family, plan as unknown as Plan);
      } finally {
        netlink.close();
      }
    });
    return found && formatIp(found);
  };
  return { give, find };
}

describe("an address of this machine's own", { skip: noNetns() }, () => {
  test("is of the interfaces in their order, and no service's", (t) => {
    const { give, find } = createMachine(t);
    assert.equal(find(4), undefined);
    assert.equal(find(6), undefined, "what is good on one wire only is none");
    give("one", "10.1.0.100/32", "fd01::100/128");
    assert.equal(find(4), undefined);
    assert.equal(find(6), undefined);
    give("one", "10.1.0.1/24", "fd01::1/64");
    assert.deepEqual([find(4), find(6)], ["10.1.0.1", "fd01::1"]);
    give("two", "10.2.0.1/24", "fd02::1/64");
    assert.deepEqual([find(4), find(6)], ["10.2.0.1", "fd02::1"]);
    assert.equal(find(4, [], ["one"]), "10.1.0.1");
  });

  test("is one of localAddresses before all, if it is there", (t) => {
    const { give, find } = createMachine(t);
    give("two", "10.2.0.1/24");
    give("lo", "10.3.0.1/32");
    assert.equal(find(4, ["10.3.0.1"]), "10.3.0.1");
    assert.equal(find(4, ["10.9.0.1"]), "10.2.0.1");
    assert.equal(find(4, ["fd01::1"]), "10.2.0.1");
  });
});
