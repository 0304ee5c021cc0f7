import { Btf } from "./btf.ts";
import { readSourceTables, type SourceTables } from "./btf-ext.ts";
import { kernelBtf } from "./btf-kernel.ts";
import {
  type ElfFile,
  type ElfSection,
  readElf,
  SHF_EXECINSTR,
  STB_LOCAL,
  STT_FUNC,
  STT_OBJECT,
} from "./elf.ts";
import { type CodeFunction, type LinkedCode, linkProgram } from "./link-program.ts";
import { type MapDefinition, readMapDefinitions } from "./map-definition.ts";
import { INSTRUCTION_BYTES, isData, readReferences } from "./relocate.ts";
import { type SectionType, sectionType } from "./section-types.ts";

/** A program, whole: with every function it calls. */
export interface BpfProgram extends LinkedCode, SectionType {
  readonly name: string;
  readonly section: string;
}

/** A global variable's place in its section. */
export interface DataVariable {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

/** A section of global variables: the only value of a map of its name. */
export interface DataSection {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly readOnly: boolean;
  readonly variables: readonly DataVariable[];
}

/** What a compiled file holds, linked and checked; nothing of it is in the kernel. */
export interface BpfObject {
  readonly license: string;
  readonly programs: readonly BpfProgram[];
  readonly maps: readonly MapDefinition[];
  readonly data: readonly DataSection[];
  /** Types; undefined when the file was compiled without -g. */
  readonly btf: Btf | undefined;
  /** The same as the kernel takes them. */
  readonly kernelBtf: Uint8Array | undefined;
}

/**
 * Reads what `clang -O2 -g -target bpf -c` makes. Throws an Error that says what is damaged, or
 * asks for something that is not supported; work and memory are bounded by the file's size.
 */
export function parseBpfObject(bytes: Uint8Array): BpfObject {
  const elf = readElf(bytes);
  const named = (name: string): ElfSection | undefined => elf.sections.find((s) => s.name === name);
  const types = named(".BTF");
  const btf = types && new Btf(types.bytes);
  const ext = named(".BTF.ext");
  const tables = btf && ext && readSourceTables(ext.bytes, btf);
  const license = named("license")?.bytes ?? new Uint8Array(0);
  const data = elf.sections.filter(({ name, bytes }) => isData(name) && bytes.length > 0);
  for (const section of [...data, ...elf.sections.filter(({ name }) => name === ".maps")]) {
    if (elf.relocations.has(section.index)) {
      throw new Error(`section ${section.name} holds pointers, which is not supported`);
    }
  }
  const object = {
    license: new TextDecoder().decode(license).replace(/\0.*$/s, ""),
    programs: readPrograms(elf, tables),
    maps: named(".maps") ? readMaps(btf) : [],
    data: data.map((section) => readData(elf, section)),
    btf,
    kernelBtf: btf && kernelBtf(btf, elf),
  };
  checkReferences(object);
  return object;
}

function readMaps(btf: Btf | undefined): MapDefinition[] {
  if (btf === undefined) throw new Error("the object has maps, but no types: compile with -g");
  return readMapDefinitions(btf);
}

function readPrograms(elf: ElfFile, tables: SourceTables | undefined): BpfProgram[] {
  const code = elf.sections.filter(({ flags, bytes }) => flags & SHF_EXECINSTR && bytes.length > 0);
  const all = code.flatMap((section) => readFunctions(elf, section));
  const callees = new Map(
    all.filter((f) => f.section.name === ".text").map((f) => [f.symbol.value, f]),
  );
  const programs = all.filter(({ section }) => section.name !== ".text");
  const names = new Set(programs.map(({ name }) => name));
  if (names.size < programs.length) throw new Error("two programs have the same name");
  return programs.map((entry) => {
    const { name, section, symbol } = entry;
    const type = sectionType(section.name);
    if (type === undefined) throw new Error(`${name}: SEC("${section.name}") is not known`);
    if (symbol.bind === STB_LOCAL) throw new Error(`${name}: a program must not be static`);
    return { name, section: section.name, ...type, ...linkProgram(entry, callees, tables) };
  });
}

/** The functions of a section; one lies behind the other. */
function readFunctions(elf: ElfFile, section: ElfSection): CodeFunction[] {
  const references = readReferences(elf, section);
  const functions = elf.symbols
    .filter((symbol) => symbol.section === section.index && symbol.type === STT_FUNC)
    .sort((a, b) => a.value - b.value);
  let end = 0;
  for (const { name, value, bytes } of functions) {
    if (value < end || bytes === 0 || value + bytes > section.bytes.length) {
      throw new Error(`${name} does not lie within section ${section.name}`);
    }
    if (value % INSTRUCTION_BYTES !== 0 || bytes % INSTRUCTION_BYTES !== 0) {
      throw new Error(`${name} does not consist of whole instructions`);
    }
    end = value + bytes;
  }
  return functions.map((symbol) => ({ name: symbol.name, section, symbol, references }));
}

function readData(elf: ElfFile, section: ElfSection): DataSection {
  return {
    name: section.name,
    bytes: section.bytes.slice(),
    readOnly: section.name.startsWith(".rodata"),
    variables: elf.symbols
      .filter(
        ({ section: index, bytes, type }) =>
          index === section.index && bytes > 0 && type === STT_OBJECT,
      )
      .map(({ name, value: offset, bytes }) => ({ name, offset, bytes })),
  };
}

/** Every map that a program refers to is there, and the reference is one to a whole instruction. */
function checkReferences({ programs, maps, data }: Omit<BpfObject, "license">): void {
  const known = new Set([...maps, ...data].map(({ name }) => name));
  for (const { name, references, instructions } of programs) {
    for (const { map, instruction } of references) {
      if (!known.has(map)) throw new Error(`${name} refers to ${map}, which is not there`);
      if ((instruction + 2) * INSTRUCTION_BYTES > instructions.length) {
        throw new Error(`${name} ends within an instruction`);
      }
    }
  }
}
