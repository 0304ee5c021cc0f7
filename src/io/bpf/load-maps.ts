import { join } from "node:path";
import { ERRNO, type SystemError } from "../errno-names.ts";
import { MAP_FLAG, MAP_TYPE } from "./abi.ts";
import { BPFFS } from "./bpffs.ts";
import { type Btf, KIND } from "./btf.ts";
import { possibleCpus } from "./cpus.ts";
import { BpfMap, type MapSpec } from "./map.ts";
import type { MapDefinition } from "./map-definition.ts";
import type { BpfObject, DataSection } from "./object.ts";
import { initialData, type VariableValue } from "./variables.ts";

export interface MapOptions {
  /** Taken instead of making maps of these names; they must be as the object declares. */
  readonly maps?: Readonly<Record<string, BpfMap>>;
  /** `max_entries` by the map's name, instead of what the object declares. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** Values of constants (`const volatile`) by the variable's name. */
  readonly rodata?: Readonly<Record<string, VariableValue>>;
  /** Where maps declared with `__uint(pinning, LIBBPF_PIN_BY_NAME)` are found or pinned. */
  readonly pinRoot?: string;
}

/** Kinds of maps whose keys and values the kernel lets have types. */
const TYPED: ReadonlySet<number> = new Set([
  MAP_TYPE.HASH,
  MAP_TYPE.ARRAY,
  MAP_TYPE.PERCPU_HASH,
  MAP_TYPE.PERCPU_ARRAY,
  MAP_TYPE.LRU_HASH,
  MAP_TYPE.LRU_PERCPU_HASH,
  MAP_TYPE.LPM_TRIE,
]);

/** Makes, or takes, every map of an object. `opened` is told of each that is now ours to close. */
export function createMaps(
  object: BpfObject,
  options: MapOptions,
  btfFd: number | undefined,
  opened: (map: BpfMap) => void,
): Record<string, BpfMap> {
  const declared = [...object.maps, ...object.data].map(({ name }) => name);
  checkNames("maps", options.maps, declared);
  checkNames(
    "sizes",
    options.sizes,
    object.maps.map(({ name }) => name),
  );
  const values = initialData(object.data, options.rodata ?? {});
  const maps: Record<string, BpfMap> = Object.create(null);
  for (const definition of object.maps) {
    const spec = specOf(definition, options.sizes?.[definition.name], btfFd);
    const given = options.maps?.[definition.name];
    if (given !== undefined) {
      maps[definition.name] = fitting(given, spec);
      continue;
    }
    const map = obtain(definition, spec, options.pinRoot ?? BPFFS, btfFd);
    opened(map);
    maps[definition.name] = fitting(map, spec);
  }
  for (const section of object.data) {
    const spec = dataSpec(section, object.btf, btfFd);
    const given = options.maps?.[section.name];
    if (given !== undefined) {
      maps[section.name] = fitting(given, spec);
      continue;
    }
    const map = BpfMap.create(spec);
    opened(map);
    map.update(new Uint8Array(4), values.get(section.name)!);
    if (section.readOnly) map.freeze();
    maps[section.name] = map;
  }
  return maps;
}

function checkNames(what: string, given: object | undefined, known: readonly string[]): void {
  for (const name of Object.keys(given ?? {})) {
    if (!known.includes(name)) throw new Error(`${what}: the object has no map ${name}`);
  }
}

function specOf(
  definition: MapDefinition,
  size: number | undefined,
  btfFd: number | undefined,
): MapSpec {
  const { name, type, keyBytes, valueBytes, flags, numaNode, extra } = definition;
  const { keyType, valueType } = definition;
  const entries = size ?? definition.maxEntries;
  const isPerf = type === MAP_TYPE.PERF_EVENT_ARRAY && entries === 0;
  const spec = { name, type, keyBytes, valueBytes, flags, numaNode, extra };
  const maxEntries = isPerf ? possibleCpus() : entries;
  if (btfFd === undefined || valueType === 0 || !TYPED.has(type)) return { ...spec, maxEntries };
  return { ...spec, maxEntries, btf: { fd: btfFd, keyType, valueType } };
}

/** A section's variables as one value of an array, with their names for tools. */
function dataSpec(section: DataSection, btf: Btf | undefined, btfFd: number | undefined): MapSpec {
  const spec = {
    name: section.name,
    type: MAP_TYPE.ARRAY,
    keyBytes: 4,
    valueBytes: section.bytes.length,
    maxEntries: 1,
    flags: MAP_FLAG.MMAPABLE | (section.readOnly ? MAP_FLAG.RDONLY_PROG : 0),
  };
  const type = btf?.types.find(({ kind, name }) => kind === KIND.DATASEC && name === section.name);
  if (type === undefined || btfFd === undefined) return spec;
  return { ...spec, btf: { fd: btfFd, keyType: 0, valueType: type.id } };
}

function obtain(
  definition: MapDefinition,
  spec: MapSpec,
  pinRoot: string,
  btfFd: number | undefined,
): BpfMap {
  if (definition.pinning === 0) return createWithInner(definition, spec, btfFd);
  const path = join(pinRoot, definition.name);
  try {
    return BpfMap.open(path);
  } catch (error) {
    if ((error as SystemError).errno !== ERRNO.ENOENT) throw error;
  }
  const map = createWithInner(definition, spec, btfFd);
  try {
    map.pin(path);
  } catch (error) {
    map.close();
    throw error;
  }
  return map;
}

/** A map of maps is made with an example of them, which nobody needs afterwards. */
function createWithInner(
  definition: MapDefinition,
  spec: MapSpec,
  btfFd: number | undefined,
): BpfMap {
  if (definition.inner === undefined) return BpfMap.create(spec);
  const inner = BpfMap.create(specOf(definition.inner, undefined, btfFd));
  try {
    return BpfMap.create({ ...spec, innerFd: inner.fd });
  } finally {
    inner.close();
  }
}

function fitting(map: BpfMap, spec: MapSpec): BpfMap {
  // Some kinds of maps are read-only for programs without being asked.
  const flags = (given: number): number => given & ~MAP_FLAG.RDONLY_PROG;
  const wanted = { ...spec, flags: flags(spec.flags ?? 0) };
  const { type, keyBytes, valueBytes, maxEntries } = map;
  const found = { type, keyBytes, valueBytes, maxEntries, flags: flags(map.flags) };
  for (const field of ["type", "keyBytes", "valueBytes", "maxEntries", "flags"] as const) {
    if (found[field] !== wanted[field]) {
      throw new Error(`map ${spec.name} has ${field} ${found[field]}, not ${wanted[field]}`);
    }
  }
  return map;
}
