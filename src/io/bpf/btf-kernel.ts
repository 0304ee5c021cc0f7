import { type Btf, type BtfType, KIND, variablesOf } from "./btf.ts";
import type { ElfFile } from "./elf.ts";

/**
 * The BTF of an object as the kernel takes it. A compiler does not know how large sections become
 * and where in them global variables lie; the linker, which is us, writes that into a copy. Hidden
 * functions become static ones, so that the verifier looks at them in their callers' light.
 */
export function kernelBtf(btf: Btf, elf: ElfFile): Uint8Array {
  const copy = btf.reader.bytes.slice();
  const out = new DataView(copy.buffer);
  const hidden = new Set(
    elf.symbols.filter(({ visibility }) => visibility === 1 || visibility === 2).map((s) => s.name),
  );
  for (const type of btf.types) {
    if (type.kind === KIND.DATASEC) placeVariables(btf, type, elf, out);
    if (type.kind === KIND.FUNC && hidden.has(type.name)) {
      // The count of a function is its linkage: 0 is static.
      out.setUint32(type.at - 8, KIND.FUNC << 24, true);
    }
  }
  return copy;
}

/** Writes a section's size, and its variables in the order of their places. */
function placeVariables(btf: Btf, type: BtfType, elf: ElfFile, out: DataView): void {
  const section = elf.sections.find(({ name }) => name === type.name);
  if (section === undefined) return;
  out.setUint32(type.at - 4, section.bytes.length, true);
  const places = new Map<string, number>();
  for (const symbol of elf.symbols) {
    if (symbol.section === section.index) places.set(symbol.name, symbol.value);
  }
  const variables = variablesOf(btf, type)
    .map((variable) => {
      const isGlobal = variable.linkage === 1;
      return { ...variable, offset: (isGlobal && places.get(variable.name)) || variable.offset };
    })
    .sort((a, b) => a.offset - b.offset);
  variables.forEach(({ id, offset, bytes }, i) => {
    const at = type.at + i * 12;
    out.setUint32(at, id, true);
    out.setUint32(at + 4, offset, true);
    out.setUint32(at + 8, bytes, true);
  });
}
