// @hot

import { allowedSockets } from "./descriptor-limit.ts";
import { AF_UNIX, type Driver, type DriverOptions, SOCKADDR_BYTES } from "./driver.ts";
import { KERNEL_BYTES, Kernel } from "./epoll-kernel.ts";
import { errnoName } from "./errno-names.ts";
import { createEventfd } from "./eventfd.ts";
import { alignPage, type Mapping, mapArena } from "./memory.ts";
import { Pages } from "./pages.ts";
import { Pipes } from "./pipes.ts";
import { closeFd } from "./sockets.ts";
import type { Sink } from "./transport.ts";
import * as abi from "./uring-abi.ts";
import { OP, SQE } from "./uring-abi.ts";
import { ProvidedBuffers } from "./uring-buffers.ts";
import { Listeners } from "./uring-listeners.ts";
import { LOW_WATER_BYTES, LowWater } from "./uring-low-water.ts";
import { Receives } from "./uring-receives.ts";
import { HANDLE_MASK, KIND, KIND_SHIFT, Requests, writeSetOption } from "./uring-requests.ts";
import { Ring, type RingLayout, ringBytes, sqeBytes } from "./uring-ring.ts";
import { IS, SOCK, SocketTable } from "./uring-sockets.ts";
import { UringSplices } from "./uring-splices.ts";

const POLLIN = 1;
const EMFILE = 24;
const ECANCELED = 125;
const ENTRIES = 2048;
const BUFFER_GROUP = 0;
/** Most pipes for splice(); each is two descriptors and up to 1 MiB of the kernel's memory. */
const PIPES = 64;
/** Nobody waits for these: silent on success. */
const CANCEL = OP.ASYNC_CANCEL | SQE.CQE_SKIP_SUCCESS;
const SOCK_STREAM_NONBLOCK = 0o4001;

interface ArenaLayout extends RingLayout {
  readonly oneAt: number;
  readonly lingerAt: number;
  readonly kernelAt: number;
  readonly pipeAt: number;
  readonly lowWaterAt: number;
  readonly peersAt: number;
  readonly bufferRingAt: number;
  readonly buffersAt: number;
  readonly pagesAt: number;
  readonly bytes: number;
}

/** Places everything the driver needs in one arena, page-aligned, one part after another. */
function layOut(options: DriverOptions, sockets: number): ArenaLayout {
  const completions = ENTRIES * 4;
  const sqeAt = 4096;
  const ringAt = sqeAt + sqeBytes(ENTRIES);
  const lowWaterAt = ringAt + ringBytes(completions);
  const peersAt = lowWaterAt + alignPage(LOW_WATER_BYTES);
  const bufferRingAt = peersAt + alignPage(sockets * SOCKADDR_BYTES);
  const buffersAt = bufferRingAt + alignPage(options.buffers * 16);
  const pagesAt = buffersAt + alignPage(options.buffers * options.bufferBytes);
  return {
    argAt: 0,
    oneAt: 1040,
    lingerAt: 1056,
    kernelAt: 1088,
    pipeAt: 1088 + KERNEL_BYTES,
    sqeAt,
    ringAt,
    entries: ENTRIES,
    completions,
    lowWaterAt,
    peersAt,
    bufferRingAt,
    buffersAt,
    pagesAt,
    bytes: pagesAt + alignPage(options.pageBytes),
  };
}

/** The driver on io_uring. Throws an Error that says what is missing when the kernel cannot. */
export class UringDriver implements Driver {
  readonly name = "io_uring";
  readonly memory: Uint8Array;
  readonly sockets: number;
  readonly bufferBytes: number;
  readonly pages: Pages;
  readonly wakeFd: number;
  readonly #arena: Mapping;
  readonly #layout: ArenaLayout;
  readonly #address: number;
  readonly #ring: Ring;
  readonly #words: Int32Array;
  readonly #table: SocketTable;
  readonly #cells: Int32Array;
  readonly #buffers: ProvidedBuffers;
  readonly #requests: Requests;
  readonly #receives: Receives;
  readonly #listeners: Listeners;
  readonly #kernel: Kernel;
  readonly #pipes: Pipes;
  readonly #splices: UringSplices;
  /** The kernel can install a descriptor for a direct one (Linux 6.8). */
  readonly #canSplice: boolean;
  /** Completions of this turn: user data, result, flags. */
  readonly #done: Int32Array;

