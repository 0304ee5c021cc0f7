import { ByteReader } from "./byte-reader.ts";

/*
 * BTF, the types of a BPF object (Documentation/bpf/btf.rst of the Linux kernel):
 *
 *     header | types, numbered from 1 (0 is void) | strings
 *
 * A type is 12 bytes (name, kind and count, size or another type) and what its kind adds.
 */

const BTF_MAGIC = 0xeb9f;
const TYPE_BYTES = 12;
const MAX_TYPES = 1_000_000;
/** How deep a type may nest; a damaged one can contain itself. */
const MAX_DEPTH = 32;
const MAX_BYTES = 2 ** 31;

/** Kinds of types, as the kernel numbers them. */
export const KIND = {
  VOID: 0,
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const;

/** Bytes a kind adds once, and for each of the type's `count`. */
const EXTRA: Readonly<Record<number, readonly [once: number, each: number]>> = {
  [KIND.INT]: [4, 0],
  [KIND.PTR]: [0, 0],
  [KIND.ARRAY]: [12, 0],
  [KIND.STRUCT]: [0, 12],
  [KIND.UNION]: [0, 12],
  [KIND.ENUM]: [0, 8],
  [KIND.FWD]: [0, 0],
  [KIND.TYPEDEF]: [0, 0],
  [KIND.VOLATILE]: [0, 0],
  [KIND.CONST]: [0, 0],
  [KIND.RESTRICT]: [0, 0],
  [KIND.FUNC]: [0, 0],
  [KIND.FUNC_PROTO]: [0, 8],
  [KIND.VAR]: [4, 0],
  [KIND.DATASEC]: [0, 12],
  [KIND.FLOAT]: [0, 0],
  [KIND.DECL_TAG]: [4, 0],
  [KIND.TYPE_TAG]: [0, 0],
  [KIND.ENUM64]: [0, 12],
};

/** Kinds that only say something about another type. */
const MODIFIERS: ReadonlySet<number> = new Set([
  KIND.TYPEDEF,
  KIND.VOLATILE,
  KIND.CONST,
  KIND.RESTRICT,
  KIND.TYPE_TAG,
]);

export interface BtfType {
  readonly id: number;
  readonly kind: number;
  readonly name: string;
  /** Members, values or variables; a function's linkage. */
  readonly count: number;
  /** Of a struct: members say how many bits they have. Of an enum: values are signed. */
  readonly flag: boolean;
  /** Its size in bytes or, by its kind, the type it speaks of. */
  readonly sizeOrType: number;
  /** Where what its kind adds begins, in the bytes of the BTF. */
  readonly at: number;
}

const VOID: BtfType = { id: 0, kind: 0, name: "", count: 0, flag: false, sizeOrType: 0, at: 0 };

/** The types of an object. Reading is bounded: whatever is damaged ends in an Error. */
export class Btf {
  readonly reader: ByteReader;
  readonly types: readonly BtfType[];
  readonly #strings: ByteReader;

  /** `bytes`: a section .BTF. */
  constructor(bytes: Uint8Array) {
    this.reader = new ByteReader(bytes, "BTF");
    if (this.reader.u16(0) !== BTF_MAGIC) throw new Error("BTF: the magic number is wrong");
    const start = this.reader.u32(4);
    this.#strings = new ByteReader(
      this.reader.slice(start + this.reader.u32(16), this.reader.u32(20)),
      "BTF strings",
    );
    const from = start + this.reader.u32(8);
    this.types = this.#readTypes(from, from + this.reader.slice(from, this.reader.u32(12)).length);
  }

  /** A string by its place in the table. */
  text(at: number): string {
    return this.#strings.text(at);
  }

  /** A type by its number. */
  type(id: number): BtfType {
    const type = this.types[id];
    if (type === undefined) throw new Error(`BTF: there is no type ${id}`);
    return type;
  }

  /** The type behind names, `const`, `volatile` and the like. */
  resolve(id: number): BtfType {
    let type = this.type(id);
    for (let depth = 0; MODIFIERS.has(type.kind); depth++) {
      if (depth === MAX_DEPTH) throw new Error(`BTF: type ${id} is nested too deeply`);
      type = this.type(type.sizeOrType);
    }
    return type;
  }

  /** Elements of an array type. */
  array(type: BtfType): { readonly of: number; readonly count: number } {
    return { of: this.reader.u32(type.at), count: this.reader.u32(type.at + 8) };
  }

  /** Bytes of a value of this type. */
  sizeOf(id: number): number {
    let count = 1;
    let type = this.resolve(id);
    for (let depth = 0; type.kind === KIND.ARRAY; depth++) {
      if (depth === MAX_DEPTH) throw new Error(`BTF: type ${id} is nested too deeply`);
      const array = this.array(type);
      count *= array.count;
      type = this.resolve(array.of);
    }
    const bytes = count * this.#plainSize(type);
    if (bytes > MAX_BYTES) throw new Error(`BTF: type ${id} is too large`);
    return bytes;
  }

  #plainSize(type: BtfType): number {
    switch (type.kind) {
      case KIND.INT:
      case KIND.STRUCT:
      case KIND.UNION:
      case KIND.ENUM:
      case KIND.ENUM64:
      case KIND.FLOAT:
      case KIND.DATASEC:
        return type.sizeOrType;
      case KIND.PTR:
        return 8;
      default:
        throw new Error(`BTF: type ${type.id} (kind ${type.kind}) has no size`);
    }
  }

  #readTypes(from: number, to: number): BtfType[] {
    const types: BtfType[] = [VOID];
    for (let at = from; at < to; ) {
      const info = this.reader.u32(at + 4);
      const kind = (info >>> 24) & 31;
      const count = info & 0xffff;
      const extra = EXTRA[kind];
      if (extra === undefined) throw new Error(`BTF: type ${types.length} has kind ${kind}`);
      if (types.length > MAX_TYPES) throw new Error("BTF: too many types");
      types.push({
        id: types.length,
        kind,
        name: this.text(this.reader.u32(at)),
        count,
        flag: info >>> 31 === 1,
        sizeOrType: this.reader.u32(at + 8),
        at: at + TYPE_BYTES,
      });
      at += TYPE_BYTES + extra[0] + extra[1] * count;
      if (at > to) throw new Error("BTF: the last type is not whole");
    }
    return types;
  }
}

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  readonly bitOffset: number;
  /** Bits of a bit field; 0 for everything else. */
  readonly bits: number;
}

