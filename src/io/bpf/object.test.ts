import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import { compileBpf, noClang } from "#kit/bpf.ts";
import { MAP_TYPE, PROGRAM_TYPE } from "./abi.ts";
import { readStructs } from "./btf-layout.ts";
import { type BpfObject, parseBpfObject } from "./object.ts";

const SOURCE = `
enum colour { RED = 1, BLUE = -2 };
struct key { __u32 a; __u16 b; __u8 c[2]; };
struct value {
  __u64 n;
  struct key keys[2][3];
  enum colour colour;
  __u32 low : 3, high : 5;
  union { __u32 word; __u8 octets[4]; };
  struct value *next;
};
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct key);
  __type(value, struct value);
} table SEC(".maps");
struct inner {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u64);
} first SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 2);
  __uint(key_size, 4);
  __uint(pinning, 1);
  __array(values, struct inner);
} outer SEC(".maps");
const volatile __u32 limit = 7;
static volatile __u32 secret = 4;
__u32 start = 3;
__u64 counter;
__attribute__((noinline)) int twice(int x) { return x * 2 + start; }
static __attribute__((noinline)) int deeper(struct __sk_buff *skb, int x) {
  counter += x;
  return twice(x) + skb->len;
}
static long each(__u32 i, __u32 *sum) { *sum += i; return 0; }
SEC("tc") int one(struct __sk_buff *skb) {
  struct key key = {1, 2};
  struct value *value = bpf_map_lookup_elem(&table, &key);
  __u32 sum = 0;
  bpf_loop(4, each, &sum, 0);
  return deeper(skb, limit) + secret + (value ? value->n : 0) + sum;
}
SEC("tc") int two(struct __sk_buff *skb) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&outer, &zero) ? 1 : twice(1);
}
SEC("tcx/ingress") int three(struct __sk_buff *skb) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&first, &zero) ? -1 : 0;
}
SEC("xdp") int pass(struct xdp_md *ctx) { return XDP_PASS; }
SEC("syscall") int call(void *ctx) { return 0; }
`;

