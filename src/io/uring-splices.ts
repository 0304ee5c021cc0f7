// @hot
import type { Kernel } from "./epoll-kernel.ts";
import { ERRNO } from "./errno-names.ts";
import { HandleQueue } from "./handle-queue.ts";
import type { Pipes } from "./pipes.ts";
import type { Sink } from "./transport.ts";
import { OP, SQE } from "./uring-abi.ts";
import type { LowWater } from "./uring-low-water.ts";
import type { Ring } from "./uring-ring.ts";
import { IS, SOCK } from "./uring-sockets.ts";

const EAGAIN = -ERRNO.EAGAIN;
const EPIPE = -ERRNO.EPIPE;
const POLLIN = 1;
const POLLOUT = 4;
/** Most bytes to wait for; the kernel makes a receive buffer of twice as many. */
const GATHER_MOST = 262_144;

/**
 * Bytes from one socket to another inside the kernel. The ring's own splice runs on the kernel's
 * worker threads and costs more than it saves, so this is splice(2), non-blocking, on descriptors
 * that the ring installs for the two sockets the first time; the ring tells when to go on.
 *
 *   begin ─► install both ─► gather ─► fill pipe ─► empty it ─► spliced(from, n)
 *                                        ▲  │ nothing there: poll `from`
 *                                        └──┘ no room in `to`: poll it
 *
 * To gather is to wait a moment for all that may be moved at once: see LowWater.
 */
export class UringSplices {
  readonly #kernel: Kernel;
  readonly #ring: Ring;
  readonly #cells: Int32Array;
  readonly #words: Int32Array;
  readonly #pipes: Pipes;
  readonly #lowWater: LowWater;
  /** User data of a completion for `from`, and for `to`, without the handle. */
  readonly #fromTag: number;
  readonly #toTag: number;
  /** Sockets whose splice may make progress. */
  readonly #queue: HandleQueue;

  constructor(
    kernel: Kernel,
    ring: Ring,
    cells: Int32Array,
    words: Int32Array,
    pipes: Pipes,
    lowWater: LowWater,
    fromTag: number,
    toTag: number,
    sockets: number,
  ) {
    this.#kernel = kernel;
    this.#ring = ring;
    this.#cells = cells;
    this.#words = words;
    this.#pipes = pipes;
    this.#lowWater = lowWater;
    this.#fromTag = fromTag;
    this.#toTag = toTag;
    this.#queue = new HandleQueue(sockets * 2);
  }

  get waiting(): number {
    return this.#queue.count;
  }