/** Members of a struct or union. */
export function membersOf(btf: Btf, type: BtfType): BtfMember[] {
  return Array.from({ length: type.count }, (_, i) => {
    const at = type.at + i * 12;
    const offset = btf.reader.u32(at + 8);
    return {
      name: btf.text(btf.reader.u32(at)),
      type: btf.reader.u32(at + 4),
      bitOffset: type.flag ? offset & 0xff_ffff : offset,
      bits: type.flag ? offset >>> 24 : 0,
    };
  });
}

export interface BtfVariable {
  readonly name: string;
  /** Type of its value. */
  readonly type: number;
  /** 0 static, 1 global, 2 defined elsewhere. */
  readonly linkage: number;
  /** Bytes from the start of its section; clang leaves 0 for global ones. */
  readonly offset: number;
  readonly bytes: number;
  /** The number of the VAR. */
  readonly id: number;
}

/** Variables of a section (DATASEC). */
export function variablesOf(btf: Btf, section: BtfType): BtfVariable[] {
  return Array.from({ length: section.count }, (_, i) => {
    const at = section.at + i * 12;
    const id = btf.reader.u32(at);
    const variable = btf.type(id);
    if (variable.kind !== KIND.VAR) throw new Error(`BTF: ${section.name} holds type ${id}`);
    return {
      name: variable.name,
      type: variable.sizeOrType,
      linkage: btf.reader.u32(variable.at),
      offset: btf.reader.u32(at + 4),
      bytes: btf.reader.u32(at + 8),
      id,
    };
  });
}