  constructor(options: DriverOptions, sockets: number) {
    this.sockets = sockets;
    const layout = layOut(options, sockets);
    this.#layout = layout;
    this.#arena = mapArena(layout.bytes);
    this.memory = new Uint8Array(this.#arena.buffer);
    this.#words = new Int32Array(this.#arena.buffer);
    this.#address = this.#arena.address;
    this.#ring = new Ring(this.#arena, layout);
    // It came with setsockopt inside the ring, which has no mark of its own (Linux 6.7).
    if (!this.#ring.supports(OP.READ_MULTISHOT))
      throw new Error("io_uring: Linux is older than 6.7");
    check(this.#ring.registerSparseFiles(sockets), "registering direct descriptors");
    this.#buffers = new ProvidedBuffers(
      this.#arena.buffer,
      this.#address,
      layout.bufferRingAt,
      layout.buffersAt,
      options.buffers,
      options.bufferBytes,
    );
    check(
      this.#ring.registerBufferRing(BUFFER_GROUP, layout.bufferRingAt, options.buffers),
      "registering buffers",
    );
    this.bufferBytes = options.bufferBytes;
    this.pages = new Pages(layout.pagesAt, layout.bytes);
    this.#table = new SocketTable(sockets);
    this.#cells = this.#table.cells;
    this.#requests = new Requests(this.#ring, this.#cells);
    const lowWater = new LowWater(this.#ring, this.#cells, this.#address, layout.lowWaterAt);
    this.#receives = new Receives(
      this.#ring,
      this.#requests,
      lowWater,
      this.#cells,
      this.#arena.buffer,
      this.#address,
      this.#buffers,
      sockets,
    );
    this.#done = new Int32Array(layout.completions * 3);
    this.#words[layout.oneAt >> 2] = 1;
    this.#words.set([1, 0], layout.lingerAt >> 2);
    this.#kernel = new Kernel(this.#arena.buffer, this.#address, layout.kernelAt);
    this.#listeners = new Listeners(
      this.#ring,
      this.#kernel,
      this.#table,
      this.#words,
      this.#address,
      layout.peersAt,
    );
    this.#pipes = new Pipes(this.#kernel, this.#arena.buffer, layout.pipeAt, PIPES);
    this.#splices = new UringSplices(
      this.#kernel,
      this.#ring,
      this.#cells,
      this.#words,
      this.#pipes,
      lowWater,
      KIND.SPLICE_FROM << KIND_SHIFT,
      KIND.SPLICE_TO << KIND_SHIFT,
      sockets,
    );
    this.#canSplice = this.#ring.supports(OP.FIXED_FD_INSTALL);
    this.wakeFd = createEventfd();
    this.#armWake();
  }

  get descriptors(): readonly number[] {
    return [this.#ring.fd, this.wakeFd];
  }

  get starved(): number {
    return this.#receives.starved;
  }

  get systemCalls(): number {
    return this.#ring.systemCalls + this.#kernel.calls;
  }

  peerAt(socket: number): number {
    return this.#layout.peersAt + socket * SOCKADDR_BYTES;
  }

  listen(listener: number, fd: number): void {
    this.#listeners.add(listener, fd);
  }

  unlisten(listener: number): void {
    this.#listeners.remove(listener);
  }

  leave(listener: number): void {
    this.#listeners.leave(listener);
  }

  open(family: number): number {
    const s = this.#table.take();
    if (s < 0) return -EMFILE;
    this.#cells[s * SOCK.WORDS + SOCK.FAMILY] = family;
    return s;
  }

  /** Socket, TCP_NODELAY and connect are one linked chain: no system call of its own for any. */
  connect(socket: number, bytes: number): void {
    const ring = this.#ring;
    const words = this.#words;
    const family = this.#cells[socket * SOCK.WORDS + SOCK.FAMILY]!;
    ring.room(3);
    const data = (KIND.SOCKET << KIND_SHIFT) | socket;
    let at = ring.entry(OP.SOCKET | SQE.IO_LINK | SQE.CQE_SKIP_SUCCESS, family, data, 0);
    words[at + 2] = SOCK_STREAM_NONBLOCK;
    words[at + 11] = socket + 1;
    if (family !== AF_UNIX) {
      this.#setOption(socket, 6, 1, this.#layout.oneAt, 4, SQE.IO_LINK); // TCP_NODELAY
    }
    at = this.#requests.entry(OP.CONNECT, KIND.CONNECT, socket);
    words[at + 2] = bytes;
    words[at + 4] = this.#address + this.peerAt(socket);
  }

  receive(socket: number): void {
    this.#receives.receive(socket);
  }

  receiveInto(socket: number, at: number, bytes: number): void {
    this.#receives.receiveInto(socket, at, bytes);
  }

  release(buffer: number): void {
    this.#receives.release(buffer);
  }

  send(socket: number, at: number, bytes: number, more: boolean): void {
    const cell = socket * SOCK.WORDS;
    this.#cells[cell + SOCK.SEND_AT] = at;
    this.#cells[cell + SOCK.SEND_LEFT] = bytes;
    this.#cells[cell + SOCK.SEND_BYTES] = bytes;
    this.#cells[cell + SOCK.SEND_FLAGS] =
      abi.MSG_NOSIGNAL | abi.MSG_WAITALL | (more ? abi.MSG_MORE : 0);
    this.#sendRest(socket);
  }

  #sendRest(socket: number): void {
    const cell = socket * SOCK.WORDS;
    const entry = this.#requests.entry(OP.SEND, KIND.SEND, socket);
    this.#words[entry + 4] = this.#address + this.#cells[cell + SOCK.SEND_AT]!;
    this.#words[entry + 6] = this.#cells[cell + SOCK.SEND_LEFT]!;
    this.#words[entry + 7] = this.#cells[cell + SOCK.SEND_FLAGS]!;
  }

