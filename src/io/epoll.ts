// @hot
import { BufferPool } from "./buffer-pool.ts";
import { Completions, DONE } from "./completions.ts";
import { allowedSockets } from "./descriptor-limit.ts";
import { AF_UNIX, type Driver, type DriverOptions, SOCKADDR_BYTES } from "./driver.ts";
import { EVENT_BYTES, EVENT_DATA, KERNEL_BYTES, Kernel } from "./epoll-kernel.ts";
import { EpollListeners, LISTENERS } from "./epoll-listeners.ts";
import { EpollSplices } from "./epoll-splices.ts";
import { IS, POOLED, SOCK, SocketTable } from "./epoll-table.ts";
import { ERRNO, errnoName } from "./errno-names.ts";
import { createEventfd } from "./eventfd.ts";
import { HandleQueue } from "./handle-queue.ts";
import { alignPage, type Mapping, mapArena } from "./memory.ts";
import { Pages } from "./pages.ts";
import { Pipes } from "./pipes.ts";
import { closeFd, setNonBlocking } from "./sockets.ts";
import type { Sink } from "./transport.ts";

const EPOLLIN = 1;
const EPOLLOUT = 4;
const EPOLLERR = 8;
const EPOLLHUP = 16;
const EPOLLRDHUP = 0x2000;
const EPOLLET = 1 << 31;
/** A socket is registered once for everything; what it is ready for is remembered in its flags. */
const SOCKET_EVENTS = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
/** Events taken from the kernel at once. */
const EVENTS = 1024;
/** `data` of the wake descriptor; listeners have -1 - listener, sockets their handle. */
const WAKE = 0x7fff_ffff;

const EAGAIN = -ERRNO.EAGAIN;
const EINPROGRESS = -ERRNO.EINPROGRESS;
const EINTR = -ERRNO.EINTR;
const EMFILE = -ERRNO.EMFILE;

/** Most pipes for splice(); each is two descriptors and up to 1 MiB of the kernel's memory. */
const PIPES = 64;

/**
 * Completions a socket can have waiting: accepted or connected, received, sent, spliced, closed.
 */
const SOCKET_COMPLETIONS = 5;

const RECEIVABLE = IS.RECEIVING | IS.READABLE;
const SENDABLE = IS.SENDING | IS.WRITABLE;
const REQUESTS = IS.RECEIVING | IS.SENDING | IS.SPLICING;

interface ArenaLayout {
  readonly kernelAt: number;
  readonly pipeAt: number;
  readonly eventsAt: number;
  readonly peersAt: number;
  readonly buffersAt: number;
  readonly pagesAt: number;
  readonly bytes: number;
}

function layOut(options: DriverOptions, sockets: number): ArenaLayout {
  const kernelAt = 0;
  const pipeAt = kernelAt + KERNEL_BYTES;
  const eventsAt = 4096;
  const peersAt = eventsAt + alignPage(EVENTS * EVENT_BYTES);
  const buffersAt = peersAt + alignPage(sockets * SOCKADDR_BYTES);
  const pagesAt = buffersAt + alignPage(options.buffers * options.bufferBytes);
  const bytes = pagesAt + alignPage(options.pageBytes);
  return { kernelAt, pipeAt, eventsAt, peersAt, buffersAt, pagesAt, bytes };
}

/**
 * The driver on epoll(7), for hosts that keep io_uring from us. Requests are tried when a turn
 * begins and again when the kernel says that a socket is ready; their results wait in a queue until
 * the end of the turn, so the sink is never called from inside a request.
 */
export function createEpollDriver(options: DriverOptions): Driver {
  return new EpollDriver(options, allowedSockets(options.sockets, 2 * PIPES, options.sharers));
}

