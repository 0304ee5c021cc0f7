import assert from "node:assert/strict";
import { test } from "node:test";
import { ephemeralPorts } from "#io/ephemeral-ports.ts";
import { Netlink } from "#io/netlink.ts";
import type { DirectorPlan } from "#plan/plan.ts";
import { ALL_PORTS, findLocalPorts, portsBeside } from "./local-ports.ts";

test("what the kernel gives to sockets is left out, if enough is left", () => {
  assert.deepEqual(portsBeside({ first: 32_768, last: 60_999 }), {
    ...{ count: 36_280, keptFirst: 32_768, kept: 28_232 },
  });
  assert.deepEqual(portsBeside({ first: 1, last: 60_000 }), {
    ...{ count: 5535, keptFirst: 1024, kept: 58_977 },
  });
  assert.deepEqual(portsBeside({ first: 1024, last: 61_439 }).count, 4096);
  assert.deepEqual(portsBeside({ first: 1024, last: 61_440 }), ALL_PORTS);
  assert.deepEqual(portsBeside({ first: 10, last: 1000 }), ALL_PORTS);
  assert.deepEqual(portsBeside(undefined), ALL_PORTS);
  assert.equal(ALL_PORTS.count, 64_512);
});

test("only addresses of this machine have sockets", () => {
  const netlink = new Netlink();
  const found = (localPorts: DirectorPlan["localPorts"], ...localAddresses: string[]) =>
    findLocalPorts(netlink, { localPorts, localAddresses } as unknown as DirectorPlan);
  try {
    const beside = portsBeside(ephemeralPorts());
    assert.deepEqual(found("auto", "127.0.0.1"), beside);
    assert.deepEqual(found("auto", "192.0.2.1", "127.0.0.1"), beside);
    assert.deepEqual(found("auto", "192.0.2.1"), ALL_PORTS);
    assert.deepEqual(found("auto"), ALL_PORTS);
    assert.deepEqual(found("all", "127.0.0.1"), ALL_PORTS);
  } finally {
    netlink.close();
  }
});