describe("BPF objects", { skip: noClang() }, () => {
  let bytes: Uint8Array;
  let object: BpfObject;

  before(() => {
    bytes = compileBpf(SOURCE);
    object = parseBpfObject(bytes);
  });

  test("several programs of one section, each with its type", () => {
    assert.equal(object.license, "GPL");
    assert.deepEqual(
      object.programs.map(({ name, section, type, attachType }) => [
        name,
        section,
        type,
        attachType,
      ]),
      [
        ["one", "tc", PROGRAM_TYPE.SCHED_CLS, 0],
        ["two", "tc", PROGRAM_TYPE.SCHED_CLS, 0],
        ["three", "tcx/ingress", PROGRAM_TYPE.SCHED_CLS, 0],
        ["pass", "xdp", PROGRAM_TYPE.XDP, 37],
        ["call", "syscall", PROGRAM_TYPE.SYSCALL, 0],
      ],
    );
  });

  test("functions are appended once, with a record each and calls that lead to them", () => {
    const [one, two, three] = object.programs;
    assert.equal(one!.functions!.count, 4);
    assert.equal(two!.functions!.count, 2);
    assert.equal(three!.functions!.count, 1);
    const starts = starting(one!.functions!);
    assert.equal(starts[0], 0);
    const targets = new Set(callTargets(one!.instructions));
    assert.deepEqual(
      [...targets].sort((a, b) => a - b),
      starts.slice(1),
    );
    const lines = starting(one!.lines!);
    assert.deepEqual(
      lines,
      lines.toSorted((a, b) => a - b),
    );
    for (const start of starts) assert.ok(lines.includes(start));
  });

  test("references name their map, or the place in a section of variables", () => {
    const names = (i: number): string[] =>
      object.programs[i]!.references.map(({ map, offset }) => `${map}+${offset}`);
    assert.deepEqual(names(0).toSorted(), [
      ".bss+0",
      ".data+0",
      ".data+4",
      ".rodata+0",
      "table+undefined",
    ]);
    assert.deepEqual(names(1), ["outer+undefined", ".data+0"]);
    assert.deepEqual(names(2), ["first+undefined"]);
  });

  test("maps are as declared", () => {
    const map = (name: string) => object.maps.find((one) => one.name === name)!;
    const table = map("table");
    assert.equal(table.type, MAP_TYPE.HASH);
    assert.deepEqual([table.keyBytes, table.valueBytes, table.maxEntries], [8, 80, 16]);
    assert.equal(table.flags, 1);
    const outer = map("outer");
    assert.deepEqual([outer.keyBytes, outer.valueBytes, outer.pinning], [4, 4, 1]);
    assert.deepEqual([outer.inner!.type, outer.inner!.valueBytes], [MAP_TYPE.ARRAY, 8]);
    const data = object.data.map(({ name, bytes, readOnly }) => [name, bytes.length, readOnly]);
    assert.deepEqual(data, [
      [".rodata", 4, true],
      [".data", 8, false],
      [".bss", 8, false],
    ]);
  });

  test("layouts of structs and values of enums", () => {
    const { structs, enums } = readStructs(object.btf!);
    const value = structs.find(({ name }) => name === "value")!;
    assert.equal(value.bytes, 80);
    assert.deepEqual(
      value.members.map(({ name, offset, type }) => [name, offset, type.kind, type.bytes]),
      [
        ["n", 0, "int", 8],
        ["keys", 8, "array", 48],
        ["colour", 56, "enum", 4],
        ["low", 60, "int", 4],
        ["high", 60, "int", 4],
        ["", 64, "union", 4],
        ["next", 72, "pointer", 8],
      ],
    );
    assert.deepEqual(value.members[4]!.bitField, { from: 3, bits: 5 });
    const keys = value.members[1]!.type;
    assert.ok(keys.kind === "array" && keys.count === 2 && keys.of.kind === "array");
    assert.ok(keys.of.count === 3 && keys.of.of.kind === "struct" && keys.of.of.name === "key");
    const colours = enums.find(({ name }) => name === "colour")!;
    assert.deepEqual(colours.values, [
      { name: "RED", value: 1n },
      { name: "BLUE", value: -2n },
    ]);
  });

  test("a Buffer is as good as bytes, and is not changed", () => {
    const before = Buffer.from(bytes);
    const again = parseBpfObject(before);
    assert.deepEqual(again.programs, object.programs);
    assert.deepEqual(again.kernelBtf, object.kernelBtf);
    assert.ok(before.equals(Buffer.from(bytes)));
  });

  test("what is not supported is refused by name", () => {
    const refused = (source: string, message: RegExp): void =>
      assert.throws(() => parseBpfObject(compileBpf(source)), message);
    refused(`extern int far(void); SEC("tc") int f(void *c) { return far(); }`, /extern/);
    refused(`SEC("kprobe/x") int f(void *c) { return 0; }`, /SEC\("kprobe\/x"\) is not known/);
    refused(
      `static int n; int *p = &n; SEC("tc") int f(void *c) { return *p; }`,
      /section \.data holds pointers/,
    );
    refused(
      `struct s { int a; } __attribute__((preserve_access_index));
       SEC("tc") int f(struct s *c) { return c->a; }`,
      /CO-RE/,
    );
    refused(
      `struct { __uint(type, 1); __uint(colour, 3); } m SEC(".maps");
       SEC("tc") int f(void *c) { return bpf_map_delete_elem(&m, c); }`,
      /map m: colour is not known/,
    );
  });

  test("damage ends in an Error of ours, and soon", () => {
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
    const cut = fc.option(fc.nat(bytes.length), { nil: bytes.length });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 24 }), cut, (changes, length) => {
        const copy = Uint8Array.from(bytes.subarray(0, length));
        for (const [at, value] of changes) if (at < length) copy[at] = value;
        survives(copy);
      }),
      { numRuns: 1500 },
    );
  });

  test("damage where it hurts: in headers, types and symbols", () => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const headers = Number(view.getBigUint64(40, true));
    const places: number[] = Array.from({ length: 64 }, (_, i) => i);
    for (let at = headers; at < bytes.length; at++) places.push(at);
    const words = fc.constantFrom(0, 1, 0x7fffffff, 0xffffffff, 0x10000, 0x80000000, 12, 14);
    fc.assert(
      fc.property(fc.constantFrom(...places), words, (at, word) => {
        const copy = Uint8Array.from(bytes);
        if (at + 4 <= copy.length) new DataView(copy.buffer).setUint32(at, word, true);
        survives(copy);
      }),
      { numRuns: 1500 },
    );
  });

  test("no object at all", () => {
    for (const wrong of [new Uint8Array(0), new Uint8Array(64), Buffer.from("\x7fELF")]) {
      assert.throws(() => parseBpfObject(wrong), /not an ELF file/);
    }
  });
});

/** Whole, or an Error that says what is wrong: not one of the language's own. */
function survives(bytes: Uint8Array): void {
  try {
    const { btf } = parseBpfObject(bytes);
    if (btf) readStructs(btf);
  } catch (error) {
    assert.ok(error instanceof Error && error.constructor === Error, String(error));
  }
}

function starting({ bytes, recordBytes }: { bytes: Uint8Array; recordBytes: number }): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / recordBytes }, (_, i) =>
    view.getUint32(i * recordBytes, true),
  );
}

/** Where calls within the program, and addresses of functions, lead. */
function callTargets(instructions: Uint8Array): number[] {
  const view = new DataView(instructions.buffer, instructions.byteOffset, instructions.length);
  const found: number[] = [];
  for (let i = 0; i < instructions.length / 8; i++) {
    const source = instructions[i * 8 + 1]! >> 4;
    const isCall = instructions[i * 8] === 0x85 && source === 1;
    const isAddress = instructions[i * 8] === 0x18 && source === 4;
    if (isCall || isAddress) found.push(i + view.getInt32(i * 8 + 4, true) + 1);
    if (instructions[i * 8] === 0x18) i++;
  }
  return found;
}
