// @hot
import { errnoName } from "./errno-names.ts";
import { errno, native } from "./ffi.ts";
import { alignPage, type Mapping } from "./memory.ts";
import {
  CQE_WORDS,
  ENTER_EXT_ARG,
  ENTER_GETEVENTS,
  ENTER_REGISTERED_RING,
  PARAMS,
  REGISTER,
  RSRC_REGISTER_SPARSE,
  SETUP,
  SQE_WORDS,
  SYS_IO_URING_ENTER,
  SYS_IO_URING_REGISTER,
  SYS_IO_URING_SETUP,
} from "./uring-abi.ts";

// Six arguments travel in registers; the seventh goes on the stack and must be 64 bits wide.
const syscall = native("syscall", "i32", "i32", "i32", "u32", "u32", "u32", "u64", "u64");
const close = native("close", "i32", "i32");

const ETIME = 62;
const EINTR = 4;
const EBUSY = 16;
const EAGAIN = 11;

/** Where a ring's parts lie in the arena, byte offsets. */
export interface RingLayout {
  readonly sqeAt: number;
  readonly ringAt: number;
  /** 64 scratch bytes for system call arguments. */
  readonly argAt: number;
  readonly entries: number;
  readonly completions: number;
}

/** Bytes that a ring of these sizes needs: SQEs, then the rings' own memory. */
export const sqeBytes = (entries: number): number => alignPage(entries * SQE_WORDS * 4);
export const ringBytes = (completions: number): number =>
  alignPage(1024 + completions * CQE_WORDS * 4);

/**
 * One io_uring in memory of ours (IORING_SETUP_NO_MMAP): submission entries are written and
 * completions read through one Int32Array; heads and tails with Atomics, because the kernel is the
 * other side. Throws an Error that says why when the kernel will not.
 */
export class Ring {
  readonly words: Int32Array;
  readonly fd: number;
  /** Completions: word offset of the first, index mask. */
  readonly cqeBase: number;
  readonly cqMask: number;
  systemCalls = 0;
  readonly #sqMask: number;
  readonly #sqBase: number;
  readonly #sqHead: number;
  readonly #sqTail: number;
  readonly #cqHead: number;
  readonly #cqTail: number;
  readonly #entries: number;
  readonly #registered: number;
  readonly #arg: bigint;
  readonly #timeAt: number;
  readonly #layout: RingLayout;
  readonly #address: number;
  /** Tail as far as entries were taken, and as far as the kernel was told. */
  #tail = 0;
  #told = 0;
  /** The kernel's head when last looked at: it is never behind this. */
  #head = 0;

  constructor(arena: Mapping, layout: RingLayout) {
    this.words = new Int32Array(arena.buffer);
    this.#layout = layout;
    this.#address = arena.address;
    const at = layout.argAt >> 2;
    const params = this.words.subarray(at, at + PARAMS.BYTES / 4);
    params.fill(0);
    params[PARAMS.CQ_ENTRIES] = layout.completions;
    params[PARAMS.FLAGS] =
      SETUP.CQSIZE |
      SETUP.SUBMIT_ALL |
      SETUP.COOP_TASKRUN |
      SETUP.SINGLE_ISSUER |
      SETUP.DEFER_TASKRUN |
      SETUP.NO_MMAP |
      SETUP.NO_SQARRAY;
    params[PARAMS.SQ_USER_ADDR] = arena.address + layout.sqeAt;
    params[PARAMS.CQ_USER_ADDR] = arena.address + layout.ringAt;
    this.fd = syscall(
      SYS_IO_URING_SETUP,
      layout.entries,
      arena.address + layout.argAt,
      0,
      0,
      0n,
      0n,
    );
    if (this.fd < 0) throw new Error(`io_uring_setup: ${errnoName(errno())}`);
    const ring = layout.ringAt >> 2;
    this.#entries = params[PARAMS.SQ_ENTRIES]!;
    this.#sqBase = layout.sqeAt >> 2;
    this.#sqHead = ring + (params[PARAMS.SQ_HEAD]! >> 2);
    this.#sqTail = ring + (params[PARAMS.SQ_TAIL]! >> 2);
    this.#sqMask = this.words[ring + (params[PARAMS.SQ_MASK]! >> 2)]!;
    this.#cqHead = ring + (params[PARAMS.CQ_HEAD]! >> 2);
    this.#cqTail = ring + (params[PARAMS.CQ_TAIL]! >> 2);
    this.cqMask = this.words[ring + (params[PARAMS.CQ_MASK]! >> 2)]!;
    this.cqeBase = ring + (params[PARAMS.CQ_CQES]! >> 2);
    this.#registered = this.#registerSelf();
    // struct io_uring_getevents_arg at argAt, its timespec 32 bytes further.
    this.#timeAt = (layout.argAt + 32) >> 2;
    this.words.fill(0, at, at + 16);
    this.words[at + 4] = arena.address + layout.argAt + 32;
    this.#arg = BigInt(arena.address + layout.argAt);
  }

  /** io_uring_register with its argument at `registerAt`. Returns its result or -errno. */
  register(opcode: number, count: number): number {
    const result = syscall(
      SYS_IO_URING_REGISTER,
      this.fd,
      opcode,
      this.#address + this.#layout.argAt + 128,
      count,
      0n,
      0n,
    );
    return result < 0 ? -errno() : result;
  }

  /** Word offset of the scratch area that `register` passes to the kernel. */
  get registerAt(): number {
    return (this.#layout.argAt + 128) >> 2;
  }

  #registerSelf(): number {
    const at = this.registerAt;
    this.words.fill(0, at, at + 4);
    this.words[at] = -1;
    this.words[at + 2] = this.fd;
    const result = this.register(REGISTER.RING_FDS, 1);
    if (result < 1) throw new Error(`io_uring: registering the ring: ${errnoName(-result)}`);
    return this.words[at]!;
  }

