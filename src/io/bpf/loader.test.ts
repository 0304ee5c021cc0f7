import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { compileBpf, noBpf } from "#kit/bpf.ts";
import { noProgram, runProgram } from "#kit/netns.ts";
import { closeFd } from "../sockets.ts";
import { MAP_TYPE } from "./abi.ts";
import { isBpffs, mountBpffs } from "./bpffs.ts";
import { type LoadedObject, type LoadOptions, loadBpfObject } from "./loader.ts";
import { BpfMap } from "./map.ts";
import { type BpfObject, parseBpfObject } from "./object.ts";
import { openPinned, pinObject } from "./pin.ts";
import type { ProgramError } from "./program.ts";
import { testRun } from "./test-run.ts";

const u32 = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);

function loaded(t: TestContext, object: BpfObject, options?: LoadOptions): LoadedObject {
  const result = loadBpfObject(object, options);
  t.after(() => result.close());
  return result;
}

const compiled = (source: string): BpfObject => parseBpfObject(compileBpf(source));

const openDescriptors = (): number => readdirSync("/proc/self/fd").length;

const VARIABLES = `
const volatile __u32 limit = 7;
const volatile __u64 wide = 1;
const volatile __s16 small = -3;
const volatile __u8 bytes[3] = {1, 2, 3};
__u64 counter;
__u32 start = 3;
static volatile __u32 secret = 4;
__attribute__((noinline)) int twice(int x) { return x * 2 + start; }
static __attribute__((noinline)) int deeper(struct __sk_buff *skb, int x) {
  counter += x;
  return twice(x) + skb->len;
}
static long each(__u32 i, __u32 *sum) { *sum += i; return 0; }
SEC("tc") int one(struct __sk_buff *skb) {
  __u32 sum = 0;
  bpf_loop(4, each, &sum, 0);
  return deeper(skb, limit) + secret + sum + wide + small + bytes[2];
}
SEC("tc") int other(struct __sk_buff *skb) { return twice(10); }
`;

const PACKET = new Uint8Array(60);

