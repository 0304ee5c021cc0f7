import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compileBpf, noBpf } from "#kit/bpf.ts";
import { loadBpfObject } from "./loader.ts";
import { parseBpfObject } from "./object.ts";
import { RingReader } from "./ringbuf.ts";
import { testRun } from "./test-run.ts";

const RING = 4096;
/** Each run leaves a record of 20 bytes, one that is thrown away, and counts what found no room. */
const SOURCE = `
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, ${RING}); } ring SEC(".maps");
__u32 number, lost;
SEC("tc") int one(struct __sk_buff *skb) {
  __u32 *record = bpf_ringbuf_reserve(&ring, 20, 0);
  void *thrown;
  if (!record) { lost++; return 0; }
  for (int i = 0; i < 5; i++) record[i] = number;
  number++;
  bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
  thrown = bpf_ringbuf_reserve(&ring, 3, 0);
  if (thrown) bpf_ringbuf_discard(thrown, BPF_RB_NO_WAKEUP);
  return 1;
}`;

describe("rings of records", { skip: noBpf() }, () => {
  const open = (t: { after(end: () => void): void }) => {
    const { maps, programs, close } = loadBpfObject(parseBpfObject(compileBpf(SOURCE)));
    const reader = new RingReader(maps["ring"]!);
    t.after(() => {
      reader.close();
      close();
    });
    // One by one: a signal ends a run between two repeats.
    const run = (times: number): number =>
      Array.from({ length: times }, () => testRun(programs["one"]!, { data: new Uint8Array(60) }))
        .map(({ retval }) => retval)
        .at(-1)!;
    const read = (most = 1000): number[] =>
      reader.read(most).map((record) => {
        assert.equal(record.length, 20);
        const [first, ...rest] = new Uint32Array(record.buffer);
        assert.ok(rest.every((value) => value === first));
        return first!;
      });
    return { run, read };
  };

  test("come in order, as often as the ring goes round", (t) => {
    const { run, read } = open(t);
    assert.deepEqual(read(), []);
    let next = 0;
    for (let round = 0; round < 40; round++) {
      run(37);
      const expected = Array.from({ length: 37 }, () => next++);
      assert.deepEqual([...read(10), ...read(20), ...read()], expected);
    }
    assert.deepEqual(read(), []);
  });

  test("a full ring takes no more until it is read", (t) => {
    const { run, read } = open(t);
    assert.equal(run(500), 0);
    const kept = read();
    assert.ok(kept.length > 50 && kept.length < 500);
    assert.equal(run(1), 1);
    assert.deepEqual(read(), [kept.length]);
  });
});