class EpollDriver implements Driver {
  readonly name = "epoll";
  readonly memory: Uint8Array;
  readonly sockets: number;
  readonly bufferBytes: number;
  readonly pages: Pages;
  readonly wakeFd: number;
  starved = 0;
  readonly #arena: Mapping;
  readonly #layout: ArenaLayout;
  readonly #words: Int32Array;
  readonly #kernel: Kernel;
  readonly #epoll: number;
  readonly #table: SocketTable;
  readonly #cells: Int32Array;
  readonly #buffers: BufferPool;
  readonly #done: Completions;
  readonly #listeners: EpollListeners;
  readonly #pipes: Pipes;
  readonly #splices: EpollSplices;
  /** Sockets with a request that may make progress. */
  readonly #work: HandleQueue;
  /** Readable sockets that found no buffer, longest waiting first. */
  readonly #starving: HandleQueue;
  /** Buffers that are free but promised to sockets in #work that starved before (IS.FED). */
  #promised = 0;
  /** The last turn had results without asking the kernel: the next one asks. */
  #askedLast = true;

  constructor(options: DriverOptions, sockets: number) {
    const layout = layOut(options, sockets);
    this.sockets = sockets;
    this.bufferBytes = options.bufferBytes;
    this.#layout = layout;
    this.#arena = mapArena(layout.bytes);
    const buffer = this.#arena.buffer;
    this.memory = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
    this.pages = new Pages(layout.pagesAt, layout.bytes);
    this.#kernel = new Kernel(buffer, this.#arena.address, layout.kernelAt);
    this.#epoll = this.#kernel.epollCreate();
    if (this.#epoll < 0) throw new Error(`epoll_create1: ${errnoName(this.#epoll)}`);
    this.#table = new SocketTable(sockets);
    this.#cells = this.#table.cells;
    this.#buffers = new BufferPool(layout.buffersAt, options.buffers, options.bufferBytes);
    this.#done = new Completions(sockets * SOCKET_COMPLETIONS + LISTENERS + 1);
    this.#work = new HandleQueue(sockets);
    this.#starving = new HandleQueue(sockets);
    this.#listeners = new EpollListeners(
      this.#kernel,
      this.#epoll,
      this.#table,
      this.#done,
      this.memory,
      layout.peersAt,
    );
    this.#pipes = new Pipes(this.#kernel, buffer, layout.pipeAt, PIPES);
    this.#splices = new EpollSplices(this.#kernel, this.#table, this.#pipes, this.#done);
    this.wakeFd = createEventfd();
    this.#kernel.watch(this.#epoll, this.wakeFd, EPOLLIN, WAKE, 0);
  }