  /** False when there is no pipe for it. */
  begin(from: number, to: number, bytes: number): boolean {
    const pipe = this.#pipes.take();
    if (pipe < 0) return false;
    const cells = this.#cells;
    const at = from * SOCK.WORDS;
    cells[at + SOCK.SPLICE_TO] = to;
    cells[at + SOCK.SPLICE_PIPE] = pipe;
    cells[at + SOCK.SPLICE_LIMIT] = Math.min(bytes, this.#pipes.bytes(pipe));
    cells[at + SOCK.SPLICE_BYTES] = 0;
    cells[at + SOCK.SPLICE_HELD] = 0;
    cells[at + SOCK.SPLICE_RESULT] = 0;
    cells[at + SOCK.FLAGS]! |= IS.SPLICING;
    cells[to * SOCK.WORDS + SOCK.FLAGS]! |= IS.SPLICED_INTO;
    cells[to * SOCK.WORDS + SOCK.SPLICE_FROM] = from;
    if (cells[at + SOCK.FD]! < 0) this.#enqueue(from);
    else this.#gather(from, at);
    return true;
  }

  /**
   * Moves what can be moved now, for as many splices as were waiting for it. Returns how many were
   * told.
   */
  run(sink: Sink): number {
    let told = 0;
    for (let n = this.#queue.count; n > 0; n--) {
      const from = this.#queue.shift();
      const at = from * SOCK.WORDS;
      this.#cells[at + SOCK.FLAGS]! &= ~IS.SPLICE_QUEUED;
      if ((this.#cells[at + SOCK.FLAGS]! & IS.SPLICING) === 0) continue;
      const result = this.#step(from, at);
      if (result === EAGAIN) continue;
      this.#release(from);
      told++;
      sink.spliced(from, result);
    }
    return told;
  }

  /** A completion for a socket read from: it is readable, or `result` is its descriptor. */
  fromReady(from: number, result: number): void {
    const at = from * SOCK.WORDS;
    this.#installed(at, result);
    if (this.#cells[at + SOCK.FLAGS]! & IS.SPLICING) this.#enqueue(from);
  }

  /** The same for a socket written to. */
  toReady(to: number, result: number): void {
    const at = to * SOCK.WORDS;
    this.#installed(at, result);
    if (this.#cells[at + SOCK.FLAGS]! & IS.SPLICED_INTO) {
      this.#enqueue(this.#cells[at + SOCK.SPLICE_FROM]!);
    }
  }

  /** As Transport.splicedSoFar. */
  progress(from: number): number {
    const at = from * SOCK.WORDS;
    const held = this.#cells[at + SOCK.SPLICE_HELD]!;
    return held > 0 ? this.#cells[at + SOCK.SPLICE_BYTES]! - held : -1;
  }

  /** A socket is about to close: its own splice ends untold, one into it with EPIPE. */
  closing(socket: number): void {
    const at = socket * SOCK.WORDS;
    const flags = this.#cells[at + SOCK.FLAGS]!;
    if (flags & IS.SPLICING) this.#release(socket);
    if (flags & IS.SPLICED_INTO) {
      const from = this.#cells[at + SOCK.SPLICE_FROM]!;
      this.#cells[from * SOCK.WORDS + SOCK.SPLICE_RESULT] = EPIPE;
      this.#enqueue(from);
    }
  }

  /**
   * Its requests are over: the descriptor installed for it goes first, else the connection stayed.
   */
  closed(socket: number): void {
    const at = socket * SOCK.WORDS;
    const fd = this.#cells[at + SOCK.FD]!;
    if (fd >= 0) this.#kernel.close(fd);
    this.#cells[at + SOCK.FD] = -1;
  }

  #enqueue(from: number): void {
    const cell = from * SOCK.WORDS + SOCK.FLAGS;
    if (this.#cells[cell]! & IS.SPLICE_QUEUED) return;
    this.#cells[cell]! |= IS.SPLICE_QUEUED;
    this.#queue.push(from);
  }

  #installed(at: number, result: number): void {
    if ((this.#cells[at + SOCK.FLAGS]! & IS.INSTALLING) === 0) return;
    this.#cells[at + SOCK.FLAGS]! &= ~IS.INSTALLING;
    this.#cells[at + SOCK.FD] = result < 0 ? -1 : result;
    if (result < 0) this.#cells[at + SOCK.FD_ERROR] = result;
  }

  /** Bytes moved, 0 at the end of file, -errno; EAGAIN while a completion is awaited. */
  #step(from: number, at: number): number {
    const cells = this.#cells;
    if (cells[at + SOCK.SPLICE_RESULT]! < 0) return cells[at + SOCK.SPLICE_RESULT]!;
    const to = cells[at + SOCK.SPLICE_TO]!;
    const there = to * SOCK.WORDS;
    if (cells[at + SOCK.FD]! < 0) return this.#install(from, at, this.#fromTag);
    if (cells[there + SOCK.FD]! < 0) return this.#install(to, there, this.#toTag);
    if (cells[at + SOCK.SPLICE_HELD] === 0) {
      const pipe = this.#pipes.writer(cells[at + SOCK.SPLICE_PIPE]!);
      const n = this.#kernel.splice(cells[at + SOCK.FD]!, pipe, cells[at + SOCK.SPLICE_LIMIT]!);
      if (n === EAGAIN) {
        this.#lowWater.lower(from);
        this.#poll(from, at, POLLIN, this.#fromTag, 0);
      }
      if (n <= 0) return n;
      cells[at + SOCK.SPLICE_BYTES] = n;
      cells[at + SOCK.SPLICE_HELD] = n;
    }
    return this.#empty(at, to, there);
  }

  /** Pipe to destination, as much as it takes. */
  #empty(at: number, to: number, there: number): number {
    const cells = this.#cells;
    const pipe = this.#pipes.reader(cells[at + SOCK.SPLICE_PIPE]!);
    for (;;) {
      const n = this.#kernel.splice(pipe, cells[there + SOCK.FD]!, cells[at + SOCK.SPLICE_HELD]!);
      if (n === EAGAIN) this.#poll(to, there, POLLOUT, this.#toTag, 0);
      if (n <= 0) return n === 0 ? EPIPE : n;
      cells[at + SOCK.SPLICE_HELD]! -= n;
      if (cells[at + SOCK.SPLICE_HELD] === 0) return cells[at + SOCK.SPLICE_BYTES]!;
    }
  }

  #install(socket: number, at: number, tag: number): number {
    const cells = this.#cells;
    if (cells[at + SOCK.FD_ERROR]! < 0) return cells[at + SOCK.FD_ERROR]!;
    if (cells[at + SOCK.FLAGS]! & IS.INSTALLING) return EAGAIN;
    cells[at + SOCK.FLAGS]! |= IS.INSTALLING;
    cells[at + SOCK.PENDING]!++;
    this.#ring.entry(OP.FIXED_FD_INSTALL | SQE.FIXED_FILE, socket, tag | socket, 0);
    return EAGAIN;
  }

  /** Polls until all that may be moved is there, or for a moment. */
  #gather(from: number, at: number): void {
    this.#ring.room(3);
    this.#lowWater.set(from, Math.min(this.#cells[at + SOCK.SPLICE_LIMIT]!, GATHER_MOST));
    this.#poll(from, at, POLLIN, this.#fromTag, SQE.IO_LINK);
    this.#lowWater.bound();
  }

  #poll(socket: number, at: number, events: number, tag: number, link: number): void {
    this.#cells[at + SOCK.PENDING]!++;
    const op = OP.POLL_ADD | SQE.FIXED_FILE | link;
    const entry = this.#ring.entry(op, socket, tag | socket, 0);
    this.#words[entry + 7] = events;
  }

  #release(from: number): void {
    const cells = this.#cells;
    const at = from * SOCK.WORDS;
    const pipe = cells[at + SOCK.SPLICE_PIPE]!;
    if (cells[at + SOCK.SPLICE_HELD]! > 0) this.#pipes.discard(pipe);
    else this.#pipes.give(pipe);
    cells[at + SOCK.FLAGS]! &= ~IS.SPLICING;
    cells[cells[at + SOCK.SPLICE_TO]! * SOCK.WORDS + SOCK.FLAGS]! &= ~IS.SPLICED_INTO;
  }
}
