import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bpfRefusal } from "#io/bpf/features.ts";
import type { BpfObject } from "#io/bpf/object.ts";
import { noProgram, runProgram } from "./netns.ts";

/*
 * Small BPF programs for tests: C compiled when the test runs.
 */

const MACHINES: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

/** Why nothing can be compiled for BPF here, for node:test's `skip`; false when it can. */
export function noClang(): string | false {
  const headers = existsSync("/usr/include/bpf/bpf_helpers.h");
  return noProgram("clang") || (headers ? false : "libbpf-dev is missing");
}

/** Why nothing can be compiled and loaded here; false when it can. */
export function noBpf(): string | false {
  if (process.getuid?.() !== 0) return "loading BPF programs needs root";
  return noClang() || (bpfRefusal() ?? false);
}

const HEAD = `
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
`;

/** The object file of some C, to which the usual headers and a licence are added. */
export function compileBpf(source: string, ...more: readonly string[]): Uint8Array {
  const directory = mkdtempSync(join(tmpdir(), "weir-bpf-"));
  try {
    const input = join(directory, "test.bpf.c");
    const output = join(directory, "test.bpf.o");
    writeFileSync(input, `${HEAD}${source}\nchar _license[] SEC("license") = "GPL";\n`);
    const include = `-I/usr/include/${MACHINES[process.arch] ?? process.arch}-linux-gnu`;
    const flags = ["-O2", "-g", "-Wall", "-target", "bpf", include, ...more];
    runProgram("clang", ...flags, "-c", input, "-o", output);
    return readFileSync(output);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const INSTRUCTION_BYTES = 8;
const CALL = 0x85;
/** No kernel has so many. */
const NO_HELPER = 0xffff;

/**
 * The object as it is to a kernel that has not this HELPER: a program that comes to a call of it is
 * refused.
 */
export function withoutHelper(object: BpfObject, helper: number): BpfObject {
  const programs = object.programs.map((program) => {
    const instructions = Uint8Array.from(program.instructions);
    const view = new DataView(instructions.buffer);
    for (let at = 0; at < instructions.length; at += INSTRUCTION_BYTES) {
      // Calls of functions and of the kernel's own have something in the second byte.
      const isCall = instructions[at] === CALL && instructions[at + 1]! >> 4 === 0;
      if (isCall && view.getInt32(at + 4, true) === helper) view.setInt32(at + 4, NO_HELPER, true);
    }
    return { ...program, instructions };
  });
  return { ...object, programs };
}
