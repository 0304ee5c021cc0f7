import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { planFromText } from "#kit/plan.ts";
import { ServiceRows } from "#kit/service-rows.ts";
import type { Plan, ServicePlan } from "#plan/plan.ts";
import { findGoneRows } from "./gone-servers.ts";

const servers = (count: number, first = 1): string =>
  Array.from({ length: count }, (_, i) => `s${first + i}: "10.0.0.${first + i}:80"`).join(", ");

/** Service `web`, what becomes of connections, and servers of backends `one` and `two`. */
const planOf = (backend: string, removed: string, one: string, two = servers(1)): Plan =>
  planFromText(`
director: { interfaces: eth0 }
services:
  web: { bind: "10.1.0.1:80", method: dr, backend: ${backend}, onServerRemoved: ${removed} }
  mail: { bind: "10.1.0.2:80", method: dr, backend: two }
backends:
  one: { servers: { ${one} } }
  two: { servers: { ${two} } }
`);

/** Rows of servers that are gone, by the service's name. */
function gone(rows: ServiceRows, plan: Plan, hasAddress: (row: number) => boolean = () => true) {
  rows.assign(plan);
  const rowsOf = (service: ServicePlan) => rows.rowsOf(plan, service);
  const found = findGoneRows(plan.services, rows.allotment, rowsOf, hasAddress);
  return [...found].map(([{ name }, all]) => ({ name, all }));
}

/** Of these, those whose connections go on. */
function kept(rows: ServiceRows, plan: Plan): Record<string, readonly number[]> {
  const all = gone(rows, plan).map(({ name, all }): [string, readonly number[]] => [
    name,
    all.filter(({ isKept }) => isKept).map(({ row }) => row),
  ]);
  return Object.fromEntries(all.filter(([, some]) => some.length > 0));
}

/** Rows of `web` that say where a server is: the first ones, and none of other services. */
const inUse =
  (count: number) =>
  (row: number): boolean =>
    row < count;

describe("rows whose connections go on", { skip: noBpf() }, () => {
  test("none, as long as nothing changes", (t) => {
    const rows = new ServiceRows(t, 64);
    assert.deepEqual(kept(rows, planOf("one", "keep", servers(3))), {});
    assert.deepEqual(kept(rows, planOf("one", "keep", servers(4))), {});
  });

  test("of a server that is removed, where the service keeps it", (t) => {
    const rows = new ServiceRows(t, 64);
    kept(rows, planOf("one", "keep", servers(3)));
    assert.deepEqual(kept(rows, planOf("one", "keep", servers(2))), { web: [2] });
    assert.deepEqual(kept(rows, planOf("one", "drop", servers(2))), {});
    rows.clear(2);
    assert.deepEqual(kept(rows, planOf("one", "keep", servers(2))), {});
  });

  test("of the backend before, where the service keeps them", (t) => {
    const rows = new ServiceRows(t, 64);
    kept(rows, planOf("one", "keep", servers(3)));
    assert.deepEqual(kept(rows, planOf("two", "keep", servers(3))), { web: [0, 1, 2] });
    assert.deepEqual(kept(rows, planOf("two", "drop", servers(3))), {});
    assert.deepEqual(kept(rows, planOf("one", "keep", servers(3))), { web: [16] });
  });

  test("of servers that have other rows, whatever the service says", (t) => {
    const rows = new ServiceRows(t, 64);
    kept(rows, planOf("one", "drop", servers(3)));
    assert.deepEqual(kept(rows, planOf("one", "drop", servers(12, 2))), { web: [1, 2] });
  });
});

describe("rows of servers that are gone", { skip: noBpf() }, () => {
  const dropped = [
    { row: 1, isKept: false },
    { row: 2, isKept: false },
  ];

  test("are known whether or not connections go on", (t) => {
    const rows = new ServiceRows(t, 64);
    kept(rows, planOf("one", "drop", servers(3)));
    const fewer = planOf("one", "drop", servers(1));
    assert.deepEqual(gone(rows, fewer, inUse(3)), [{ name: "web", all: dropped }]);
    rows.clear(2);
    assert.deepEqual(gone(rows, fewer, inUse(3)), [{ name: "web", all: dropped }]);
  });

  test("as long as they say where their servers are", (t) => {
    const rows = new ServiceRows(t, 64);
    kept(rows, planOf("one", "drop", servers(3)));
    const fewer = planOf("one", "drop", servers(1));
    assert.deepEqual(gone(rows, fewer, inUse(2)), [{ name: "web", all: dropped.slice(0, 1) }]);
    assert.deepEqual(
      gone(rows, fewer, () => false),
      [],
    );
  });
});
