import assert from "node:assert/strict";
import { test } from "node:test";
import type { Address } from "#base/address.ts";
import type { Pinged, PingOptions } from "#io/ping.ts";
import { SimClock } from "#kit/sim-clock.ts";
import type { CheckResult } from "../check.ts";
import { icmp } from "./icmp.ts";

const SERVER: Address = { kind: "inet", host: "10.0.0.1", port: 80 };

function played(
  failure: Pinged["failure"],
  address = SERVER,
): { result: CheckResult; asked: [string, PingOptions] | undefined } {
  const timers = new SimClock();
  let result: CheckResult | undefined;
  let asked: [string, PingOptions] | undefined;
  icmp.start(
    { address, backend: "web", server: "a" },
    { size: 100, ttl: 3 },
    {
      timers,
      timeoutMs: 1500,
      dial: () => assert.fail("makes no connection"),
      run: () => assert.fail("runs no program"),
      datagram: () => assert.fail("sends no datagram"),
      ping: (host, options, done) => {
        asked = [host, options];
        done({ failure });
        return () => {};
      },
    },
    (r) => {
      result = r;
    },
  );
  timers.advance(0);
  return { result: result!, asked };
}

test("the host is asked, whatever the port", () => {
  const { asked } = played(undefined);
  assert.deepEqual(asked, ["10.0.0.1", { timeoutMs: 1500, payloadBytes: 100, ttl: 3 }]);
});

test("what came of it, as a result of a check", () => {
  const failed = { timeout: false, local: false, text: "why" };
  const table: [Pinged["failure"], [boolean, string, string]][] = [
    [undefined, [true, "L3OK", "echo reply"]],
    [{ ...failed, timeout: true }, [false, "L3TOUT", "why"]],
    [failed, [false, "L3CON", "why"]],
    [{ ...failed, local: true }, [false, "SOCKERR", "why"]],
  ];
  for (const [failure, expected] of table) {
    const { ok, code, detail } = played(failure).result;
    assert.deepEqual([ok, code, detail], expected);
  }
});

test("a Unix socket has no host", () => {
  const { result, asked } = played(undefined, { kind: "unix", path: "/run/a.sock" });
  assert.deepEqual([result.code, asked], ["SOCKERR", undefined]);
});
