import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { MAP_FLAG, MAP_TYPE } from "#io/bpf/abi.ts";
import { BpfMap } from "#io/bpf/map.ts";
import { noBpf } from "#kit/bpf.ts";
import { POOL_HEADER } from "#plan/director-layout.ts";
import { Pools } from "./pools.ts";
import { rowKey } from "./rows.ts";

const ROW = { type: MAP_TYPE.ARRAY, keyBytes: 4, valueBytes: 32, flags: MAP_FLAG.INNER_MAP };

function outerMap(t: TestContext): BpfMap {
  const example = BpfMap.create({ ...ROW, name: "example", maxEntries: 2 });
  const outer = BpfMap.create({
    name: "pools",
    type: MAP_TYPE.ARRAY_OF_MAPS,
    keyBytes: 4,
    valueBytes: 4,
    maxEntries: 4,
    innerFd: example.fd,
  });
  example.close();
  t.after(() => outer.close());
  return outer;
}

interface Read {
  readonly id: number;
  readonly slots: number[];
  readonly servers: number[];
}

/** Number of the map that a row holds, and what is in it as the program reads it. */
function read(outer: BpfMap, pools: Pools, row: number): Read {
  const id = new DataView(outer.lookup(rowKey(row))!.buffer).getUint32(0, true);
  const map = pools.mapOf(row)!;
  assert.equal(map.id, id);
  const header = new DataView(map.lookup(rowKey(0))!.buffer);
  const length = header.getUint32(POOL_HEADER.LENGTH, true);
  const servers = header.getUint32(POOL_HEADER.SERVERS, true);
  const numbers = (from: number, count: number): number[] =>
    Array.from({ length: Math.ceil(count / 16) }, (_, i) => [
      ...new Uint16Array(map.lookup(rowKey(from + i))!.slice().buffer),
    ])
      .flat()
      .slice(0, count);
  const list = numbers(1 + Math.ceil(length / 16), servers);
  return { id, slots: numbers(1, length), servers: list };
}

describe("pools in the kernel", { skip: noBpf() }, () => {
  test("a table changes where it lies until it outgrows its memory", (t) => {
    const outer = outerMap(t);
    const pools = new Pools(outer);
    t.after(() => pools.close());
    const write = (slots: readonly number[], servers: readonly number[] = []): Read => {
      const tables = { slots: Uint16Array.from(slots), servers: Uint16Array.from(servers) };
      pools.write(new Map([[1, tables]]));
      const now = read(outer, pools, 1);
      assert.deepEqual([now.slots, now.servers], [slots, servers]);
      return now;
    };
    const first = write([1, 2, 3]);
    assert.equal(write([3, 2, 1, 7]).id, first.id);
    assert.equal(write([]).id, first.id);
    assert.equal(write(Array.from({ length: 16 }, (_, i) => i)).id, first.id);
    const larger = write(Array.from({ length: 1000 }, (_, i) => i % 50));
    assert.notEqual(larger.id, first.id);
    assert.equal(write([5]).id, larger.id);
    // A list of servers stands behind the table, wherever that ends.
    assert.equal(write([5], [1, 2, 3]).id, larger.id);
    assert.equal(write([5, 6], [3, 2, 1]).id, larger.id);
    const long = Array.from({ length: 17 }, (_, i) => i);
    assert.equal(write(long, long).id, larger.id);
    assert.equal(write(long, [4]).id, larger.id);
  });
});
