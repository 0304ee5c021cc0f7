import type { Btf } from "./btf.ts";
import { ByteReader } from "./byte-reader.ts";

/*
 * Section .BTF.ext: which function begins, and which line of the source stands, at an instruction.
 * Each of its tables is
 *
 *     bytes of a record | for each section of instructions: its name, a count, records
 *
 * and a record begins with the instruction's place in its section, in bytes.
 */

const MAGIC = 0xeb9f;
const MAX_RECORD_BYTES = 256;

/** What is known of one instruction; `record` is as the kernel takes it, but for its first word. */
export interface InstructionRecord {
  /** Bytes from the start of the section. */
  readonly offset: number;
  readonly record: Uint8Array;
}

export interface SourceTable {
  readonly recordBytes: number;
  /** By the section's name, in the order of instructions. */
  readonly sections: ReadonlyMap<string, readonly InstructionRecord[]>;
}

export interface SourceTables {
  readonly functions: SourceTable;
  readonly lines: SourceTable;
}

/** Reads .BTF.ext. Throws an Error for damage, and for an object that wants CO-RE relocations. */
export function readSourceTables(bytes: Uint8Array, btf: Btf): SourceTables {
  const reader = new ByteReader(bytes, ".BTF.ext");
  if (reader.u16(0) !== MAGIC) throw new Error(".BTF.ext: the magic number is wrong");
  const headerBytes = reader.u32(4);
  const table = (at: number): SourceTable =>
    at + 8 > headerBytes
      ? { recordBytes: 0, sections: new Map() }
      : readTable(reader.slice(headerBytes + reader.u32(at), reader.u32(at + 4)), btf);
  if (table(24).sections.size > 0) {
    throw new Error(
      "the object has CO-RE relocations (preserve_access_index), which Weir does not do",
    );
  }
  return { functions: table(8), lines: table(16) };
}

function readTable(bytes: Uint8Array, btf: Btf): SourceTable {
  const sections = new Map<string, InstructionRecord[]>();
  if (bytes.length === 0) return { recordBytes: 0, sections };
  const reader = new ByteReader(bytes, ".BTF.ext");
  const recordBytes = reader.u32(0);
  if (recordBytes < 8 || recordBytes > MAX_RECORD_BYTES) {
    throw new Error(`.BTF.ext: records of ${recordBytes} bytes`);
  }
  for (let at = 4; at < bytes.length; ) {
    const name = btf.text(reader.u32(at));
    const count = reader.u32(at + 4);
    const rows = reader.slice(at + 8, count * recordBytes);
    const records = sections.get(name) ?? [];
    for (let row = 0; row < rows.length; row += recordBytes) {
      const record = rows.subarray(row, row + recordBytes);
      records.push({ offset: reader.u32(at + 8 + row), record });
    }
    sections.set(
      name,
      records.sort((a, b) => a.offset - b.offset),
    );
    at += 8 + rows.length;
  }
  return { recordBytes, sections };
}
