import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { planFromText } from "#kit/plan.ts";
import { ServiceRows } from "#kit/service-rows.ts";
import type { Plan } from "#plan/plan.ts";
import { findKeptRows, withoutRows } from "./kept-rows.ts";

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

/** Rows that are kept, by the service's name. */
function kept(rows: ServiceRows, plan: Plan): Record<string, readonly number[]> {
  rows.assign(plan);
  const found = findKeptRows(plan.services, rows.allotment, (one) => rows.rowsOf(plan, one));
  return Object.fromEntries([...found].map(([{ name }, all]) => [name, all]));
}

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

  test("without those that nobody needs", (t) => {
    const rows = new ServiceRows(t, 64);
    rows.assign(planOf("one", "keep", servers(3)));
    const plan = planOf("two", "keep", servers(3));
    rows.assign(plan);
    const found = findKeptRows(plan.services, rows.allotment, (one) => rows.rowsOf(plan, one));
    const left = withoutRows(found, (row) => row !== 1);
    assert.deepEqual([...left.values()], [[1]]);
    assert.equal(withoutRows(left, () => true).size, 0);
  });
});