  /** True when the kernel knows the operation (IORING_REGISTER_PROBE). */
  supports(op: number): boolean {
    const at = this.registerAt;
    // struct io_uring_probe: 16 bytes, then 8 for each operation asked about: op, reserved, u16
    // flags.
    this.words.fill(0, at, at + 4 + 2 * (op + 1));
    if (this.register(REGISTER.PROBE, op + 1) < 0) return false;
    return ((this.words[at + 4 + 2 * op]! >>> 16) & 1) === 1;
  }

  /** Makes an empty table of `count` direct descriptors. Returns 0 or -errno. */
  registerSparseFiles(count: number): number {
    const at = this.registerAt;
    this.words.fill(0, at, at + 8);
    this.words[at] = count;
    this.words[at + 1] = RSRC_REGISTER_SPARSE;
    return this.register(REGISTER.FILES2, 32);
  }

  /**
   * Registers a ring of provided buffers (power of two entries) at an arena offset. Returns 0 or
   * -errno.
   */
  registerBufferRing(group: number, ringAt: number, entries: number): number {
    const at = this.registerAt;
    this.words.fill(0, at, at + 10);
    this.words[at] = this.#address + ringAt;
    this.words[at + 2] = entries;
    this.words[at + 3] = group;
    return this.register(REGISTER.PBUF_RING, 1);
  }

  /**
   * Word offset of a fresh, zeroed submission entry; its user data is set. When the queue is full
   * the entries so far are submitted first.
   */
  entry(op: number, fd: number, data: number, extra: number): number {
    if (((this.#tail - this.#head) | 0) >= this.#entries) this.room(1);
    const at = this.#sqBase + (this.#tail & this.#sqMask) * SQE_WORDS;
    this.#tail = (this.#tail + 1) | 0;
    const words = this.words;
    words[at] = op;
    words[at + 1] = fd;
    words[at + 2] = 0;
    words[at + 3] = 0;
    words[at + 4] = 0;
    words[at + 5] = 0;
    words[at + 6] = 0;
    words[at + 7] = 0;
    words[at + 8] = data;
    words[at + 9] = extra;
    words[at + 10] = 0;
    words[at + 11] = 0;
    words[at + 12] = 0;
    words[at + 13] = 0;
    return at;
  }

  /** Makes sure that `count` entries can follow each other in one submission (a linked chain). */
  room(count: number): void {
    if (((this.#tail - this.#head) | 0) + count <= this.#entries) return;
    this.#head = Atomics.load(this.words, this.#sqHead);
    if (((this.#tail - this.#head) | 0) + count <= this.#entries) return;
    this.submit();
    this.#head = Atomics.load(this.words, this.#sqHead);
  }

  /** Hands over what was entered so far, without waiting for any of it. */
  submit(): void {
    Atomics.store(this.words, this.#sqTail, this.#tail);
    const count = (this.#tail - this.#told) | 0;
    this.systemCalls++;
    const n = syscall(
      SYS_IO_URING_ENTER,
      this.#registered,
      count,
      0,
      ENTER_REGISTERED_RING,
      0n,
      0n,
    );
    this.#told = (this.#told + Math.max(n, 0)) | 0;
  }

  /**
   * Hands entries to the kernel and waits at most waitMs (-1 for ever) for a completion; with
   * waitMs 0 it only reaps. Returns completions ready, or -errno when the ring is broken.
   */
  enter(waitMs: number): number {
    const words = this.words;
    Atomics.store(words, this.#sqTail, this.#tail);
    const count = (this.#tail - this.#told) | 0;
    const time = this.#timeAt;
    const arg = this.#layout.argAt >> 2;
    if (waitMs > 0) {
      const seconds = Math.floor(waitMs / 1000);
      words[time] = seconds;
      words[time + 2] = Math.floor((waitMs - seconds * 1000) * 1e6);
      words[arg + 4] = this.#address + this.#layout.argAt + 32;
    } else {
      words[arg + 4] = 0;
    }
    this.systemCalls++;
    const flags = ENTER_GETEVENTS | ENTER_EXT_ARG | ENTER_REGISTERED_RING;
    const n = syscall(
      SYS_IO_URING_ENTER,
      this.#registered,
      count,
      waitMs === 0 ? 0 : 1,
      flags,
      this.#arg,
      24n,
    );
    if (n >= 0) {
      this.#told = (this.#told + n) | 0;
    } else {
      const e = errno();
      // A timed-out wait has submitted all the same: the kernel's head tells how far.
      this.#told = Atomics.load(words, this.#sqHead);
      if (e !== ETIME && e !== EINTR && e !== EBUSY && e !== EAGAIN) return -e;
    }
    return this.ready();
  }

  /** Completions waiting to be read. */
  ready(): number {
    return (Atomics.load(this.words, this.#cqTail) - this.words[this.#cqHead]!) | 0;
  }

  /** Word offset of the i-th completion not yet consumed. */
  completion(i: number): number {
    return this.cqeBase + ((this.words[this.#cqHead]! + i) & this.cqMask) * CQE_WORDS;
  }

  /** Gives `count` completions back to the kernel. */
  consume(count: number): void {
    Atomics.store(this.words, this.#cqHead, (this.words[this.#cqHead]! + count) | 0);
  }

  destroy(): void {
    // A thread may have 16 registered rings; closing one does not unregister it.
    const at = this.registerAt;
    this.words.fill(0, at, at + 4);
    this.words[at] = this.#registered;
    this.register(REGISTER.UNREGISTER_RING_FDS, 1);
    close(this.fd);
  }
}
