import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { ephemeralPorts } from "./ephemeral-ports.ts";

test("the range is what sysctl says", () => {
  const file = "/proc/sys/net/ipv4/ip_local_port_range";
  const said = execFileSync("cat", [file], { encoding: "utf8" }).trim().split(/\s+/).map(Number);
  const range = ephemeralPorts();
  assert.deepEqual([range?.first, range?.last], said);
});
