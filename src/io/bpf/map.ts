import { readFileSync } from "node:fs";
import { ERRNO, systemError } from "../errno-names.ts";
import { addressOf } from "../ffi.ts";
import { alignPage, type Mapping, mapShared } from "../memory.ts";
import { closeFd } from "../sockets.ts";
import { COMMAND, MAP_TYPE, UPDATE } from "./abi.ts";
import { possibleCpus } from "./cpus.ts";
import { type Batch, batchesOf, deleteBatch, updateBatch } from "./map-batch.ts";
import { objectInfo, openPinned, pinObject } from "./pin.ts";
import { bpf, clearAttributes, mustBpf, setName, setU32, setU64 } from "./syscall.ts";

/** What a map is to be like. */
export interface MapSpec {
  readonly name: string;
  /** A MAP_TYPE. */
  readonly type: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly maxEntries: number;
  /** MAP_FLAGs together. */
  readonly flags?: number;
  readonly numaNode?: number;
  readonly extra?: number;
  /** Of a map of maps: a map like those it will hold. */
  readonly innerFd?: number;
  /** Types for tools that show entries. A kernel that does not want them goes without. */
  readonly btf?: { readonly fd: number; readonly keyType: number; readonly valueType: number };
}

const PER_CPU: ReadonlySet<number> = new Set([
  MAP_TYPE.PERCPU_HASH,
  MAP_TYPE.PERCPU_ARRAY,
  MAP_TYPE.LRU_PERCPU_HASH,
  MAP_TYPE.PERCPU_CGROUP_STORAGE,
]);
/** `bpf_map_info` up to and with its name. */
const INFO_BYTES = 40;
const BPF_F_NUMA_NODE = 1 << 2;
const DEFAULT_CHUNK = 4096;

const align8 = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/**
 * A map of the kernel by its descriptor. Keys and values are bytes as the program's structs lie in
 * memory. A value of a per-CPU map has one of `valueBytes`, rounded up to 8, for each possible
 * processor, one behind the other. For a walk over many entries use `batches`. Failures throw a
 * SystemError; keys and values of a wrong length a RangeError.
 */
export class BpfMap {
  readonly fd: number;
  readonly name: string;
  readonly type: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** Bytes of a value as it is read and written. */
  readonly slotBytes: number;
  /** The kernel's number for it, as bpftool shows. */
  readonly id: number;
  /** What calls read and write, and where that lies; made once, for an address costs a call. */
  readonly #key: Uint8Array;
  readonly #next: Uint8Array;
  readonly #value: Uint8Array;
  readonly #keyAt: bigint;
  readonly #nextAt: bigint;
  readonly #valueAt: bigint;

  private constructor(fd: number) {
    const info = objectInfo(fd, 80);
    this.fd = fd;
    this.type = info.getUint32(0, true);
    this.id = info.getUint32(4, true);
    this.keyBytes = info.getUint32(8, true);
    this.valueBytes = info.getUint32(12, true);
    this.maxEntries = info.getUint32(16, true);
    this.flags = info.getUint32(20, true);
    const name = new Uint8Array(info.buffer, 24, INFO_BYTES - 24);
    this.name = String.fromCharCode(...name.filter((c) => c !== 0));
    const isPerCpu = PER_CPU.has(this.type);
    this.slotBytes = isPerCpu ? align8(this.valueBytes) * possibleCpus() : this.valueBytes;
    this.#key = new Uint8Array(this.keyBytes);
    this.#next = new Uint8Array(this.keyBytes);
    this.#value = new Uint8Array(this.slotBytes);
    this.#keyAt = this.keyBytes > 0 ? addressOf(this.#key) : 0n;
    this.#nextAt = this.keyBytes > 0 ? addressOf(this.#next) : 0n;
    this.#valueAt = this.slotBytes > 0 ? addressOf(this.#value) : 0n;
  }

  /** Makes a map. It lasts until it is closed, unpinned, and no program refers to it. */
  static create(spec: MapSpec): BpfMap {
    let fd = createMap(spec, spec.btf !== undefined);
    if (fd < 0 && spec.btf !== undefined && fd !== -ERRNO.EPERM) fd = createMap(spec, false);
    if (fd < 0) throw systemError(`create the map ${spec.name}`, fd);
    return BpfMap.fromFd(fd);
  }

  /** Opens a pinned map. */
  static open(path: string): BpfMap {
    return BpfMap.fromFd(openPinned(path));
  }