  get descriptors(): readonly number[] {
    return [this.#epoll, this.wakeFd];
  }

  get systemCalls(): number {
    return this.#kernel.calls;
  }

  peerAt(socket: number): number {
    return this.#layout.peersAt + socket * SOCKADDR_BYTES;
  }

  listen(listener: number, fd: number): void {
    setNonBlocking(fd, true);
    this.#listeners.add(listener, fd);
  }

  unlisten(listener: number): void {
    this.#listeners.remove(listener);
  }

  leave(listener: number): void {
    this.#listeners.leave(listener, SOCKET_EVENTS);
  }

  open(family: number): number {
    if (this.#table.freeCount === 0) return EMFILE;
    const fd = this.#kernel.socket(family);
    if (fd < 0) return fd;
    if (family !== AF_UNIX) this.#kernel.noDelay(fd);
    return this.#table.take(fd, family === AF_UNIX ? IS.UNIX : 0);
  }

  connect(socket: number, bytes: number): void {
    const at = socket * SOCK.WORDS;
    this.#cells[at + SOCK.CONNECT_BYTES] = bytes;
    this.#cells[at + SOCK.FLAGS]! |= IS.CONNECT_ASKED;
    this.#enqueue(socket);
  }

  receive(socket: number): void {
    this.receiveInto(socket, POOLED, this.bufferBytes);
  }

  receiveInto(socket: number, at: number, bytes: number): void {
    const cell = socket * SOCK.WORDS;
    this.#cells[cell + SOCK.RECEIVE_AT] = at;
    this.#cells[cell + SOCK.RECEIVE_BYTES] = bytes;
    const flags = this.#cells[cell + SOCK.FLAGS]! | IS.RECEIVING;
    this.#cells[cell + SOCK.FLAGS] = flags;
    if (flags & IS.READABLE) this.#enqueue(socket);
  }

  release(buffer: number): void {
    this.#buffers.give(buffer);
    this.#feedOne();
  }

  send(socket: number, at: number, bytes: number, more: boolean): void {
    const cell = socket * SOCK.WORDS;
    this.#cells[cell + SOCK.SEND_AT] = at;
    this.#cells[cell + SOCK.SEND_LEFT] = bytes;
    this.#cells[cell + SOCK.SEND_BYTES] = bytes;
    const flags = (this.#cells[cell + SOCK.FLAGS]! & ~IS.MORE) | IS.SENDING;
    this.#cells[cell + SOCK.FLAGS] = more ? flags | IS.MORE : flags;
    if (flags & IS.WRITABLE) this.#enqueue(socket);
  }

  finish(socket: number): void {
    this.#kernel.finish(this.#cells[socket * SOCK.WORDS + SOCK.FD]!);
  }

  close(socket: number, reset: boolean): void {
    const at = socket * SOCK.WORDS;
    if (this.#cells[at + SOCK.FLAGS]! & IS.CLOSING) return;
    this.#splices.closing(socket);
    const fd = this.#cells[at + SOCK.FD]!;
    if (reset) this.#kernel.resetOnClose(fd);
    this.#kernel.close(fd);
    this.#table.retire(socket);
    this.#done.push(DONE.CLOSED, socket, 0, 0, -1);
  }

  splice(from: number, to: number, bytes: number): boolean {
    if (!this.#splices.begin(from, to, bytes)) return false;
    this.#enqueue(from);
    return true;
  }

  splicedSoFar(from: number): number {
    return this.#splices.progress(from);
  }

  turn(sink: Sink, waitMs: number): number {
    this.#runWork();
    const ask = this.#done.count === 0 || !this.#askedLast;
    if (ask) {
      const boundMs = this.#listeners.boundWait(waitMs);
      const asked = this.#ask(this.#done.count > 0 ? 0 : boundMs);
      if (asked < 0) return asked;
      this.#runWork();
    }
    this.#askedLast = ask;
    return this.#deliver(sink);
  }

  destroy(): void {
    for (let s = 0; s < this.sockets; s++) {
      const fd = this.#cells[s * SOCK.WORDS + SOCK.FD]!;
      if (fd >= 0) this.#kernel.close(fd);
    }
    this.#pipes.closeAll();
    closeFd(this.#epoll);
    closeFd(this.wakeFd);
    this.#arena.unmap();
  }

  #enqueue(socket: number): void {
    const cell = socket * SOCK.WORDS + SOCK.FLAGS;
    if (this.#cells[cell]! & IS.QUEUED) return;
    this.#cells[cell]! |= IS.QUEUED;
    this.#work.push(socket);
  }

  #runWork(): void {
    while (this.#work.count > 0) {
      const socket = this.#work.shift();
      this.#cells[socket * SOCK.WORDS + SOCK.FLAGS]! &= ~IS.QUEUED;
      this.#run(socket);
    }
  }

  /** Tries whatever the socket has under way. Its row may have a new owner, or none. */
  #run(socket: number): void {
    const at = socket * SOCK.WORDS;
    const flags = this.#cells[at + SOCK.FLAGS]!;
    if (flags & IS.CONNECT_ASKED) this.#connect(socket, at);
    if ((flags & RECEIVABLE) === RECEIVABLE) this.#receive(socket, at);
    else if (flags & IS.FED) this.#passOn(at);
    if ((flags & SENDABLE) === SENDABLE) this.#send(socket, at);
    if (flags & IS.SPLICING) this.#splices.run(socket);
  }

  #connect(socket: number, at: number): void {
    const cells = this.#cells;
    const fd = cells[at + SOCK.FD]!;
    cells[at + SOCK.FLAGS]! &= ~IS.CONNECT_ASKED;
    const bytes = cells[at + SOCK.CONNECT_BYTES]!;
    let result = this.#kernel.connect(fd, this.peerAt(socket), bytes);
    const pending = result === EINPROGRESS;
    if (result === 0 || pending) {
      const generation = cells[at + SOCK.GENERATION]!;
      const watched = this.#kernel.watch(this.#epoll, fd, SOCKET_EVENTS, socket, generation);
      if (watched === 0) {
        cells[at + SOCK.FLAGS]! |= pending ? IS.CONNECTING : IS.WRITABLE;
        if (pending) return;
      } else {
        result = watched;
      }
    }
    this.#done.push(DONE.CONNECTED, socket, result, 0, -1);
  }

  #receive(socket: number, at: number): void {
    const cells = this.#cells;
    let into = cells[at + SOCK.RECEIVE_AT]!;
    let buffer = -1;
    if (into === POOLED) {
      buffer = this.#takeBuffer(socket, at);
      if (buffer < 0) return;
      into = this.#buffers.at(buffer);
    } else if (cells[at + SOCK.FLAGS]! & IS.FED) {
      this.#passOn(at);
    }
    const bytes = cells[at + SOCK.RECEIVE_BYTES]!;
    const n = this.#kernel.recv(cells[at + SOCK.FD]!, into, bytes);
    const flags = cells[at + SOCK.FLAGS]!;
    if (n === EAGAIN) {
      cells[at + SOCK.FLAGS] = flags & ~IS.READABLE;
      if (buffer >= 0) this.release(buffer);
      return;
    }
    // A short receive emptied the socket: what comes after it is a new edge.
    const drained = n > 0 && n < bytes && (flags & (IS.ENDING | IS.UNIX)) === 0;
    cells[at + SOCK.FLAGS] = flags & ~(drained ? RECEIVABLE : IS.RECEIVING);
    if (n <= 0 && buffer >= 0) {
      this.release(buffer);
      buffer = -1;
    }
    this.#done.push(DONE.RECEIVED, socket, n, into, buffer);
  }

  /** A pooled buffer; -1 when others come first, and then the socket waits in line. */
  #takeBuffer(socket: number, at: number): number {
    const flags = this.#cells[at + SOCK.FLAGS]!;
    if (flags & IS.FED) {
      this.#cells[at + SOCK.FLAGS] = flags & ~IS.FED;
      this.#promised--;
      return this.#buffers.take();
    }
    if (this.#buffers.freeCount > this.#promised) return this.#buffers.take();
    if ((flags & IS.STARVED) === 0) {
      this.starved++;
      this.#cells[at + SOCK.FLAGS] = flags | IS.STARVED;
      this.#starving.push(socket);
    }
    return -1;
  }

  /** Promises a buffer that became free to the socket that waits longest. */
  #feedOne(): void {
    if (this.#starving.count === 0) return;
    const socket = this.#starving.shift();
    const cell = socket * SOCK.WORDS + SOCK.FLAGS;
    this.#cells[cell] = (this.#cells[cell]! & ~IS.STARVED) | IS.FED;
    this.#promised++;
    this.#enqueue(socket);
  }

  /**
   * The socket it was promised to no longer wants a buffer (it may even be another socket by now).
   */
  #passOn(at: number): void {
    this.#cells[at + SOCK.FLAGS]! &= ~IS.FED;
    this.#promised--;
    this.#feedOne();
  }

  /**
   * Until all is sent or the socket takes no more, which is also what makes the kernel tell us
   * again.
   */
  #send(socket: number, at: number): void {
    const cells = this.#cells;
    const fd = cells[at + SOCK.FD]!;
    const more = (cells[at + SOCK.FLAGS]! & IS.MORE) !== 0;
    for (;;) {
      const left = cells[at + SOCK.SEND_LEFT]!;
      const n = this.#kernel.send(fd, cells[at + SOCK.SEND_AT]!, left, more);
      if (n === EAGAIN) {
        cells[at + SOCK.FLAGS]! &= ~IS.WRITABLE;
        return;
      }
      if (n < 0 || n === left) {
        cells[at + SOCK.FLAGS]! &= ~IS.SENDING;
        this.#done.push(DONE.SENT, socket, n < 0 ? n : cells[at + SOCK.SEND_BYTES]!, 0, -1);
        return;
      }
      cells[at + SOCK.SEND_AT]! += n;
      cells[at + SOCK.SEND_LEFT] = left - n;
    }
  }

