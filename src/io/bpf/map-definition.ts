import { type Btf, type BtfMember, type BtfType, KIND, membersOf, variablesOf } from "./btf.ts";

/** A map as an object declares it in its section `.maps`. */
export interface MapDefinition {
  readonly name: string;
  readonly type: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  /** 0 when the object leaves it to whoever loads it. */
  readonly maxEntries: number;
  readonly flags: number;
  readonly numaNode: number;
  readonly extra: number;
  /** 1: to be found under its name in the file system for BPF objects. */
  readonly pinning: number;
  /** BTF types of keys and values; 0 when only their sizes are declared. */
  readonly keyType: number;
  readonly valueType: number;
  /** Of a map of maps: what its maps are like. */
  readonly inner?: MapDefinition;
}

type Draft = { -readonly [Name in keyof MapDefinition]: MapDefinition[Name] };

/**
 * Reads the variables of section `.maps`: each is a struct whose members say with their types what
 * the map is like. A number is the length of an array, `__uint(max_entries, 8)` is
 * `int (*max_entries)[8]`; a type is what a pointer points to. Throws an Error for what it does not
 * know.
 */
export function readMapDefinitions(btf: Btf): MapDefinition[] {
  const section = btf.types.find(({ kind, name }) => kind === KIND.DATASEC && name === ".maps");
  if (section === undefined) throw new Error("the object has maps, but no types: compile with -g");
  return variablesOf(btf, section).map(({ name, type }) => {
    return readDefinition(btf, name, btf.resolve(type), false);
  });
}

function readDefinition(btf: Btf, name: string, type: BtfType, isInner: boolean): MapDefinition {
  if (type.kind !== KIND.STRUCT) throw new Error(`map ${name} is not declared by a struct`);
  const draft: Draft = {
    name,
    type: 0,
    keyBytes: 0,
    valueBytes: 0,
    maxEntries: 0,
    flags: 0,
    numaNode: 0,
    extra: 0,
    pinning: 0,
    keyType: 0,
    valueType: 0,
  };
  for (const member of membersOf(btf, type)) readMember(btf, draft, member, isInner);
  if (draft.type === 0) throw new Error(`map ${name} has no type`);
  return draft;
}

/** Members that are numbers, and where they go. */
const NUMBERS: Readonly<
  Record<
    string,
    "type" | "keyBytes" | "valueBytes" | "maxEntries" | "flags" | "numaNode" | "extra" | "pinning"
  >
> = {
  type: "type",
  key_size: "keyBytes",
  value_size: "valueBytes",
  max_entries: "maxEntries",
  map_flags: "flags",
  numa_node: "numaNode",
  map_extra: "extra",
  pinning: "pinning",
};

function readMember(btf: Btf, draft: Draft, member: BtfMember, isInner: boolean): void {
  const place = `map ${draft.name}: ${member.name}`;
  const field = Object.hasOwn(NUMBERS, member.name) ? NUMBERS[member.name] : undefined;
  if (field !== undefined) {
    draft[field] = numberOf(btf, member.type, place);
  } else if (member.name === "key") {
    draft.keyType = pointedTo(btf, member.type, place);
    draft.keyBytes = btf.sizeOf(draft.keyType);
  } else if (member.name === "value") {
    draft.valueType = pointedTo(btf, member.type, place);
    draft.valueBytes = btf.sizeOf(draft.valueType);
  } else if (member.name === "values") {
    readValues(btf, draft, member, isInner);
  } else {
    throw new Error(`${place} is not known`);
  }
}

/** `__array(values, struct { … })`: what the maps, or programs, in this map are like. */
function readValues(btf: Btf, draft: Draft, member: BtfMember, isInner: boolean): void {
  const place = `map ${draft.name}: values`;
  const array = btf.resolve(member.type);
  if (array.kind !== KIND.ARRAY || isInner) throw new Error(`${place} is not an array of maps`);
  const value = btf.resolve(pointedTo(btf, btf.array(array).of, place));
  draft.valueBytes = 4;
  // The values of an array of programs are functions: there is nothing to say of them.
  if (value.kind === KIND.FUNC_PROTO) return;
  draft.inner = readDefinition(btf, `${draft.name}.inner`, value, true);
}

function numberOf(btf: Btf, type: number, place: string): number {
  const array = btf.resolve(pointedTo(btf, type, place));
  if (array.kind !== KIND.ARRAY) throw new Error(`${place} is not a number`);
  return btf.array(array).count;
}

function pointedTo(btf: Btf, type: number, place: string): number {
  const pointer = btf.resolve(type);
  if (pointer.kind !== KIND.PTR) throw new Error(`${place} is not a pointer`);
  return pointer.sizeOrType;
}
