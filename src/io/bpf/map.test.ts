import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { closeFd } from "../sockets.ts";
import { MAP_FLAG, MAP_TYPE, PROGRAM_TYPE, UPDATE } from "./abi.ts";
import { countCpus, possibleCpus } from "./cpus.ts";
import { BpfMap, type MapSpec } from "./map.ts";
import { loadProgram } from "./program.ts";

const u32 = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
const u64 = (...values: number[]): Uint8Array =>
  new Uint8Array(BigUint64Array.from(values.map(BigInt)).buffer);

function makeMap(t: TestContext, spec: Partial<MapSpec> = {}): BpfMap {
  const map = BpfMap.create({
    name: "test",
    type: MAP_TYPE.HASH,
    keyBytes: 4,
    valueBytes: 8,
    maxEntries: 100,
    ...spec,
  });
  t.after(() => map.close());
  return map;
}

/** All entries by batches, as `key → value`, and the sizes of the chunks. */
function collect(map: BpfMap, chunk?: number): { entries: Map<number, number>; chunks: number[] } {
  const entries = new Map<number, number>();
  const chunks: number[] = [];
  for (const { keys, values, count } of map.batches(chunk)) {
    assert.equal(keys.length, count * map.keyBytes);
    assert.equal(values.length, count * map.slotBytes);
    chunks.push(count);
    const keyView = new DataView(keys.buffer, keys.byteOffset);
    const valueView = new DataView(values.buffer, values.byteOffset);
    for (let i = 0; i < count; i++) {
      const key = keyView.getUint32(i * map.keyBytes, true);
      assert.ok(!entries.has(key), `key ${key} twice`);
      entries.set(key, Number(valueView.getBigUint64(i * map.slotBytes, true)));
    }
  }
  return { entries, chunks };
}

function fill(map: BpfMap, count: number, add = 0): void {
  const numbers = Array.from({ length: count }, (_, i) => i);
  map.updateBatch(u32(...numbers), u64(...numbers.map((n) => n * 3 + add)), count);
}

test("processors of the kernel's list; holes count", () => {
  assert.equal(countCpus("0\n"), 1);
  assert.equal(countCpus("0-3\n"), 4);
  assert.equal(countCpus("0-1,6-7"), 8);
  assert.throws(() => countCpus("none"), /no list of processors: none/);
});