  finish(socket: number): void {
    // The kernel does it on a thread of its own and looks the handle up only there: it must be over
    // before the handle is somebody else's.
    const entry = this.#requests.entry(OP.SHUTDOWN, KIND.FINISH, socket);
    this.#words[entry + 6] = 1; // SHUT_WR
  }

  close(socket: number, reset: boolean): void {
    const at = socket * SOCK.WORDS;
    const flags = this.#cells[at + SOCK.FLAGS]!;
    if (flags & IS.CLOSING) return;
    this.#splices.closing(socket);
    this.#cells[at + SOCK.FLAGS]! |= IS.CLOSING | (reset ? IS.RESET : 0);
    if (this.#cells[at + SOCK.PENDING] === 0) {
      this.#finishClose(socket);
      return;
    }
    const entry = this.#ring.entry(CANCEL, socket, KIND.IGNORED << KIND_SHIFT, 0);
    this.#words[entry + 7] = abi.CANCEL_ALL | abi.CANCEL_FD | abi.CANCEL_FD_FIXED;
  }

  splice(from: number, to: number, bytes: number): boolean {
    if (!this.#canSplice || !this.#receives.yieldTo(from)) return false;
    return this.#splices.begin(from, to, bytes);
  }

  splicedSoFar(from: number): number {
    return this.#splices.progress(from);
  }

  turn(sink: Sink, waitMs: number): number {
    this.#receives.feedStarving();
    // What was told without the kernel may have been all that the caller waits for.
    const ready = this.#receives.ready;
    this.#receives.deliverReady(sink);
    this.#listeners.rearm();
    this.#buffers.publish();
    const splices = this.#splices;
    const busy = ready + this.#receives.ready + splices.waiting > 0;
    const wait = busy ? 0 : this.#listeners.boundWait(waitMs);
    const ring = this.#ring;
    const count = ring.enter(wait);
    if (count < 0) return count;
    const done = this.#done;
    const words = this.#words;
    for (let i = 0; i < count; i++) {
      const cqe = ring.completion(i);
      done[i * 3] = words[cqe]!;
      done[i * 3 + 1] = words[cqe + 2]!;
      done[i * 3 + 2] = words[cqe + 3]!;
    }
    if (count > 0) ring.consume(count);
    for (let i = 0; i < count; i++) {
      this.#complete(sink, done[i * 3]!, done[i * 3 + 1]!, done[i * 3 + 2]!);
    }
    return count + splices.run(sink);
  }

  destroy(): void {
    for (let socket = 0; socket < this.sockets; socket++) this.#splices.closed(socket);
    this.#pipes.closeAll();
    this.#ring.destroy();
    closeFd(this.wakeFd);
    this.#arena.unmap();
  }

  /** setsockopt as a linked entry that is silent on success. */
  #setOption(
    socket: number,
    level: number,
    option: number,
    valueAt: number,
    bytes: number,
    link: number,
  ): void {
    const data = (KIND.SOCKET << KIND_SHIFT) | socket;
    writeSetOption(this.#ring, socket, level, option, this.#address + valueAt, bytes, link, data);
  }

  #armWake(): void {
    const at = this.#ring.entry(OP.POLL_ADD, this.wakeFd, KIND.WAKE << KIND_SHIFT, 0);
    this.#words[at + 7] = POLLIN;
  }

