import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import type { SchedulerType } from "#balance/scheduler.ts";
import { schedulers } from "#balance/schedulers/index.ts";
import { fallbacks } from "#schema/index.ts";
import { compileConfig } from "./compile.ts";

const PROTOCOLS = ["tcp", "udp", "sctp"] as const;
const LAST = 20;

const config = (services: readonly object[], backend: object = {}): string =>
  JSON.stringify({
    director: { interfaces: "eth0" },
    services: Object.fromEntries(services.map((service, i) => [`s${i}`, service])),
    backends: { app: { servers: { a: "10.0.0.9:0" }, ...backend } },
  });

function errorsOf(text: string): string[] {
  const { faults } = compileConfig([{ file: "f", text }]);
  return faults.filter((f) => f.severity === "error").map((f) => `${f.path}: ${f.message}`);
}

it("refuses a configuration exactly when two services want one port of one address", () => {
  const port = fc.integer({ min: 1, max: LAST });
  const range = fc.tuple(port, port).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  const bind = fc.record({ host: fc.constantFrom("10.0.0.1", "10.0.0.2"), range });
  const service = fc.record({
    protocol: fc.uniqueArray(fc.constantFrom(...PROTOCOLS), { minLength: 1 }),
    binds: fc.array(bind, { minLength: 1, maxLength: 2 }),
  });
  fc.assert(
    fc.property(fc.array(service, { minLength: 1, maxLength: 4 }), (all) => {
      const wanted = all.flatMap(({ protocol, binds }) =>
        protocol.flatMap((p) =>
          binds.flatMap(({ host, range: [first, last] }) =>
            Array.from({ length: last - first + 1 }, (_, i) => `${p} ${host} ${first + i}`),
          ),
        ),
      );
      const text = config(
        all.map(({ protocol, binds }) => ({
          protocol,
          bind: binds.map(({ host, range: [first, last] }) => `${host}:${first}-${last}`),
          method: "dr",
          backend: "app",
        })),
      );
      const clashes = new Set(wanted).size < wanted.length;
      assert.equal(errorsOf(text).length > 0, clashes, text);
    }),
    { numRuns: 500 },
  );
});

it("thousands of addresses are looked through at once", () => {
  const services = Array.from({ length: 1000 }, (_, i) => ({
    bind: Array.from({ length: 20 }, (_x, k) => `10.0.0.1:${1 + i + 1000 * k}`),
    method: "dr",
    backend: "app",
  }));
  assert.deepEqual(errorsOf(config(services)), []);
});

it("a service's scheduler is one that can do with packets", () => {
  const all: readonly SchedulerType[] = schedulers;
  for (const { name, options, packets } of all) {
    if (Object.values(options).some((option) => option.required)) continue;
    const service = { bind: "10.0.0.1:80", method: "dr", backend: "app" };
    const errors = errorsOf(config([service], { balance: name }));
    const isGood = typeof packets?.(fallbacks(options)) === "object";
    assert.equal(errors.length, isGood ? 0 : 1, `${name}: ${errors}`);
  }
});