  /** Waits for events and notes them. Returns their number or -errno. */
  #ask(waitMs: number): number {
    const eventsAt = this.#layout.eventsAt;
    const count = this.#kernel.wait(this.#epoll, eventsAt, EVENTS, waitMs);
    if (count < 0) return count === EINTR ? 0 : count;
    const words = this.#words;
    for (let i = 0; i < count; i++) {
      const event = eventsAt + i * EVENT_BYTES;
      const data = words[(event + EVENT_DATA) >> 2]!;
      if (data === WAKE) this.#wake();
      else if (data < 0) this.#listeners.accept(-1 - data, SOCKET_EVENTS);
      else this.#ready(data, words[(event + EVENT_DATA + 4) >> 2]!, words[event >> 2]!);
    }
    return count;
  }

  #wake(): void {
    this.#kernel.drain(this.wakeFd);
    this.#done.push(DONE.WOKEN, 0, 0, 0, -1);
  }

  #ready(socket: number, generation: number, events: number): void {
    const cells = this.#cells;
    const at = socket * SOCK.WORDS;
    if (cells[at + SOCK.GENERATION] !== generation) return;
    let flags = cells[at + SOCK.FLAGS]!;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) flags |= IS.READABLE | IS.ENDING;
    if (events & EPOLLIN) flags |= IS.READABLE;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) flags |= IS.WRITABLE;
    cells[at + SOCK.FLAGS] = flags;
    if (flags & IS.CONNECTING) this.#connected(socket, at, events);
    else if (flags & REQUESTS) this.#enqueue(socket);
    if (flags & IS.SPLICED_INTO) this.#enqueue(cells[at + SOCK.SPLICE_FROM]!);
  }

  #connected(socket: number, at: number, events: number): void {
    this.#cells[at + SOCK.FLAGS]! &= ~IS.CONNECTING;
    const failed = events & (EPOLLERR | EPOLLHUP);
    const result = failed ? this.#kernel.connectResult(this.#cells[at + SOCK.FD]!) : 0;
    this.#done.push(DONE.CONNECTED, socket, result, 0, -1);
  }

  /** Tells the results there are now. Those of a socket closed since are dropped. */
  #deliver(sink: Sink): number {
    const done = this.#done;
    const count = done.count;
    for (let i = 0; i < count; i++) {
      const kind = done.kind;
      const socket = done.handle;
      if (kind === DONE.CLOSED) {
        this.#table.give(socket);
        this.#listeners.slotFreed();
      } else if (this.#isMoot(kind, socket)) {
        if (done.buffer >= 0) this.release(done.buffer);
        done.drop();
        continue;
      }
      done.deliver(sink);
    }
    return count;
  }

  #isMoot(kind: number, socket: number): boolean {
    if (kind === DONE.ACCEPTED || kind === DONE.WOKEN) return false;
    return (this.#cells[socket * SOCK.WORDS + SOCK.FLAGS]! & IS.CLOSING) !== 0;
  }
}