  #complete(sink: Sink, data: number, result: number, flags: number): void {
    const kind = data >>> KIND_SHIFT;
    const socket = data & HANDLE_MASK;
    switch (kind) {
      case KIND.RECEIVE:
        if (this.#receives.completed(sink, socket, result, flags)) this.#finishClose(socket);
        return;
      case KIND.SEND:
        if (this.#settled(socket)) this.#sent(sink, socket, result);
        return;
      case KIND.INTO:
        this.#cells[socket * SOCK.WORDS + SOCK.FLAGS]! &= ~(IS.INTO | IS.INTO_ARMED);
        if (this.#settled(socket)) this.#receives.intoCompleted(sink, socket, result);
        return;
      case KIND.ACCEPT:
        this.#accepted(sink, socket, result);
        return;
      case KIND.CONNECT:
        this.#connected(sink, socket, result);
        return;
      case KIND.SOCKET:
        // Silent on success: what comes here failed, and the chain's connect is cancelled after it.
        this.#cells[socket * SOCK.WORDS + SOCK.END] = result;
        return;
      case KIND.FINISH:
        this.#settled(socket);
        return;
      case KIND.SPLICE_FROM:
        this.#splices.fromReady(socket, result);
        this.#settled(socket);
        return;
      case KIND.SPLICE_TO:
        this.#splices.toReady(socket, result);
        this.#settled(socket);
        return;
      case KIND.CLOSE:
        this.#table.give(socket);
        this.#listeners.slotFreed();
        sink.closed(socket);
        return;
      case KIND.WAKE:
        this.#kernel.drain(this.wakeFd);
        this.#armWake();
        sink.woken();
        return;
      default:
    }
  }

  /**
   * Counts a completion off; false when the socket is being closed and its owner must not hear of
   * it.
   */
  #settled(socket: number): boolean {
    const at = socket * SOCK.WORDS;
    const pending = --this.#cells[at + SOCK.PENDING]!;
    if ((this.#cells[at + SOCK.FLAGS]! & IS.CLOSING) === 0) return true;
    if (pending === 0) this.#finishClose(socket);
    return false;
  }

  /**
   * A send that the kernel broke off is asked for its rest: that succeeds, or says why it cannot.
   */
  #sent(sink: Sink, socket: number, result: number): void {
    const cell = socket * SOCK.WORDS;
    const left = this.#cells[cell + SOCK.SEND_LEFT]! - result;
    if (result <= 0 || left === 0) {
      sink.sent(socket, result < 0 ? result : this.#cells[cell + SOCK.SEND_BYTES]!);
      return;
    }
    this.#cells[cell + SOCK.SEND_AT]! += result;
    this.#cells[cell + SOCK.SEND_LEFT] = left;
    this.#sendRest(socket);
  }

  #finishClose(socket: number): void {
    const cells = this.#cells;
    const at = socket * SOCK.WORDS;
    if (cells[at + SOCK.FLAGS]! & IS.CLOSE_SENT) return;
    cells[at + SOCK.FLAGS]! |= IS.CLOSE_SENT;
    this.#receives.drop(socket);
    this.#splices.closed(socket);
    if (cells[at + SOCK.FLAGS]! & IS.RESET) {
      this.#ring.room(2);
      this.#setOption(socket, 1, 13, this.#layout.lingerAt, 8, 0); // SO_LINGER
    }
    const entry = this.#ring.entry(OP.CLOSE, 0, (KIND.CLOSE << KIND_SHIFT) | socket, 0);
    this.#words[entry + 11] = socket + 1;
  }

  #accepted(sink: Sink, socket: number, result: number): void {
    const listener = this.#listeners.taken(socket);
    if (result >= 0) {
      this.#cells[socket * SOCK.WORDS + SOCK.FLAGS] = IS.USED | IS.ACCEPTED;
      const full = this.#listeners.again(listener, 0);
      sink.accepted(listener, socket);
      if (full) sink.accepted(listener, -EMFILE);
      return;
    }
    this.#table.give(socket);
    const wasFull = this.#listeners.again(listener, result);
    if (result !== -ECANCELED && (wasFull || !this.#listeners.isShortage(result))) {
      sink.accepted(listener, result);
    }
  }

  #connected(sink: Sink, socket: number, result: number): void {
    const at = socket * SOCK.WORDS;
    const failed = this.#cells[at + SOCK.END]!;
    this.#cells[at + SOCK.END] = 0;
    if (!this.#settled(socket)) return;
    sink.connected(socket, result === -ECANCELED && failed < 0 ? failed : result);
  }
}

function check(result: number, what: string): void {
  if (result < 0) throw new Error(`io_uring: ${what}: ${errnoName(-result)}`);
}

/**
 * Makes the driver with as many sockets as the limit of descriptors allows. Throws when it cannot.
 */
export function createUringDriver(options: DriverOptions): UringDriver {
  return new UringDriver(options, allowedSockets(options.sockets, 0));
}