  /** Takes a descriptor; it is closed when it turns out to be no map. */
  static fromFd(fd: number): BpfMap {
    try {
      return new BpfMap(fd);
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  /** A copy of the value, or undefined when there is none. */
  lookup(key: Uint8Array): Uint8Array | undefined {
    this.#begin(key);
    setU64(16, this.#valueAt);
    const problem = -bpf(COMMAND.MAP_LOOKUP, 32);
    if (problem === 0) return this.#value.slice();
    if (problem === ERRNO.ENOENT) return undefined;
    throw systemError(`look up in ${this.name}`, problem);
  }

  /** `flags`: an UPDATE; without, the entry is made or replaced. */
  update(key: Uint8Array, value: Uint8Array, flags: number = UPDATE.ANY): void {
    this.#beginUpdate(key, value, flags);
    mustBpf(`update ${this.name}`, COMMAND.MAP_UPDATE, 32);
  }

  /** Makes an entry; false when there was one. */
  insert(key: Uint8Array, value: Uint8Array): boolean {
    this.#beginUpdate(key, value, UPDATE.NOEXIST);
    const problem = -bpf(COMMAND.MAP_UPDATE, 32);
    if (problem === 0 || problem === ERRNO.EEXIST) return problem === 0;
    throw systemError(`insert into ${this.name}`, problem);
  }

  #beginUpdate(key: Uint8Array, value: Uint8Array, flags: number): void {
    this.#begin(key);
    if (value.length !== this.slotBytes) {
      throw new RangeError(`${this.name}: a value of ${value.length} bytes, not ${this.slotBytes}`);
    }
    this.#value.set(value);
    setU64(16, this.#valueAt);
    setU64(24, BigInt(flags));
  }

  /** False when there was no such entry. */
  delete(key: Uint8Array): boolean {
    this.#begin(key);
    const problem = -bpf(COMMAND.MAP_DELETE, 32);
    if (problem === 0 || problem === ERRNO.ENOENT) return problem === 0;
    throw systemError(`delete from ${this.name}`, problem);
  }

  /**
   * A copy of the key behind this one, of the first without; undefined behind the last. When the
   * key is gone, the first.
   */
  nextKey(key: Uint8Array | undefined): Uint8Array | undefined {
    if (key === undefined) {
      clearAttributes();
      setU32(0, this.fd);
    } else {
      this.#begin(key);
    }
    setU64(16, this.#nextAt);
    const problem = -bpf(COMMAND.MAP_NEXT_KEY, 32);
    if (problem === 0) return this.#next.slice();
    if (problem === ERRNO.ENOENT) return undefined;
    throw systemError(`walk over ${this.name}`, problem);
  }

  /** All keys, one call each. Endless only if others delete and make entries all the time. */
  *keys(): Generator<Uint8Array> {
    let key = this.nextKey(undefined);
    for (; key !== undefined; key = this.nextKey(key)) yield key;
  }

  /** Every entry, about `chunk` at a time, in buffers that are used again. */
  batches(chunk: number = DEFAULT_CHUNK): Generator<Batch> {
    return batchesOf(this, chunk);
  }

  /** Writes the first `count` entries of what lies in two buffers. */
  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void {
    updateBatch(this, keys, values, count);
  }

  /** Deletes the first `count` keys; returns how many of them were there. */
  deleteBatch(keys: Uint8Array, count: number): number {
    return deleteBatch(this, keys, count);
  }

  /**
   * The values of an array made with MAP_FLAG.MMAPABLE as shared memory: value i begins at i times
   * `valueBytes` rounded up to 8.
   */
  mmap(): Mapping {
    return mapShared(this.fd, alignPage(align8(this.valueBytes) * this.maxEntries));
  }

  /** Memory that it takes, as the kernel accounts for it; 0 where that is not told. */
  memoryBytes(): number {
    const text = readFileSync(`/proc/self/fdinfo/${this.fd}`, "utf8");
    return Number(/^memlock:\s*(\d+)$/m.exec(text)?.[1] ?? 0);
  }

  /** From now on only programs may change it. */
  freeze(): void {
    clearAttributes();
    setU32(0, this.fd);
    mustBpf(`freeze ${this.name}`, COMMAND.MAP_FREEZE, 4);
  }

  pin(path: string): void {
    pinObject(this.fd, path);
  }

  close(): void {
    closeFd(this.fd);
  }

  #begin(key: Uint8Array): void {
    if (key.length !== this.keyBytes) {
      throw new RangeError(`${this.name}: a key of ${key.length} bytes, not ${this.keyBytes}`);
    }
    this.#key.set(key);
    clearAttributes();
    setU32(0, this.fd);
    setU64(8, this.#keyAt);
  }
}

function createMap(spec: MapSpec, withTypes: boolean): number {
  clearAttributes();
  setU32(0, spec.type);
  setU32(4, spec.keyBytes);
  setU32(8, spec.valueBytes);
  setU32(12, spec.maxEntries);
  setU32(16, spec.flags ?? 0);
  setU32(20, spec.innerFd ?? 0);
  if ((spec.flags ?? 0) & BPF_F_NUMA_NODE) setU32(24, spec.numaNode ?? 0);
  setName(28, spec.name);
  if (withTypes && spec.btf) {
    setU32(48, spec.btf.fd);
    setU32(52, spec.btf.keyType);
    setU32(56, spec.btf.valueType);
  }
  setU64(64, BigInt(spec.extra ?? 0));
  return bpf(COMMAND.MAP_CREATE, 72);
}
