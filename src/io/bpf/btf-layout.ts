import { type Btf, type BtfType, KIND, membersOf } from "./btf.ts";

/** Where the values of a type lie, for a script that writes offsets for TypeScript. */
export type TypeLayout =
  | {
      readonly kind: "int";
      readonly name: string;
      readonly bytes: number;
      readonly signed: boolean;
    }
  | { readonly kind: "float"; readonly name: string; readonly bytes: number }
  | { readonly kind: "pointer"; readonly bytes: number }
  | {
      readonly kind: "array";
      readonly bytes: number;
      readonly count: number;
      readonly of: TypeLayout;
    }
  | EnumLayout
  | StructLayout;

export interface EnumLayout {
  readonly kind: "enum";
  /** Empty for an anonymous one. */
  readonly name: string;
  readonly bytes: number;
  /** 32-bit values are read as signed ones: clang before 15 does not say which they are. */
  readonly values: readonly { readonly name: string; readonly value: bigint }[];
}

export interface StructLayout {
  readonly kind: "struct" | "union";
  /** Empty for an anonymous one, which is then a member's type. */
  readonly name: string;
  readonly bytes: number;
  readonly members: readonly MemberLayout[];
}

export interface MemberLayout {
  /** Empty for an anonymous struct or union. */
  readonly name: string;
  /** Bytes from the start of the struct; of a bit field, rounded down. */
  readonly offset: number;
  readonly type: TypeLayout;
  /** Of a bit field: its first bit, counted from `offset`, and how many bits. */
  readonly bitField?: { readonly from: number; readonly bits: number };
}

/** Deeper nesting is damage. */
const MAX_DEPTH = 32;

/**
 * Every named struct and union of an object and every enum, in the order of its types. Types are
 * there when something uses them: clang leaves others out. Throws an Error when BTF is damaged.
 */
export function readStructs(btf: Btf): { structs: StructLayout[]; enums: EnumLayout[] } {
  const layouts = new Layouts(btf);
  const structs: StructLayout[] = [];
  const enums: EnumLayout[] = [];
  for (const type of btf.types) {
    if (type.kind === KIND.STRUCT || type.kind === KIND.UNION) {
      if (type.name !== "") structs.push(layouts.of(type.id) as StructLayout);
    } else if (type.kind === KIND.ENUM || type.kind === KIND.ENUM64) {
      enums.push(layouts.of(type.id) as EnumLayout);
    }
  }
  return { structs, enums };
}

class Layouts {
  readonly #btf: Btf;
  readonly #known = new Map<number, TypeLayout>();

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  of(id: number, depth = 0): TypeLayout {
    if (depth > MAX_DEPTH) throw new Error(`BTF: type ${id} is nested too deeply`);
    const type = this.#btf.resolve(id);
    let layout = this.#known.get(type.id);
    if (layout === undefined) {
      layout = this.#make(type, depth);
      this.#known.set(type.id, layout);
    }
    return layout;
  }

  #make(type: BtfType, depth: number): TypeLayout {
    const { kind, name, sizeOrType: bytes } = type;
    switch (kind) {
      case KIND.INT:
        return { kind: "int", name, bytes, signed: (this.#btf.reader.u8(type.at + 3) & 1) === 1 };
      case KIND.FLOAT:
        return { kind: "float", name, bytes };
      case KIND.PTR:
        return { kind: "pointer", bytes: 8 };
      case KIND.ARRAY: {
        const { of, count } = this.#btf.array(type);
        const size = this.#btf.sizeOf(type.id);
        return { kind: "array", bytes: size, count, of: this.of(of, depth + 1) };
      }
      case KIND.ENUM:
      case KIND.ENUM64:
        return { kind: "enum", name, bytes, values: enumValues(this.#btf, type) };
      case KIND.STRUCT:
      case KIND.UNION:
        return {
          kind: kind === KIND.STRUCT ? "struct" : "union",
          name,
          bytes,
          members: membersOf(this.#btf, type).map(({ name, type, bitOffset, bits }) => {
            const offset = Math.floor(bitOffset / 8);
            const member = { name, offset, type: this.of(type, depth + 1) };
            return bits === 0 ? member : { ...member, bitField: { from: bitOffset % 8, bits } };
          }),
        };
      default:
        throw new Error(`BTF: type ${type.id} (kind ${kind}) has no layout`);
    }
  }
}

function enumValues(btf: Btf, type: BtfType): { name: string; value: bigint }[] {
  const wide = type.kind === KIND.ENUM64;
  return Array.from({ length: type.count }, (_, i) => {
    const at = type.at + i * (wide ? 12 : 8);
    const low = BigInt(btf.reader.u32(at + 4));
    const value = wide ? (BigInt(btf.reader.u32(at + 8)) << 32n) | low : low;
    const signed = type.flag || !wide;
    return {
      name: btf.text(btf.reader.u32(at)),
      value: signed ? BigInt.asIntN(wide ? 64 : 32, value) : value,
    };
  });
}
