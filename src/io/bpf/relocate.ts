import {
  type ElfFile,
  type ElfRelocation,
  type ElfSection,
  type ElfSymbol,
  STT_OBJECT,
} from "./elf.ts";

/*
 * What instructions of a section refer to. An instruction has 8 bytes: operation, registers
 * (destination in the low half, source in the high one), offset, immediate; ld_imm64 has two of
 * them.
 */

/** ld_imm64: a 64-bit constant, or something the kernel turns into one. */
export const LOAD_64 = 0x18;
/** A call; with source register 1 of another function of the program. */
export const CALL = 0x85;
export const INSTRUCTION_BYTES = 8;
const PSEUDO_CALL = 1;
const R_BPF_64_64 = 1;
const R_BPF_64_32 = 10;

/** An instruction's reference, by the instruction's place in its section, in bytes. */
export type Reference =
  | { readonly kind: "map"; readonly map: string }
  | { readonly kind: "data"; readonly section: string; readonly offset: number }
  /** A function of section .text, by its place in bytes: called, or its address taken. */
  | { readonly kind: "function"; readonly target: number };

/** Whether section `name` holds global variables. */
export const isData = (name: string): boolean => /^\.(rodata|data|bss)(\.|$)/.test(name);

/** References of a section of instructions, in order. Throws an Error for those that cannot be. */
export function readReferences(elf: ElfFile, section: ElfSection): Map<number, Reference> {
  const found = new Map<number, Reference>();
  for (const relocation of elf.relocations.get(section.index) ?? []) {
    found.set(relocation.offset, referenceOf(elf, section, relocation));
  }
  addLocalCalls(section, found);
  return new Map([...found].sort(([a], [b]) => a - b));
}

function referenceOf(elf: ElfFile, section: ElfSection, relocation: ElfRelocation): Reference {
  const { offset, type, symbol } = relocation;
  const place = `section ${section.name}, byte ${offset}`;
  const end = section.bytes.length - (type === R_BPF_64_64 ? 16 : 8);
  if (offset % INSTRUCTION_BYTES !== 0 || offset > end) throw new Error(`${place}: no instruction`);
  const operation = section.bytes[offset];
  const immediate = immediateOf(section, offset);
  const target = elf.sections[symbol.section];
  if (symbol.section === 0 || target === undefined) {
    throw new Error(`${place}: ${symbol.name} is defined nowhere (extern is not supported)`);
  }
  if (type === R_BPF_64_32 && operation === CALL) {
    if (target.name !== ".text") throw new Error(`${place}: calls into section ${target.name}`);
    return { kind: "function", target: symbol.value + (immediate + 1) * INSTRUCTION_BYTES };
  }
  if (type !== R_BPF_64_64 || operation !== LOAD_64) {
    throw new Error(`${place}: relocation ${type} of operation ${operation}`);
  }
  if (target.name === ".text") return { kind: "function", target: symbol.value + immediate };
  if (target.name === ".maps") return { kind: "map", map: mapAt(elf, target, symbol, immediate) };
  if (!isData(target.name)) throw new Error(`${place}: refers to section ${target.name}`);
  return { kind: "data", section: target.name, offset: symbol.value + immediate };
}

/** clang names a map by its symbol, or by the section and the map's place in it. */
function mapAt(elf: ElfFile, maps: ElfSection, symbol: ElfSymbol, immediate: number): string {
  const at = symbol.value + immediate;
  const map = elf.symbols.find(
    ({ section, value, type }) => section === maps.index && value === at && type === STT_OBJECT,
  );
  if (map === undefined) throw new Error(`no map is at byte ${at} of section .maps`);
  return map.name;
}

/** Calls within .text that the assembler resolved itself. */
function addLocalCalls(section: ElfSection, found: Map<number, Reference>): void {
  const { bytes, name } = section;
  for (let at = 0; at + INSTRUCTION_BYTES <= bytes.length; at += INSTRUCTION_BYTES) {
    if (bytes[at] === LOAD_64) {
      at += INSTRUCTION_BYTES;
    } else if (bytes[at] === CALL && bytes[at + 1]! >> 4 === PSEUDO_CALL && !found.has(at)) {
      if (name !== ".text")
        throw new Error(`section ${name}, byte ${at}: calls within the section`);
      found.set(at, {
        kind: "function",
        target: at + (immediateOf(section, at) + 1) * INSTRUCTION_BYTES,
      });
    }
  }
}

function immediateOf({ bytes }: ElfSection, at: number): number {
  return bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
}
