import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { compileBpf, noBpf } from "#kit/bpf.ts";
import { noProgram, runProgram } from "#kit/netns.ts";
import { closeFd } from "../sockets.ts";
import { isBpffs, mountBpffs } from "./bpffs.ts";
import { loadBpfObject } from "./loader.ts";
import { BpfMap } from "./map.ts";
import { parseBpfObject } from "./object.ts";
import { objectInfo, openPinned } from "./pin.ts";

/*
 * libbpf, in bpftool, as the judge: of the same object it must make the same programs and maps.
 */

const SOURCE = `
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 64);
  __type(key, __u64);
  __type(value, __u32[5]);
} recent SEC(".maps");
struct inner {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 4);
  __uint(key_size, 4);
  __uint(value_size, 12);
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 8);
  __type(key, __u32);
  __array(values, struct inner);
} outer SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 3);
  __type(key, __u32);
  __type(value, __u64);
} sums SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, 3);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(key_size, 8);
  __uint(value_size, 4);
} routes SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} events SEC(".maps");
const volatile __u32 limit = 7;
const volatile __u64 wide = 9;
__u64 seen;
__u32 start = 3;
static volatile __u32 secret = 4;
#define APART __attribute__((noinline))
static APART int leaf(int x) { seen += x; return x ^ start; }
static APART int left(int x) { return leaf(x + 1) * 3; }
APART int shared(int x) { return x * limit + leaf(x); }
static APART int right(int x) { return left(x) - shared(x + 2); }
static long step(__u32 i, int *sum) { *sum += left(i) + right(i); return 0; }
SEC("tc") int first(struct __sk_buff *skb) {
  int sum = 0;
  __u64 key = right(skb->len);
  bpf_loop(4, step, &sum, 0);
  __u32 *value = bpf_map_lookup_elem(&recent, &key);
  bpf_printk("sum %d", sum);
  return sum + shared(3) + secret + (value ? value[4] : 0);
}
SEC("tc") int second(struct __sk_buff *skb) {
  __u32 key = leaf(1);
  __u64 *sum = bpf_map_lookup_elem(&sums, &key);
  void *inner = bpf_map_lookup_elem(&outer, &key);
  __u32 *deep = inner ? bpf_map_lookup_elem(inner, &key) : 0;
  bpf_ringbuf_output(&events, &key, sizeof key, 0);
  return right(2) + (sum ? *sum : 0) + wide + (deep ? *deep : 0);
}
SEC("xdp") int third(struct xdp_md *ctx) {
  __u64 key = 8;
  return bpf_map_lookup_elem(&routes, &key) ? shared(1) & 1 : XDP_PASS;
}
SEC("syscall") int fourth(int *args) { return shared(5); }
`;

const PROGRAMS = ["first", "second", "third", "fourth"];
const MAPS = ["recent", "outer", "sums", "routes", "events"];

/** The kernel's hash over a program's instructions, without the numbers of maps. */
function tagOf(fd: number): string {
  const info = objectInfo(fd, 64);
  return Buffer.from(info.buffer, 8, 8).toString("hex");
}

function loadByBpftool(t: TestContext, bytes: Uint8Array): string {
  const directory = mkdtempSync(join(tmpdir(), "weir-libbpf-"));
  const bpffs = join(directory, "bpffs");
  t.after(() => {
    if (isBpffs(bpffs)) runProgram("umount", bpffs);
    rmSync(directory, { recursive: true, force: true });
  });
  mountBpffs(bpffs);
  const file = join(directory, "test.o");
  writeFileSync(file, bytes);
  mkdirSync(join(bpffs, "maps"));
  const pins = [join(bpffs, "programs"), "pinmaps", join(bpffs, "maps")];
  runProgram("bpftool", "prog", "loadall", file, ...pins);
  return bpffs;
}

test("programs and maps are as libbpf makes them", {
  skip: noBpf() || noProgram("bpftool"),
}, (t) => {
  const bytes = compileBpf(SOURCE);
  const bpffs = loadByBpftool(t, bytes);
  const ours = loadBpfObject(parseBpfObject(bytes));
  t.after(() => ours.close());
  assert.deepEqual(Object.keys(ours.programs), PROGRAMS);
  for (const name of PROGRAMS) {
    const theirs = openPinned(join(bpffs, "programs", name));
    assert.equal(tagOf(ours.programs[name]!), tagOf(theirs), name);
    closeFd(theirs);
  }
  for (const name of MAPS) {
    const theirs = BpfMap.open(join(bpffs, "maps", name));
    const { type, keyBytes, valueBytes, maxEntries, flags } = theirs;
    theirs.close();
    const map = ours.maps[name]!;
    assert.deepEqual(
      [map.type, map.keyBytes, map.valueBytes, map.maxEntries, map.flags],
      [type, keyBytes, valueBytes, maxEntries, flags],
      name,
    );
  }
});
