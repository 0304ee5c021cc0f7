import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { HELPER } from "#io/bpf/abi.ts";
import { bpfRefusal, kernelVersion } from "#io/bpf/features.ts";
import { loadBpfObject } from "#io/bpf/loader.ts";
import { parseBpfObject } from "#io/bpf/object.ts";
import { testRun } from "#io/bpf/test-run.ts";
import { compileBpf, noBpf, withoutHelper } from "#kit/bpf.ts";
import { CALL_LIMIT } from "#plan/director-numbers.ts";
import { loopOptions, loops } from "./loops.ts";

test("rows for the longest loop there is", () => {
  const rounds = (destinations: number, locals: number): number =>
    loopOptions("rows", { destinations, locals }).sizes["rounds"]!;
  assert.equal(rounds(16, 1), CALL_LIMIT.REACH, "bytes in which a Call-ID is looked for");
  assert.equal(rounds(16, 256), 16_384, "ports of all our addresses");
  assert.equal(rounds(60_000, 256), 60_000, "servers of a service");
  assert.equal(loopOptions("helper", { destinations: 60_000, locals: 256 }).sizes["rounds"], 1);
});

describe("the director's programs", { skip: bpfRefusal() ?? false }, () => {
  const OBJECT = new URL("./bpf/director.bpf.o", import.meta.url);
  const object = parseBpfObject(readFileSync(OBJECT));
  const tables = { destinations: 1024, locals: 64 };
  const programs = ["weir_director", "weir_exit", "weir_probe_answer"];

  test("what this kernel has is taken", () => {
    const [major, minor] = kernelVersion();
    const isOld = major < 5 || (major === 5 && minor < 17);
    assert.equal(loops(), isOld ? "rows" : "helper");
  });

  test("over rows they are taken where there is no bpf_loop(), else not", () => {
    const old = withoutHelper(object, HELPER.LOOP);
    loadBpfObject(old, { programs, ...loopOptions("rows", tables) }).close();
    const options = { programs, ...loopOptions("helper", tables) };
    assert.throws(() => loadBpfObject(old, options), /(unknown|invalid) func/);
  });
});

/** What is there in the fourth round is not there in the first. */
const FOURTH = `
#include "repeat.h"
struct walk { __u32 n; __u32 found; };
static __always_inline long visit(__u32 i, struct walk *w)
{
  if (w->n == 3)
    w->found = i + 1;
  w->n++;
  return 0;
}
ROUND(visit, struct walk *, 8)
SEC("tc") int fourth(struct __sk_buff *skb)
{
  struct walk w = { .n = nothing(), .found = nothing() };
  repeat(visit, &w);
  return w.found * 16 + w.n;
}`;

describe("what rounds leave to those after them", { skip: noBpf() }, () => {
  for (const way of ["helper", "rows"] as const) {
    test(`loops by ${way}`, (t) => {
      if (way === "helper" && loops() === "rows") return t.skip("no bpf_loop() before Linux 5.17");
      const folder = fileURLToPath(new URL("./bpf/", import.meta.url));
      const object = parseBpfObject(compileBpf(FOURTH, "-mcpu=v3", `-I${folder}`));
      const loaded = loadBpfObject(object, { rodata: { walks_rows: Number(way === "rows") } });
      t.after(() => loaded.close());
      const { retval } = testRun(loaded.programs["fourth"]!, { data: new Uint8Array(64) });
      assert.equal(retval, 4 * 16 + 8);
    });
  }
});
