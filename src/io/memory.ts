import { addressOf, errno, native, viewOf } from "./ffi.ts";

const PROT_READ = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MAP_FIXED_NOREPLACE = 0x100000;
const MADV_HUGEPAGE = 14;
const MFD_CLOEXEC = 1;

const mmap = native<bigint>("mmap", "u64", "u64", "u64", "i32", "i32", "i32", "i64");
const madvise = native("madvise", "i32", "u64", "u64", "i32");
const munmap = native("munmap", "i32", "u64", "u64");
const ftruncate = native("ftruncate", "i32", "i32", "i64");
const memfdCreate = native("memfd_create", "i32", "u64", "u32");

const FAILED = 0xffff_ffff_ffff_ffffn;

/** The next multiple of a page. */
export const alignPage = (bytes: number): number => Math.ceil(bytes / 4096) * 4096;

export interface Mapping {
  readonly buffer: ArrayBuffer;
  /** Address of the first byte. Below 2³² for an arena. */
  readonly address: number;
  /** Unmaps. Every view of `buffer` is poison afterwards. */
  unmap(): void;
}

function mapping(pointer: bigint, bytes: number): Mapping {
  return {
    buffer: viewOf(pointer, bytes),
    address: Number(pointer),
    unmap: () => void munmap(pointer, BigInt(bytes)),
  };
}

/**
 * Private zeroed memory below 4 GiB, so that any address inside fits a uint32 and system calls need
 * no BigInt. Pages cost nothing until touched. Throws when no room is found.
 */
export function mapArena(bytes: number): Mapping {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  for (let at = 0x1000_0000; at + bytes <= 0xffff_0000; at += 0x0100_0000) {
    const pointer = mmap(BigInt(at), BigInt(bytes), PROT_READ_WRITE, flags, -1, 0n);
    if (pointer === BigInt(at)) {
      // Hundreds of connections in turn touch more small pages than the processor keeps addresses
      // of. Where the kernel has no huge ones, nothing is lost.
      madvise(pointer, BigInt(bytes), MADV_HUGEPAGE);
      return mapping(pointer, bytes);
    }
    // Kernels before 4.17 take the address as a hint and may put the mapping elsewhere.
    if (pointer !== FAILED) munmap(pointer, BigInt(bytes));
  }
  throw new Error(`no room for an arena of ${bytes} bytes below 4 GiB (errno ${errno()})`);
}

/**
 * A descriptor of anonymous shared memory, zeroed; closed on exec unless passed on. Throws with
 * errno.
 */
export function createSharedMemory(name: string, bytes: number): number {
  const label = Buffer.from(`${name}\0`);
  const fd = memfdCreate(addressOf(label), MFD_CLOEXEC);
  if (fd < 0) throw new Error(`memfd_create: errno ${errno()}`);
  if (ftruncate(fd, BigInt(bytes)) < 0) throw new Error(`ftruncate: errno ${errno()}`);
  return fd;
}

/** Maps shared memory. Throws with errno. */
export const mapShared = (fd: number, bytes: number): Mapping =>
  mapFile(fd, bytes, PROT_READ_WRITE, 0);

/** Maps what is only to be read, from `offset` on. Writing to it ends the process. */
export const mapReadOnly = (fd: number, bytes: number, offset: number): Mapping =>
  mapFile(fd, bytes, PROT_READ, offset);

function mapFile(fd: number, bytes: number, access: number, offset: number): Mapping {
  const pointer = mmap(0n, BigInt(bytes), access, MAP_SHARED, fd, BigInt(offset));
  if (pointer === FAILED) throw new Error(`mmap of descriptor ${fd}: errno ${errno()}`);
  return mapping(pointer, bytes);
}
