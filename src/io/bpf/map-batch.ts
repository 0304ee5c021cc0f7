import { ENOTSUPP, ERRNO, systemError } from "../errno-names.ts";
import { COMMAND } from "./abi.ts";
import { bpf, clearAttributes, getU32, setPointer, setU32 } from "./syscall.ts";

/*
 * Many entries of a map with one call. Where the kernel, or the kind of map, knows no batches, the
 * same is done entry by entry.
 */

/** What of a map is needed here. */
export interface BatchMap {
  readonly name: string;
  readonly fd: number;
  readonly keyBytes: number;
  /** Bytes of a value as it is read and written: of a per-CPU map, of all processors together. */
  readonly slotBytes: number;
  readonly maxEntries: number;
  nextKey(key: Uint8Array | undefined): Uint8Array | undefined;
  lookup(key: Uint8Array): Uint8Array | undefined;
  update(key: Uint8Array, value: Uint8Array, flags?: number): void;
  delete(key: Uint8Array): boolean;
}

/** A chunk has at least this many entries, at most twice as many as the map. */
const MIN_CHUNK = 64;
/** A place in a walk: as long as a key of an array or a trie, 4 bytes for hashes. */
const MIN_TOKEN_BYTES = 8;

const isUnsupported = (problem: number): boolean =>
  problem === ERRNO.EINVAL || problem === ENOTSUPP || problem === ERRNO.EOPNOTSUPP;

export interface Batch {
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  readonly count: number;
}

/**
 * Every entry of a map in chunks of about so many, in buffers that are used again: a long walk may
 * pause between two of them. Entries that come or go meanwhile may be seen or not; none is seen
 * twice but where the fallback walks by keys and one is deleted under it. Throws a SystemError.
 */
export function* batchesOf(map: BatchMap, chunk: number): Generator<Batch> {
  let capacity = Math.max(1, Math.min(chunk, map.maxEntries));
  let keys = new Uint8Array(capacity * map.keyBytes);
  let values = new Uint8Array(capacity * map.slotBytes);
  const token = new Uint8Array(Math.max(map.keyBytes, MIN_TOKEN_BYTES));
  for (let isFirst = true; ; ) {
    clearAttributes();
    if (!isFirst) setPointer(0, token);
    setPointer(8, token);
    setPointer(16, keys);
    setPointer(24, values);
    setU32(32, capacity);
    setU32(36, map.fd);
    const problem = -bpf(COMMAND.MAP_LOOKUP_BATCH, 56);
    if (problem === ERRNO.ENOSPC && capacity < 2 * Math.max(map.maxEntries, MIN_CHUNK)) {
      // One bucket of the hash holds more entries than the chunk: again, with more room.
      capacity = Math.max(2 * capacity, MIN_CHUNK);
      keys = new Uint8Array(capacity * map.keyBytes);
      values = new Uint8Array(capacity * map.slotBytes);
      continue;
    }
    if (isFirst && isUnsupported(problem)) {
      yield* batchesByKeys(map, keys, values, capacity);
      return;
    }
    if (problem !== 0 && problem !== ERRNO.ENOENT) throw systemError(`read ${map.name}`, problem);
    const count = getU32(32);
    if (count > 0) yield batch(map, keys, values, count);
    if (problem === ERRNO.ENOENT) return;
    isFirst = false;
  }
}

const batch = (map: BatchMap, keys: Uint8Array, values: Uint8Array, count: number): Batch => ({
  keys: head(keys, count * map.keyBytes),
  values: head(values, count * map.slotBytes),
  count,
});

const head = (bytes: Uint8Array, length: number): Uint8Array =>
  length === bytes.length ? bytes : bytes.subarray(0, length);

/** When the key a walk stands at is deleted the kernel begins again, so the steps are bounded. */
function* batchesByKeys(
  map: BatchMap,
  keys: Uint8Array,
  values: Uint8Array,
  capacity: number,
): Generator<Batch> {
  let count = 0;
  let key = map.nextKey(undefined);
  for (let steps = 2 * map.maxEntries; key !== undefined && steps > 0; steps--) {
    const value = map.lookup(key);
    if (value !== undefined) {
      keys.set(key, count * map.keyBytes);
      values.set(value, count * map.slotBytes);
      if (++count === capacity) {
        yield batch(map, keys, values, count);
        count = 0;
      }
    }
    key = map.nextKey(key);
  }
  if (count > 0) yield batch(map, keys, values, count);
}

/**
 * Writes the first `count` keys with their values. Throws a SystemError, with some of them written.
 */
export function updateBatch(
  map: BatchMap,
  keys: Uint8Array,
  values: Uint8Array,
  count: number,
): void {
  checkRoom(map, keys, count, map.keyBytes);
  checkRoom(map, values, count, map.slotBytes);
  if (count === 0) return;
  const problem = -command(COMMAND.MAP_UPDATE_BATCH, map, keys, values, count);
  if (problem === 0) return;
  if (!isUnsupported(problem)) {
    throw systemError(`update ${map.name} (${getU32(32)} of ${count} entries done)`, problem);
  }
  for (let i = 0; i < count; i++) {
    const value = values.subarray(i * map.slotBytes, (i + 1) * map.slotBytes);
    map.update(keyAt(map, keys, i), value);
  }
}

/**
 * Deletes the first `count` keys; those that are not there are no error. Returns how many were
 * deleted. Throws a SystemError.
 */
export function deleteBatch(map: BatchMap, keys: Uint8Array, count: number): number {
  checkRoom(map, keys, count, map.keyBytes);
  let deleted = 0;
  for (let from = 0; from < count; ) {
    const rest = keys.subarray(from * map.keyBytes);
    const problem = -command(COMMAND.MAP_DELETE_BATCH, map, rest, undefined, count - from);
    if (problem === 0) return deleted + count - from;
    if (problem !== ERRNO.ENOENT) {
      if (!isUnsupported(problem)) throw systemError(`delete from ${map.name}`, problem);
      for (; from < count; from++) if (map.delete(keyAt(map, keys, from))) deleted++;
      return deleted;
    }
    // It stops at a key that is not there, and tells how many it deleted before.
    deleted += getU32(32);
    from += getU32(32) + 1;
  }
  return deleted;
}

function command(
  which: number,
  map: BatchMap,
  keys: Uint8Array,
  values: Uint8Array | undefined,
  count: number,
): number {
  clearAttributes();
  setPointer(16, keys);
  if (values !== undefined) setPointer(24, values);
  setU32(32, count);
  setU32(36, map.fd);
  return bpf(which, 56);
}

const keyAt = ({ keyBytes }: BatchMap, keys: Uint8Array, i: number): Uint8Array =>
  keys.subarray(i * keyBytes, (i + 1) * keyBytes);

function checkRoom(map: BatchMap, bytes: Uint8Array, count: number, each: number): void {
  if (bytes.length < count * each) {
    throw new RangeError(`${map.name}: ${bytes.length} bytes for ${count} × ${each}`);
  }
}
