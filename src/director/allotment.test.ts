import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { planFromText } from "#kit/plan.ts";
import { ServiceRows } from "#kit/service-rows.ts";
import type { Plan } from "#plan/plan.ts";

const planOf = (services: Readonly<Record<string, string>>, servers = 2): Plan => {
  const list = (net: number): string =>
    Array.from({ length: servers }, (_, i) => `s${i}: "10.0.${net}.${i + 1}:80"`).join(", ");
  const lines = Object.entries(services).map(
    ([name, backend], i) =>
      `  ${name}: { bind: "10.1.0.${i + 1}:80", method: dr, backend: ${backend} }`,
  );
  return planFromText(`
director: { interfaces: eth0 }
services:
${lines.join("\n")}
backends:
${["one", "two", "three"].map((name, i) => `  ${name}: { servers: { ${list(i)} } }`).join("\n")}
`);
};

const busy = (): boolean => false;
const idle = (): boolean => true;

describe("which rows a service has", { skip: noBpf() }, () => {
  test("the same as long as its backend is the same", (t) => {
    const rows = new ServiceRows(t, 64);
    const first = rows.assign(planOf({ web: "one", mail: "one" }));
    assert.deepEqual(first, [
      { base: 0, capacity: 8 },
      { base: 8, capacity: 8 },
    ]);
    assert.deepEqual(rows.assign(planOf({ web: "one", mail: "one" }, 8)), first);
    assert.deepEqual([...rows.allotment.leaving], []);
  });

  test("others with another backend; those of before while they are not idle", (t) => {
    const rows = new ServiceRows(t, 64);
    rows.assign(planOf({ web: "one", mail: "one" }));
    const plan = planOf({ web: "two", mail: "one" });
    assert.equal(rows.assign(plan)[0]!.base, 16);
    assert.deepEqual([...rows.allotment.leaving], [0, 1, 2, 3, 4, 5, 6, 7]);
    rows.allotment.settle(plan, (row) => row !== 1);
    assert.deepEqual([...rows.allotment.leaving], [1]);
    rows.allotment.settle(plan, idle);
    assert.deepEqual([...rows.allotment.leaving], []);
    assert.equal(rows.assign(planOf({ web: "three", mail: "one" }))[0]!.base, 0, "they are free");
  });

  test("pointed back, the rows of before again, and so on", (t) => {
    const rows = new ServiceRows(t, 64);
    const [one, two] = [planOf({ web: "one" }), planOf({ web: "two" })];
    for (let round = 0; round < 10; round++) {
      for (const [plan, base] of [[one, 0] as const, [two, 8] as const]) {
        assert.equal(rows.assign(plan)[0]!.base, base);
        rows.allotment.settle(plan, (row) => row % 8 !== 1);
      }
    }
  });

  test("not when another has one of them by now", (t) => {
    const rows = new ServiceRows(t, 24);
    rows.assign(planOf({ web: "one" }));
    const plan = planOf({ web: "two" });
    rows.assign(plan);
    rows.allotment.settle(plan, idle);
    assert.equal(rows.assign(planOf({ web: "two", mail: "one" }))[1]!.base, 0);
    assert.equal(rows.assign(planOf({ web: "one", mail: "one" }))[0]!.base, 16);
  });

  test("not when a server has a number that was another's", (t) => {
    const rows = new ServiceRows(t, 64);
    rows.assign(planOf({ web: "one" }));
    rows.assign(planOf({ web: "two" }));
    const other = planFromText(`
director: { interfaces: eth0 }
services: { web: { bind: "10.1.0.1:80", method: dr, backend: two } }
backends: { one: { servers: { x: "10.0.0.9:80" } }, two: { servers: { s0: "10.0.1.1:80" } } }
`);
    rows.assign(other);
    // Of `one` nothing is in use, so its servers' numbers are free.
    rows.allotment.settle(other, busy);
    const [block] = rows.assign(
      planFromText(`
director: { interfaces: eth0 }
services: { web: { bind: "10.1.0.1:80", method: dr, backend: one } }
backends: { one: { servers: { x: "10.0.0.9:80" } } }
`),
    );
    assert.equal(block!.base, 16);
  });

  test("without a row to spare it keeps its own, and the new servers have them", (t) => {
    const rows = new ServiceRows(t, 16);
    rows.assign(planOf({ web: "one" }));
    rows.assign(planOf({ web: "two" }));
    assert.deepEqual(rows.assign(planOf({ web: "three" })), [{ base: 8, capacity: 8 }]);
    assert.throws(() => rows.assign(planOf({ web: "three" }, 9)), /16 rows .* are too few/);
  });
});
