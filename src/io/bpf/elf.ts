import { ByteReader } from "./byte-reader.ts";

/*
 * What clang makes of C for BPF: a 64-bit little-endian relocatable file (ELF-64 Object File
 * Format, version 1.5; EM_BPF). Only sections, symbols and relocations without addends are read.
 */

const ELF_MAGIC = 0x464c457f;
const CLASS_64_LITTLE = 0x0102;
const ET_REL = 1;
const EM_BPF = 247;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const SHT_REL = 9;
const SECTION_BYTES = 64;
const SYMBOL_BYTES = 24;
const RELOCATION_BYTES = 16;

/** Far above anything a program of ours needs; a damaged size must not become an allocation. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
const MAX_ZEROS_BYTES = 16 * 1024 * 1024;

/** A section's flag: it holds instructions. */
export const SHF_EXECINSTR = 4;
/** A symbol's types. */
export const STT_OBJECT = 1;
export const STT_FUNC = 2;
/** A symbol seen in its own file only. */
export const STB_LOCAL = 0;

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly flags: number;
  /** A view of the file's bytes; for a section without (.bss), zeros. */
  readonly bytes: Uint8Array;
}

export interface ElfSymbol {
  readonly name: string;
  readonly type: number;
  readonly bind: number;
  /** 1 internal, 2 hidden: not to be seen outside the finished program. */
  readonly visibility: number;
  /** Index of its section; 0 when another file defines it. */
  readonly section: number;
  /** Bytes from the start of its section. */
  readonly value: number;
  readonly bytes: number;
}

export interface ElfRelocation {
  /** Bytes from the start of the section that is to be changed. */
  readonly offset: number;
  readonly type: number;
  readonly symbol: ElfSymbol;
}

export interface ElfFile {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** What is to be changed in a section, by the section's index, in the order of its bytes. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>;
}

interface Header {
  readonly nameAt: number;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly bytes: number;
  readonly link: number;
  readonly info: number;
}

/** Reads an object file. Throws an Error that says what is wrong with it. */
export function readElf(bytes: Uint8Array): ElfFile {
  if (bytes.length > MAX_FILE_BYTES)
    throw new Error(`BPF object: ${bytes.length} bytes are too many`);
  const file = new ByteReader(bytes, "BPF object");
  if (bytes.length < 64 || file.u32(0) !== ELF_MAGIC)
    throw new Error("BPF object: not an ELF file");
  if (file.u16(4) !== CLASS_64_LITTLE || file.u16(16) !== ET_REL || file.u16(18) !== EM_BPF) {
    throw new Error("BPF object: not a 64-bit little-endian relocatable file for BPF");
  }
  const headers = readHeaders(file);
  const names = contents(file, headers[file.u16(62)], "names of sections");
  const sections = headers.map((header, index) => ({
    index,
    name: names.text(header.nameAt),
    flags: header.flags,
    bytes:
      header.type === SHT_NOBITS ? zeros(header.bytes) : contents(file, header, "section").bytes,
  }));
  const symbols = readSymbols(file, headers);
  return { sections, symbols, relocations: readRelocations(file, headers, symbols) };
}

function readHeaders(file: ByteReader): Header[] {
  const at = file.u64(40);
  const count = file.u16(60);
  if (file.u16(58) !== SECTION_BYTES || count === 0) throw new Error("BPF object: no sections");
  return Array.from({ length: count }, (_, i) => {
    const base = at + i * SECTION_BYTES;
    return {
      nameAt: file.u32(base),
      type: file.u32(base + 4),
      flags: file.u64(base + 8),
      offset: file.u64(base + 24),
      bytes: file.u64(base + 32),
      link: file.u32(base + 40),
      info: file.u32(base + 44),
    };
  });
}

function contents(file: ByteReader, header: Header | undefined, what: string): ByteReader {
  if (header === undefined) throw new Error(`BPF object: the ${what} are missing`);
  const { offset, bytes, type } = header;
  // Section 0 is nothing; its size has another meaning.
  if (type === 0) return new ByteReader(new Uint8Array(0), `BPF object, ${what}`);
  return new ByteReader(file.slice(offset, bytes), `BPF object, ${what}`);
}

function zeros(bytes: number): Uint8Array {
  if (bytes > MAX_ZEROS_BYTES) throw new Error(`BPF object: ${bytes} bytes of zeros are too many`);
  return new Uint8Array(bytes);
}

function readSymbols(file: ByteReader, headers: readonly Header[]): ElfSymbol[] {
  const table = headers.find(({ type }) => type === SHT_SYMTAB);
  const symbols = contents(file, table, "symbols");
  const names = contents(file, headers[table!.link], "names of symbols");
  return Array.from({ length: Math.floor(symbols.bytes.length / SYMBOL_BYTES) }, (_, i) => {
    const at = i * SYMBOL_BYTES;
    const info = symbols.u8(at + 4);
    return {
      name: names.text(symbols.u32(at)),
      type: info & 15,
      bind: info >> 4,
      visibility: symbols.u8(at + 5) & 3,
      section: symbols.u16(at + 6),
      value: symbols.u64(at + 8),
      bytes: symbols.u64(at + 16),
    };
  });
}

function readRelocations(
  file: ByteReader,
  headers: readonly Header[],
  symbols: readonly ElfSymbol[],
): Map<number, ElfRelocation[]> {
  const found = new Map<number, ElfRelocation[]>();
  for (const header of headers) {
    if (header.type !== SHT_REL) continue;
    const table = contents(file, header, "relocations");
    const rows = Array.from(
      { length: Math.floor(table.bytes.length / RELOCATION_BYTES) },
      (_, i) => {
        const at = i * RELOCATION_BYTES;
        const symbol = symbols[table.u32(at + 12)];
        if (symbol === undefined) throw new Error("BPF object: a relocation to no symbol");
        return { offset: table.u64(at), type: table.u32(at + 8), symbol };
      },
    );
    found.set(header.info, [...(found.get(header.info) ?? []), ...rows]);
  }
  for (const rows of found.values()) rows.sort((a, b) => a.offset - b.offset);
  return found;
}
