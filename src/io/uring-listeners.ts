// @hot
import { SOCKADDR_BYTES, SOCKADDR_LENGTH_AT } from "./driver.ts";
import type { Kernel } from "./epoll-kernel.ts";
import { CANCEL_ALL, CANCEL_FD, OP } from "./uring-abi.ts";
import { HANDLE_MASK, KIND, KIND_SHIFT } from "./uring-requests.ts";
import type { Ring } from "./uring-ring.ts";
import type { SocketTable } from "./uring-sockets.ts";

/** Most accepts waiting at each listener: connections one turn can take from it. */
const ACCEPTS = 32;
const LISTENERS = 1024;
/** For splice(2), which blocks otherwise; the ring does not care. */
const SOCK_NONBLOCK = 0o4000;
/** How long a listener rests after the system ran short of something. */
const REST_MS = 10;
const TAG = KIND.ACCEPT << KIND_SHIFT;

const EMFILE = 24;
const ENFILE = 23;
const ENOMEM = 12;
const ENOBUFS = 105;

/**
 * Accepting. Each waiting accept owns a free handle beforehand, so the kernel puts the connection
 * into that direct descriptor and writes the peer's address to its place in the table: no further
 * call is needed for either.
 */
export class Listeners {
  readonly #ring: Ring;
  readonly #kernel: Kernel;
  readonly #table: SocketTable;
  readonly #words: Int32Array;
  readonly #address: number;
  readonly #peersAt: number;
  /** Descriptor by listener, -1 when it does not listen. */
  readonly #fds = new Int32Array(LISTENERS).fill(-1);
  /** Accepts to arm again once there are handles, and rest is over. */
  readonly #missing = new Int32Array(LISTENERS);
  /** Which listener an accepting handle belongs to. */
  readonly #owner: Int32Array;
  /** Accepts that wait in the kernel, by listener. */
  readonly #armed = new Int32Array(LISTENERS);
  readonly #accepts: number;
  #missingTotal = 0;
  #restUntilMs = 0;
  #resting = false;
  #last = -1;

  constructor(
    ring: Ring,
    kernel: Kernel,
    table: SocketTable,
    words: Int32Array,
    address: number,
    peersAt: number,
  ) {
    this.#ring = ring;
    this.#kernel = kernel;
    this.#table = table;
    this.#words = words;
    this.#address = address;
    this.#peersAt = peersAt;
    this.#owner = new Int32Array(table.limit);
    this.#accepts = Math.min(ACCEPTS, Math.ceil(table.limit / 8));
  }

  add(listener: number, fd: number): void {
    this.#fds[listener] = fd;
    this.#last = Math.max(this.#last, listener);
    for (let i = 0; i < this.#accepts; i++) this.#arm(listener, fd);
  }

  remove(listener: number): void {
    const fd = this.#fds[listener]!;
    if (fd < 0) return;
    this.#fds[listener] = -1;
    this.#missingTotal -= this.#missing[listener]!;
    this.#missing[listener] = 0;
    this.#cancel(fd);
    // The kernel finds the accepts by the descriptor, which is no longer ours to rely on
    // afterwards.
    this.#ring.submit();
  }

  /**
   * As remove; see Driver.leave. An accept that is cancelled may have been woken before, or until
   * its cancellation is complete, and then no other waiter was. So once all of ours are back, we
   * look whether somebody waits, and take him with an accept that is cancelled at once.
   */
  leave(listener: number): void {
    const fd = this.#fds[listener]!;
    if (fd < 0) return;
    this.remove(listener);
    this.#collect(listener);
    for (let n = 0; n < 2 * ACCEPTS; n++) {
      if (this.#table.freeCount === 0 || !this.#kernel.readable(fd)) return;
      this.#arm(listener, fd);
      this.#cancel(fd);
      this.#collect(listener);
    }
  }

  /** Lets the kernel complete the accepts of a listener that was removed. */
  #collect(listener: number): void {
    // It completes some twenty requests in a call.
    for (let n = 0; n < ACCEPTS && this.#complete(listener) < this.#armed[listener]!; n++) {
      this.#ring.enter(0);
    }
  }

  /** Accepts of the listener that are complete and wait to be told of. */
  #complete(listener: number): number {
    let count = 0;
    for (let i = this.#ring.ready() - 1; i >= 0; i--) {
      const data = this.#words[this.#ring.completion(i)]!;
      if ((data & ~HANDLE_MASK) !== TAG) continue;
      if (this.#owner[data & HANDLE_MASK] === listener) count++;
    }
    return count;
  }

  #cancel(fd: number): void {
    const at = this.#ring.entry(OP.ASYNC_CANCEL, fd, 0, 0);
    this.#words[at + 7] = CANCEL_ALL | CANCEL_FD;
  }