describe("BPF programs", { skip: noBpf() }, () => {
  test("functions, callbacks and variables work together", (t) => {
    const { maps, programs } = loaded(t, compiled(VARIABLES));
    // twice(7) 17, packet 60, secret 4, sum 6, wide 1, small -3, bytes[2] 3
    assert.equal(testRun(programs["one"]!, { data: PACKET }).retval, 17 + 60 + 4 + 6 + 1 - 3 + 3);
    assert.equal(testRun(programs["other"]!, { data: PACKET }).retval, 23);
    assert.equal(maps[".bss"]!.lookup(u32(0))![0], 7);
    maps[".data"]!.update(u32(0), u32(5, 0));
    assert.equal(testRun(programs["other"]!, { data: PACKET }).retval, 25);
    const mapping = maps[".bss"]!.mmap();
    t.after(() => mapping.unmap());
    for (let i = 0; i < 10; i++) testRun(programs["one"]!, { data: PACKET });
    assert.equal(new Uint32Array(mapping.buffer)[0], 77);
  });

  test("constants are set before they are frozen", (t) => {
    const object = compiled(VARIABLES);
    const rodata = { limit: 100, wide: 2n ** 40n + 2n, small: -5, bytes: Uint8Array.of(0, 0, 9) };
    const { maps, programs } = loaded(t, object, { rodata });
    const { retval } = testRun(programs["one"]!, { data: PACKET });
    assert.equal(retval, 203 + 60 + 4 + 6 + 2 - 5 + 9);
    const value = maps[".rodata"]!;
    assert.throws(() => value.update(u32(0), value.lookup(u32(0))!), { code: "EPERM" });
    const refused = (name: string, value: number | Uint8Array, message: RegExp): void =>
      assert.throws(() => loadBpfObject(object, { rodata: { [name]: value } }), message);
    refused("small", 65_536, /small: 65536 does not fit 2 bytes/);
    refused("bytes", 1, /bytes is no number/);
    refused("bytes", Uint8Array.of(1), /bytes has 3 bytes, not 1/);
    refused("counter", 1, /no constant counter/);
  });

  test("tools see names, types and lines of the source", { skip: noProgram("bpftool") }, (t) => {
    const { maps, programs } = loaded(t, compiled(VARIABLES), { programs: ["one"] });
    assert.deepEqual(Object.keys(programs), ["one"]);
    const rodata = runProgram("bpftool", "map", "dump", "id", String(maps[".rodata"]!.id));
    assert.match(rodata, /"limit": 7/);
    assert.match(runProgram("bpftool", "map", "show", "id", String(maps[".bss"]!.id)), /btf_id/);
    const bpffs = scratchBpffs(t);
    pinObject(programs["one"]!, join(bpffs, "one"));
    const text = runProgram("bpftool", "prog", "dump", "xlated", "pinned", join(bpffs, "one"));
    assert.match(text, /; counter \+= x;/);
    assert.match(text, /int twice\(int x\)/);
  });

  test("a program that is refused says why, in lines of its source", () => {
    const object = compiled(`
      SEC("tc") int wrong(struct __sk_buff *skb) {
        char *data = (char *)(long)skb->data;
        return data[5];
      }`);
    const before = openDescriptors();
    assert.throws(
      () => loadBpfObject(object),
      (error: ProgramError) => {
        assert.match(error.message, /load the BPF program wrong: EACCES/);
        assert.match(error.message, /return data\[5\];/);
        assert.match(error.log, /invalid access to packet/);
        assert.ok(error.message.split("\n").length <= 22);
        return true;
      },
    );
    assert.equal(openDescriptors(), before);
  });

  test("a log longer than the first buffer is fetched whole", () => {
    const steps = Array.from({ length: 3000 }, (_, i) => `x = x * ${i + 3} ^ skb->mark;`).join(
      "\n",
    );
    const object = compiled(`
      SEC("tc") int wrong(struct __sk_buff *skb) {
        volatile __u32 x = skb->len;
        ${steps}
        return *(char *)(long)skb->data;
      }`);
    assert.throws(
      () => loadBpfObject(object),
      (error: ProgramError) => error.log.length > 100_000 && /^0: /m.test(error.log),
    );
  });

  test("a kernel that does not take types or records gets the program without", (t) => {
    const object = compiled(VARIABLES);
    // A callback cannot do without, so the program that has one is left out.
    const kernelBtf = new Uint8Array(24).fill(7);
    const untyped = loaded(t, { ...object, kernelBtf }, { programs: ["other"] });
    assert.equal(testRun(untyped.programs["other"]!, { data: PACKET }).retval, 23);
    const records = { recordBytes: 4, count: 1, bytes: new Uint8Array(4) };
    const programs = object.programs.map((program) => ({ ...program, functions: records }));
    const unlined = loaded(t, { ...object, programs }, { programs: ["other"] });
    assert.equal(testRun(unlined.programs["other"]!, { data: PACKET }).retval, 23);
    const plain = parseBpfObject(compileBpf(`SEC("tc") int f(void *c) { return 5; }`, "-g0"));
    assert.equal(plain.btf, undefined);
    const { programs: plainly } = loaded(t, plain);
    assert.equal(testRun(plainly["f"]!, { data: PACKET }).retval, 5);
  });

  test("global functions are verified by themselves", () => {
    // The caller's number is in range, but a global function must not rely on its callers.
    const source = (linkage: string): string => `
      __u32 table[8];
      ${linkage} __attribute__((noinline)) int pick(__u32 i) { return table[i]; }
      SEC("tc") int f(struct __sk_buff *skb) { return pick(skb->len & 7); }`;
    assert.throws(() => loadBpfObject(compiled(source(""))), /load the BPF program f: EACCES/);
    loadBpfObject(compiled(source("static"))).close();
    loadBpfObject(compiled(source("__hidden"))).close();
  });
});

