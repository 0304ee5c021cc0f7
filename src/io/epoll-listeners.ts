// @hot
import { type Completions, DONE } from "./completions.ts";
import { AF_UNIX, SOCKADDR_BYTES } from "./driver.ts";
import type { Kernel } from "./epoll-kernel.ts";
import { IS, SOCK, type SocketTable } from "./epoll-table.ts";
import { ERRNO } from "./errno-names.ts";

export const LISTENERS = 1024;
/** Connections taken from one listener in a turn: others must get theirs. */
const BATCH = 32;
/** How long a listener rests after the system ran short of something. */
const REST_MS = 10;

const EPOLLIN = 1;
/** Of several threads waiting at one socket, a connection wakes one. */
const EPOLLEXCLUSIVE = 1 << 28;

const STATE = Object.freeze({
  NONE: 0,
  ARMED: 1,
  /** Until its time: the system was short of something. */
  RESTING: 2,
  /** Until a handle is free. */
  FULL: 3,
});

const EAGAIN = -ERRNO.EAGAIN;
const EMFILE = -ERRNO.EMFILE;
const ENFILE = -ERRNO.ENFILE;
const ENOBUFS = -ERRNO.ENOBUFS;
const ENOMEM = -ERRNO.ENOMEM;
const EBADF = -ERRNO.EBADF;
const EINVAL = -ERRNO.EINVAL;
const ENOTSOCK = -ERRNO.ENOTSOCK;

/** Accepting connections, level-triggered: a listener that is left full is told again next turn. */
export class EpollListeners {
  readonly #kernel: Kernel;
  readonly #epoll: number;
  readonly #table: SocketTable;
  readonly #done: Completions;
  readonly #memory: Uint8Array;
  readonly #peersAt: number;
  readonly #fds = new Int32Array(LISTENERS).fill(-1);
  readonly #states = new Uint8Array(LISTENERS);
  readonly #restUntilMs = new Float64Array(LISTENERS);
  #restingCount = 0;
  #fullCount = 0;
  #last = -1;

  /** `peersAt`: arena offset of the peers' addresses. */
  constructor(
    kernel: Kernel,
    epoll: number,
    table: SocketTable,
    done: Completions,
    memory: Uint8Array,
    peersAt: number,
  ) {
    this.#kernel = kernel;
    this.#epoll = epoll;
    this.#table = table;
    this.#done = done;
    this.#memory = memory;
    this.#peersAt = peersAt;
  }

  add(listener: number, fd: number): void {
    this.#fds[listener] = fd;
    if (listener > this.#last) this.#last = listener;
    this.#arm(listener);
  }

  remove(listener: number): void {
    if (this.#states[listener] === STATE.ARMED) {
      this.#kernel.unwatch(this.#epoll, this.#fds[listener]!);
    }
    this.#move(listener, STATE.NONE);
    this.#fds[listener] = -1;
  }

  /** As remove, and takes what waits at most; see Driver.leave. */
  leave(listener: number, socketEvents: number): void {
    const fd = this.#fds[listener]!;
    const armed = this.#states[listener] === STATE.ARMED;
    this.remove(listener);
    if (!armed) return;
    for (let n = 0; n < BATCH && this.#table.freeCount > 0; n++) {
      const result = this.#acceptOne(listener, fd, socketEvents);
      if (result < 0 && !isTransient(result)) return;
    }
  }

  /** The kernel says that connections wait. `socketEvents`: what each is watched for. */
  accept(listener: number, socketEvents: number): void {
    if (this.#states[listener] !== STATE.ARMED) return;
    for (let n = 0; n < BATCH; n++) {
      if (this.#table.freeCount === 0) {
        if (n === 0) this.#refuse(listener, EMFILE, STATE.FULL);
        return;
      }
      const result = this.#acceptOne(listener, this.#fds[listener]!, socketEvents);
      if (result === EAGAIN) return;
      if (result >= 0 || isTransient(result)) continue;
      this.#refuse(listener, result, isShortage(result) ? STATE.RESTING : STATE.NONE);
      return;
    }
  }

  /** Takes one connection: 0 or -errno. */
  #acceptOne(listener: number, listening: number, socketEvents: number): number {
    const kernel = this.#kernel;
    const peerAt = this.#peersAt + this.#table.peek() * SOCKADDR_BYTES;
    const fd = kernel.accept(listening, peerAt);
    if (fd < 0) return fd;
    const family = this.#memory[peerAt]!;
    const flags = family === AF_UNIX ? IS.WRITABLE | IS.UNIX : IS.WRITABLE;
    const socket = this.#table.take(fd, flags);
    const generation = this.#table.cells[socket * SOCK.WORDS + SOCK.GENERATION]!;
    const watched = kernel.watch(this.#epoll, fd, socketEvents, socket, generation);
    if (watched < 0) {
      kernel.close(fd);
      this.#table.retire(socket);
      this.#table.give(socket);
      return watched;
    }
    this.#done.push(DONE.ACCEPTED, listener, socket, 0, -1);
    return 0;
  }

  /** Stops accepting for now (or for good, STATE.NONE) and tells why. */
  #refuse(listener: number, result: number, state: number): void {
    this.#kernel.unwatch(this.#epoll, this.#fds[listener]!);
    this.#move(listener, state);
    if (state === STATE.RESTING) this.#restUntilMs[listener] = performance.now() + REST_MS;
    this.#done.push(DONE.ACCEPTED, listener, result, 0, -1);
  }

  /** A handle became free. */
  slotFreed(): void {
    if (this.#fullCount === 0) return;
    for (let i = 0; i <= this.#last; i++) if (this.#states[i] === STATE.FULL) this.#arm(i);
  }

  /** Wakes listeners that have rested. Returns how long a turn may wait, at most `waitMs`. */
  boundWait(waitMs: number): number {
    if (this.#restingCount === 0) return waitMs;
    const nowMs = performance.now();
    let boundMs = waitMs < 0 ? REST_MS : waitMs;
    for (let i = 0; i <= this.#last; i++) {
      if (this.#states[i] !== STATE.RESTING) continue;
      const leftMs = Math.ceil(this.#restUntilMs[i]! - nowMs);
      if (leftMs <= 0) this.#arm(i);
      else if (leftMs < boundMs) boundMs = leftMs;
    }
    return boundMs;
  }

  #arm(listener: number): void {
    const fd = this.#fds[listener]!;
    const result = this.#kernel.watch(this.#epoll, fd, EPOLLIN | EPOLLEXCLUSIVE, -1 - listener, 0);
    this.#move(listener, STATE.ARMED);
    if (result < 0) this.#refuse(listener, result, isShortage(result) ? STATE.RESTING : STATE.NONE);
  }

  #move(listener: number, state: number): void {
    const old = this.#states[listener];
    if (old === STATE.RESTING) this.#restingCount--;
    if (old === STATE.FULL) this.#fullCount--;
    if (state === STATE.RESTING) this.#restingCount++;
    if (state === STATE.FULL) this.#fullCount++;
    this.#states[listener] = state;
  }
}

/** The system lacks descriptors or memory: it is worth trying again in a while. */
function isShortage(result: number): boolean {
  return result === EMFILE || result === ENFILE || result === ENOBUFS || result === ENOMEM;
}

/** The connection was lost before we took it (accept(2)): the listener itself is well. */
function isTransient(result: number): boolean {
  if (result === EBADF || result === EINVAL || result === ENOTSOCK) return false;
  return result !== EAGAIN && !isShortage(result);
}