  /** Listener that the completed accept of this handle belonged to. */
  taken(socket: number): number {
    return this.#owner[socket]!;
  }

  isShortage(result: number): boolean {
    return result === -EMFILE || result === -ENFILE || result === -ENOMEM || result === -ENOBUFS;
  }

  /**
   * Arms the accept that completed again, or lets the listener rest when the system ran short. True
   * when a shortage begins, of the system's or of our handles, so that it is told once.
   */
  again(listener: number, result: number): boolean {
    this.#armed[listener]!--;
    // One that was stopped and goes on: accepts from before may still come back.
    if (this.#fds[listener]! < 0 || this.#armed[listener]! >= this.#accepts) return false;
    if (!this.isShortage(result)) {
      this.#arm(listener, this.#fds[listener]!);
      return this.#armed[listener] === 0;
    }
    this.#miss(listener);
    const first = !this.#resting;
    this.#resting = true;
    this.#restUntilMs = 0;
    return first;
  }

  slotFreed(): void {
    if (this.#missingTotal > 0 && !this.#resting) this.#rearmAll();
  }

  /** Arms what is missing, if the rest is over. */
  rearm(): void {
    if (this.#missingTotal === 0) return;
    if (this.#resting) {
      const nowMs = performance.now();
      if (this.#restUntilMs === 0) this.#restUntilMs = nowMs + REST_MS;
      if (nowMs < this.#restUntilMs) return;
      this.#resting = false;
    }
    this.#rearmAll();
  }

  /** A wait no longer than the rest of a listener. */
  boundWait(waitMs: number): number {
    if (!this.#resting) return waitMs;
    return waitMs < 0 ? REST_MS : Math.min(waitMs, REST_MS);
  }

  #miss(listener: number): void {
    this.#missing[listener]!++;
    this.#missingTotal++;
  }

  #rearmAll(): void {
    for (let listener = 0; listener <= this.#last; listener++) {
      for (let n = this.#missing[listener]!; n > 0; n--) {
        if (this.#table.freeCount === 0) return;
        this.#missing[listener]!--;
        this.#missingTotal--;
        this.#arm(listener, this.#fds[listener]!);
      }
    }
  }

  #arm(listener: number, fd: number): void {
    const socket = this.#table.take();
    if (socket < 0) {
      this.#miss(listener);
      return;
    }
    this.#owner[socket] = listener;
    this.#armed[listener]!++;
    const peer = this.#peersAt + socket * SOCKADDR_BYTES;
    this.#words[(peer + SOCKADDR_LENGTH_AT) >> 2] = SOCKADDR_LENGTH_AT;
    const at = this.#ring.entry(OP.ACCEPT, fd, TAG | socket, 0);
    this.#words[at + 2] = this.#address + peer + SOCKADDR_LENGTH_AT;
    this.#words[at + 4] = this.#address + peer;
    this.#words[at + 7] = SOCK_NONBLOCK;
    this.#words[at + 11] = socket + 1;
  }
}
