import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Counts, NO_COUNTS } from "./estimator.ts";
import { type CountingRow, Totals } from "./totals.ts";

const counted = (connections: number): Counts => ({ ...NO_COUNTS, connections });

/** Rows of a kernel: their generation, and what they have counted. */
class Rows {
  readonly all = Array.from({ length: 4 }, () => ({ generation: 1, connections: 0 }));
  counts = (row: number): Counts => counted(this.all[row]!.connections);
  generation = (row: number): number => this.all[row]!.generation;
  give(row: number): void {
    this.all[row] = { generation: this.all[row]!.generation + 1, connections: 0 };
  }
}

test("a server that leaves is counted on, and not twice when it comes back", () => {
  const rows = new Rows();
  const totals = new Totals();
  const [a, b] = [
    { row: 0, server: "a" },
    { row: 1, server: "b" },
  ] as const;
  const look = (...now: CountingRow[]): number[] => {
    totals.update(now, rows);
    return [totals.sum(), totals.of("a"), totals.of("b")].map(({ connections }) => connections);
  };
  assert.deepEqual(look(a, b), [0, 0, 0]);
  rows.all[0]!.connections = 5;
  rows.all[1]!.connections = 7;
  assert.deepEqual(look(a, b), [12, 5, 7]);
  assert.deepEqual(look(a), [12, 5, 7]);
  assert.deepEqual(look(a, b), [12, 5, 7]);
  assert.deepEqual(look(a), [12, 5, 7]);
  rows.give(1);
  rows.all[1]!.connections = 100;
  assert.deepEqual(look(a), [12, 5, 7]);
  assert.deepEqual(look(a, { row: 2, server: "b" }), [12, 5, 7]);
  rows.all[2]!.connections = 1;
  assert.deepEqual(look(a, { row: 2, server: "b" }), [13, 5, 8]);
});

test("what is there at the start counts", () => {
  const rows = new Rows();
  rows.all[3]!.connections = 9;
  const totals = new Totals();
  totals.update([{ row: 3, server: "a" }], rows);
  assert.equal(totals.sum().connections, 9);
});

test("no count ever falls, whatever becomes of rows", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("count" as const), row: fc.nat(3), by: fc.nat(50) }),
    fc.record({ kind: fc.constant("give" as const), row: fc.nat(3), by: fc.constant(0) }),
    fc.record({ kind: fc.constant("leave" as const), row: fc.nat(3), by: fc.constant(0) }),
    fc.record({ kind: fc.constant("join" as const), row: fc.nat(3), by: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const rows = new Rows();
      const totals = new Totals();
      const members = new Set<number>();
      let before = 0;
      for (const { kind, row, by } of steps) {
        if (kind === "count") rows.all[row]!.connections += by;
        // A row that is given away has left before.
        if (kind === "give" && !members.has(row)) rows.give(row);
        if (kind === "leave") members.delete(row);
        if (kind === "join") members.add(row);
        totals.update(
          [...members].map((member) => ({ row: member, server: `s${member}` })),
          rows,
        );
        const now = totals.sum().connections;
        assert.ok(now >= before, `${now} after ${before}`);
        before = now;
      }
    }),
  );
});