describe("maps of BPF objects", { skip: noBpf() }, () => {
  const SOURCE = `
    struct {
      __uint(type, BPF_MAP_TYPE_HASH);
      __uint(max_entries, 16);
      __type(key, __u32);
      __type(value, __u32);
    } table SEC(".maps");
    struct inner {
      __uint(type, BPF_MAP_TYPE_ARRAY);
      __uint(max_entries, 4);
      __type(key, __u32);
      __type(value, __u32);
    };
    struct {
      __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
      __uint(max_entries, 2);
      __type(key, __u32);
      __array(values, struct inner);
    } outer SEC(".maps");
    SEC("tc") int f(struct __sk_buff *skb) {
      __u32 key = 1, *value = bpf_map_lookup_elem(&table, &key);
      void *inner = bpf_map_lookup_elem(&outer, &key);
      __u32 *deep = inner ? bpf_map_lookup_elem(inner, &key) : 0;
      return (value ? *value : 0) + (deep ? *deep : 0);
    }`;

  test("sizes are changed, maps are taken from others, maps hold maps", (t) => {
    const object = compiled(SOURCE);
    const first = loaded(t, object, { sizes: { table: 1000 } });
    assert.equal(first.maps["table"]!.maxEntries, 1000);
    first.maps["table"]!.update(u32(1), u32(40));
    const inner = BpfMap.create(object.maps.find(({ name }) => name === "outer")!.inner!);
    t.after(() => inner.close());
    first.maps["outer"]!.update(u32(1), u32(inner.fd));
    inner.update(u32(1), u32(2));
    assert.equal(testRun(first.programs["f"]!, { data: PACKET }).retval, 42);
    const second = loadBpfObject(object, { maps: first.maps, sizes: { table: 1000 } });
    assert.equal(testRun(second.programs["f"]!, { data: PACKET }).retval, 42);
    second.close();
    assert.deepEqual(first.maps["table"]!.lookup(u32(1)), u32(40));
  });

  test("what does not fit is refused, and nothing stays open", () => {
    const object = compiled(SOURCE);
    const wrong = BpfMap.create({
      name: "table",
      type: MAP_TYPE.HASH,
      keyBytes: 4,
      valueBytes: 8,
      maxEntries: 16,
    });
    const before = openDescriptors();
    const refused = (options: LoadOptions, message: RegExp): void =>
      assert.throws(() => loadBpfObject(object, options), message);
    refused({ maps: { table: wrong } }, /map table has valueBytes 8, not 4/);
    refused({ sizes: { tabel: 4 } }, /no map tabel/);
    refused({ programs: ["g"] }, /no program g/);
    refused({ sizes: { outer: 0 } }, /create the map outer: EINVAL/);
    assert.equal(openDescriptors(), before);
    wrong.close();
  });

  test("maps and programs are found under their names", (t) => {
    const root = scratchBpffs(t);
    const object = compiled(
      SOURCE.replace("max_entries, 16", "pinning, 1); __uint(max_entries, 16"),
    );
    const first = loadBpfObject(object, { pinRoot: root });
    first.maps["table"]!.update(u32(1), u32(5));
    pinObject(first.programs["f"]!, join(root, "f"));
    first.close();
    const again = loaded(t, object, { pinRoot: root });
    assert.deepEqual(again.maps["table"]!.lookup(u32(1)), u32(5));
    const program = openPinned(join(root, "f"));
    t.after(() => closeFd(program));
    assert.equal(testRun(program, { data: PACKET }).retval, 5);
    const map = BpfMap.open(join(root, "table"));
    t.after(() => map.close());
    assert.equal(map.id, again.maps["table"]!.id);
    assert.throws(
      () => loadBpfObject(object, { pinRoot: root, sizes: { table: 17 } }),
      /maxEntries/,
    );
  });
});

describe("runs for tests", { skip: noBpf() }, () => {
  test("the packet, its length and the context are read and changed", (t) => {
    const { programs } = loaded(
      t,
      compiled(`
        SEC("xdp") int grow(struct xdp_md *ctx) {
          if (bpf_xdp_adjust_head(ctx, -20)) return XDP_ABORTED;
          char *data = (char *)(long)ctx->data, *end = (char *)(long)ctx->data_end;
          if (data + 20 > end) return XDP_ABORTED;
          data[0] = 99;
          return XDP_TX;
        }
        SEC("tc") int mark(struct __sk_buff *skb) { skb->mark += 5; return skb->priority; }
        struct args { __u32 in, out; };
        SEC("syscall") int call(struct args *args) { args->out = args->in * 3; return 7; }`),
    );
    const grown = testRun(programs["grow"]!, { data: new Uint8Array(64).fill(1) });
    assert.deepEqual(
      [grown.retval, grown.data.length, grown.data[0], grown.data[20]],
      [3, 84, 99, 1],
    );
    const small = { data: new Uint8Array(64), dataSizeOut: 64 };
    assert.throws(() => testRun(programs["grow"]!, small), { code: "ENOSPC", message: /84 bytes/ });
    // __sk_buff: mark is at 8, priority at 32; it has 192 bytes.
    const ctx = new Uint8Array(192);
    ctx[8] = 1;
    ctx[32] = 6;
    const marked = testRun(programs["mark"]!, { data: PACKET, ctx, ctxOut: 192 });
    assert.deepEqual([marked.retval, marked.ctx[8]], [6, 6]);
    assert.equal(ctx[8], 1);
    const called = testRun(programs["call"]!, { ctx: u32(5, 0) });
    assert.deepEqual(
      [called.retval, [...new Uint32Array(called.ctx.slice().buffer)]],
      [7, [5, 15]],
    );
    assert.ok(testRun(programs["mark"]!, { data: PACKET, repeat: 1000 }).durationNs > 0);
  });
});

/** A file system for BPF names of this test's own. */
function scratchBpffs(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "weir-bpffs-"));
  t.after(() => {
    if (isBpffs(path)) runProgram("umount", path);
    rmSync(path, { recursive: true, force: true });
  });
  assert.equal(mountBpffs(path), true);
  assert.equal(mountBpffs(path), false);
  return path;
}