describe("BPF maps", { skip: noBpf() }, () => {
  test("entries are made, found, walked over and deleted", (t) => {
    const map = makeMap(t);
    assert.equal(map.name, "test");
    assert.equal(map.lookup(u32(1)), undefined);
    assert.equal(map.nextKey(undefined), undefined);
    map.update(u32(1), u64(10));
    map.update(u32(2), u64(20));
    map.update(u32(1), u64(11), UPDATE.EXIST);
    assert.deepEqual(map.lookup(u32(1)), u64(11));
    assert.throws(() => map.update(u32(1), u64(0), UPDATE.NOEXIST), { code: "EEXIST" });
    assert.throws(() => map.update(u32(9), u64(0), UPDATE.EXIST), { code: "ENOENT" });
    assert.deepEqual([...map.keys()].map((key) => key[0]).sort(), [1, 2]);
    assert.equal(map.delete(u32(1)), true);
    assert.equal(map.delete(u32(1)), false);
    assert.throws(() => map.lookup(new Uint8Array(3)), /a key of 3 bytes, not 4/);
    assert.throws(() => map.update(u32(1), u32(1)), /a value of 4 bytes, not 8/);
  });

  for (const [name, type] of [
    ["hash", MAP_TYPE.HASH],
    ["LRU hash", MAP_TYPE.LRU_HASH],
    ["array", MAP_TYPE.ARRAY],
  ] as const) {
    test(`a whole ${name} is read in chunks`, (t) => {
      // An LRU list may give way before it is full.
      const map = makeMap(t, { type, maxEntries: type === MAP_TYPE.LRU_HASH ? 20_000 : 5000 });
      fill(map, 5000, 1);
      for (const chunk of [7, 512, 100_000]) {
        const { entries, chunks } = collect(map, chunk);
        assert.equal(entries.size, 5000);
        for (const [key, value] of entries) assert.equal(value, key * 3 + 1);
        if (chunk === 512) assert.ok(Math.max(...chunks) <= 512);
      }
    });
  }

  test("a chunk too small for a bucket grows", (t) => {
    const map = makeMap(t, { maxEntries: 5000 });
    fill(map, 5000);
    const { entries, chunks } = collect(map, 1);
    assert.equal(entries.size, 5000);
    assert.ok(chunks.length > 10);
  });

  test("an empty map hands nothing out", (t) => {
    assert.deepEqual(collect(makeMap(t)).chunks, []);
  });

  test("a map without batches is served entry by entry", (t) => {
    const program = loadProgram({
      name: "nothing",
      type: PROGRAM_TYPE.SCHED_CLS,
      license: "GPL",
      instructions: Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0),
    });
    t.after(() => closeFd(program));
    const map = makeMap(t, { type: MAP_TYPE.PROG_ARRAY, valueBytes: 4, maxEntries: 20 });
    map.updateBatch(u32(1, 4, 7, 11, 19), u32(...Array(5).fill(program)), 5);
    const keys: number[][] = [];
    for (const { keys: bytes, values, count } of map.batches(2)) {
      const ids = new Uint32Array(values.slice().buffer);
      assert.ok(ids.length === count && ids.every((id) => id === ids[0] && id > 0));
      keys.push([...new Uint32Array(bytes.slice().buffer)]);
    }
    assert.deepEqual(keys, [[1, 4], [7, 11], [19]]);
    assert.equal(map.deleteBatch(u32(1, 2, 19), 3), 2);
    assert.equal(map.lookup(u32(19)), undefined);
  });

  test("many are deleted at once; those that are not there do not matter", (t) => {
    const map = makeMap(t);
    fill(map, 50);
    assert.equal(map.deleteBatch(u32(1, 2, 900, 3, 901, 902, 4), 7), 4);
    assert.equal(collect(map).entries.size, 46);
    assert.equal(map.deleteBatch(u32(900), 1), 0);
    assert.equal(map.deleteBatch(new Uint8Array(0), 0), 0);
    assert.throws(() => map.deleteBatch(u32(1), 2), RangeError);
  });

  test("a full map says how far an update got", (t) => {
    const map = makeMap(t, { maxEntries: 10 });
    assert.throws(() => fill(map, 50), { code: "E2BIG", message: /10 of 50 entries done/ });
  });

  test("a value of a per-CPU map is one for each processor", (t) => {
    for (const type of [MAP_TYPE.PERCPU_HASH, MAP_TYPE.PERCPU_ARRAY, MAP_TYPE.LRU_PERCPU_HASH]) {
      const map = makeMap(t, { type, valueBytes: 12 });
      assert.equal(map.valueBytes, 12);
      assert.equal(map.slotBytes, 16 * possibleCpus());
      const value = new Uint8Array(map.slotBytes);
      for (let cpu = 0; cpu < possibleCpus(); cpu++) value[16 * cpu] = cpu + 1;
      map.update(u32(3), value);
      assert.deepEqual(map.lookup(u32(3)), value);
      let found = 0;
      for (const { keys, values, count } of map.batches(8)) {
        for (let i = 0; i < count; i++) {
          if (keys[4 * i] !== 3) continue;
          const from = i * map.slotBytes;
          assert.deepEqual(Uint8Array.from(values.subarray(from, from + map.slotBytes)), value);
          found++;
        }
      }
      assert.equal(found, 1);
    }
  });

  test("an array is shared memory; its stride is a multiple of 8", (t) => {
    const map = makeMap(t, { type: MAP_TYPE.ARRAY, valueBytes: 12, flags: MAP_FLAG.MMAPABLE });
    const mapping = map.mmap();
    t.after(() => mapping.unmap());
    const words = new Uint32Array(mapping.buffer);
    words[4 * 5] = 77;
    assert.equal(map.lookup(u32(5))![0], 77);
    map.update(u32(6), new Uint8Array(12).fill(1));
    assert.equal(words[4 * 6], 0x01010101);
  });

  test("a frozen map is not written by user space", (t) => {
    const map = makeMap(t);
    map.freeze();
    assert.throws(() => map.update(u32(1), u64(1)), { code: "EPERM" });
  });

  test("what cannot be made is refused by name", () => {
    const spec = { name: "wrong", type: MAP_TYPE.HASH, keyBytes: 0, valueBytes: 8, maxEntries: 1 };
    assert.throws(() => BpfMap.create(spec), { code: "EINVAL", message: /create the map wrong/ });
    assert.throws(() => BpfMap.open("/sys/fs/bpf/weir-not-there"), { code: "ENOENT" });
    assert.throws(() => BpfMap.fromFd(99_999), { code: /EBADFD?/ });
  });
});
