import type { SourceTable, SourceTables } from "./btf-ext.ts";
import type { ElfSection, ElfSymbol } from "./elf.ts";
import { INSTRUCTION_BYTES, LOAD_64, type Reference } from "./relocate.ts";

/*
 * A program is its function and behind it every function it calls, those again with what they call:
 *
 *     section tc     │ one │ two │             program one │ one │ hid │ twice │
 *     section .text  │ twice │ hid │           program two │ two │ twice │
 *
 * Calls are relative to the instruction, so they are written anew; the references to maps are left
 * to the loader, who knows their descriptors.
 */

const PSEUDO_FUNC = 4;
/** What the kernel verifies at most, with privileges. */
const MAX_INSTRUCTIONS = 1_000_000;
/** Of calls within calls; the kernel allows 8 stack frames, but more for global functions. */
const MAX_DEPTH = 64;

/** A function of an object, with what its section refers to. */
export interface CodeFunction {
  readonly name: string;
  readonly section: ElfSection;
  readonly symbol: ElfSymbol;
  readonly references: ReadonlyMap<number, Reference>;
}

/** An instruction (ld_imm64) that will hold a map's descriptor, or an address in a map's value. */
export interface MapReference {
  /** Index of the instruction. */
  readonly instruction: number;
  readonly map: string;
  /** Bytes from the start of the value; undefined: the map itself is meant. */
  readonly offset?: number;
}

/** Records for the kernel: which function, or line, is at an instruction. */
export interface ProgramRecords {
  readonly recordBytes: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

export interface LinkedCode {
  readonly instructions: Uint8Array;
  readonly references: readonly MapReference[];
  readonly functions?: ProgramRecords;
  readonly lines?: ProgramRecords;
}

interface Placed {
  readonly code: CodeFunction;
  /** Bytes from the start of the program. */
  readonly at: number;
}

/** `callees`: the functions of .text by their place. Throws an Error for a call to nowhere. */
export function linkProgram(
  entry: CodeFunction,
  callees: ReadonlyMap<number, CodeFunction>,
  tables: SourceTables | undefined,
): LinkedCode {
  const places = placeFunctions(entry, callees);
  const last = places.at(-1)!;
  const instructions = new Uint8Array(last.at + last.code.symbol.bytes);
  const references: MapReference[] = [];
  const starts = new Map(places.map(({ code, at }) => [code, at]));
  for (const { code, at } of places) {
    const { value: from, bytes } = code.symbol;
    instructions.set(code.section.bytes.subarray(from, from + bytes), at);
    for (const [offset, reference] of referencesIn(code)) {
      const to = at + offset - from;
      if (reference.kind === "function") {
        pointAt(instructions, to, starts.get(callees.get(reference.target)!)!);
      } else {
        const instruction = to / INSTRUCTION_BYTES;
        references.push(
          reference.kind === "map"
            ? { instruction, map: reference.map }
            : { instruction, map: reference.section, offset: reference.offset },
        );
      }
    }
  }
  return { instructions, references, ...sourceRecords(places, tables) };
}

/**
 * The functions of a program in libbpf's order: each is followed by those it is the first to refer
 * to, one after the other with all of theirs.
 */
function placeFunctions(
  entry: CodeFunction,
  callees: ReadonlyMap<number, CodeFunction>,
): readonly Placed[] {
  const places: Placed[] = [];
  const known = new Set<CodeFunction>();
  let end = 0;
  const place = (code: CodeFunction, depth: number): void => {
    if (known.has(code)) return;
    known.add(code);
    places.push({ code, at: end });
    end += code.symbol.bytes;
    if (end > MAX_INSTRUCTIONS * INSTRUCTION_BYTES) throw new Error(`${entry.name} is too long`);
    if (depth > MAX_DEPTH) throw new Error(`${entry.name}: calls are nested too deeply`);
    for (const [, reference] of referencesIn(code)) {
      if (reference.kind !== "function") continue;
      const callee = callees.get(reference.target);
      if (callee === undefined) {
        throw new Error(`${code.name} calls byte ${reference.target} of .text: no function`);
      }
      place(callee, depth + 1);
    }
  };
  place(entry, 0);
  return places;
}

function referencesIn({ references, symbol }: CodeFunction): [number, Reference][] {
  const end = symbol.value + symbol.bytes;
  return [...references].filter(([offset]) => offset >= symbol.value && offset < end);
}

/** Makes the instruction at `at` call, or take the address of, the function at `target`. */
function pointAt(instructions: Uint8Array, at: number, target: number): void {
  const view = new DataView(instructions.buffer, at);
  view.setInt32(4, (target - at) / INSTRUCTION_BYTES - 1, true);
  if (instructions[at] !== LOAD_64) return;
  instructions[at + 1] = (instructions[at + 1]! & 15) | (PSEUDO_FUNC << 4);
  view.setInt32(12, 0, true);
}

/**
 * The kernel wants a record of each function, and a line where each begins, or no records at all.
 */
function sourceRecords(
  places: readonly Placed[],
  tables: SourceTables | undefined,
): { functions?: ProgramRecords; lines?: ProgramRecords } {
  if (tables === undefined) return {};
  const functions = collect(places, tables.functions, true);
  if (functions === undefined) return {};
  const lines = collect(places, tables.lines, false);
  return lines === undefined ? { functions } : { functions, lines };
}

function collect(
  places: readonly Placed[],
  table: SourceTable,
  onlyStart: boolean,
): ProgramRecords | undefined {
  const records: Uint8Array[] = [];
  for (const { code, at } of places) {
    const { value: from, bytes } = code.symbol;
    const rows = (table.sections.get(code.section.name) ?? []).filter(({ offset }) =>
      onlyStart ? offset === from : offset >= from && offset < from + bytes,
    );
    if (rows[0]?.offset !== from) return undefined;
    for (const { offset, record } of rows) {
      const copy = record.slice();
      new DataView(copy.buffer).setUint32(0, (offset - from + at) / INSTRUCTION_BYTES, true);
      records.push(copy);
    }
  }
  const all = new Uint8Array(records.length * table.recordBytes);
  records.forEach((record, i) => {
    all.set(record, i * table.recordBytes);
  });
  return { recordBytes: table.recordBytes, count: records.length, bytes: all };
}
