// @hot
import { SOCKADDR_LENGTH_AT } from "./driver.ts";
import { errno, native } from "./ffi.ts";

/*
 * The system calls of the epoll driver. Addresses lie below 4 GiB (memory.ts), so pointers and
 * sizes are numbers. A result < 0 is -errno.
 *
 * node:ffi calls a function of up to three arguments in 0.2 µs; with more it gathers them in an
 * array, which takes twice as long and leaves 80 bytes of garbage. Therefore read(2) instead of
 * recv(2), sendmsg(2) instead of send(2).
 */

const accept4 = native("accept4", "i32", "i32", "u32", "u32", "i32");
const close = native("close", "i32", "i32");
const connect = native("connect", "i32", "i32", "u32", "u32");
const epollCreate1 = native("epoll_create1", "i32", "i32");
const epollCtl = native("epoll_ctl", "i32", "i32", "i32", "i32", "u32");
const epollWait = native("epoll_wait", "i32", "i32", "u32", "i32", "i32");
const fcntl = native("fcntl", "i32", "i32", "i32", "i32");
const getsockopt = native("getsockopt", "i32", "i32", "i32", "i32", "u32", "u32");
const poll = native("poll", "i32", "u32", "u64", "i32");
const pipe2 = native("pipe2", "i32", "u32", "i32");
const read = native("read", "i32", "i32", "u32", "u32");
const sendmsg = native("sendmsg", "i32", "i32", "u32", "i32");
const setsockopt = native("setsockopt", "i32", "i32", "i32", "i32", "u32", "u32");
const shutdown = native("shutdown", "i32", "i32", "i32");
const socket = native("socket", "i32", "i32", "i32", "i32");
const splice = native("splice", "i32", "i32", "u32", "i32", "u32", "u32", "u32");

const SOCK_STREAM = 1;
const NONBLOCK_CLOEXEC = 0o2004000;
const EPOLL_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_LINGER = 13;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SHUT_WR = 1;
const MSG_NOSIGNAL = 0x4000;
const MSG_MORE = 0x8000;
/** What epoll_wait(2) takes is an int. */
const LONGEST_WAIT_MS = 0x7fff_ffff;
const F_SETPIPE_SZ = 1031;
const SPLICE_F_MOVE = 1;
const SPLICE_F_NONBLOCK = 2;
const POLLIN = 1;

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
/** struct epoll_event is packed on x86-64 only: events (u32), data (u64). */
export const EVENT_BYTES = process.arch === "x64" ? 12 : 16;
export const EVENT_DATA = EVENT_BYTES - 8;

/** Bytes of the arena a Kernel needs for itself, 8-aligned and zeroed. */
export const KERNEL_BYTES = 112;
const VALUE = 0;
const LENGTH = 8;
const EVENT = 16;
/** struct iovec (address, length), and the struct msghdr that names it. */
const IOVEC = 32;
const MESSAGE = 48;
const MESSAGE_IOVEC = MESSAGE + 16;
const MESSAGE_IOVECS = MESSAGE + 24;

/** System calls through FFI, counted. */
export class Kernel {
  calls = 0;
  readonly #words: Int32Array;
  readonly #address: number;
  readonly #scratch: number;

  /** `scratch`: offset of KERNEL_BYTES in the arena that begins at `address`. */
  constructor(memory: ArrayBuffer, address: number, scratch: number) {
    this.#words = new Int32Array(memory);
    this.#address = address;
    this.#scratch = scratch;
    this.#words[(scratch + MESSAGE_IOVEC) >> 2] = address + scratch + IOVEC;
    this.#words[(scratch + MESSAGE_IOVECS) >> 2] = 1;
  }

  #done(result: number): number {
    this.calls++;
    return result < 0 ? -errno() : result;
  }

  epollCreate(): number {
    return this.#done(epollCreate1(EPOLL_CLOEXEC));
  }

  /** Registers `fd` for `events`; `low` and `high` come back with each. */
  watch(epoll: number, fd: number, events: number, low: number, high: number): number {
    const at = this.#scratch + EVENT;
    this.#words[at >> 2] = events;
    this.#words[(at + EVENT_DATA) >> 2] = low;
    this.#words[(at + EVENT_DATA + 4) >> 2] = high;
    return this.#done(epollCtl(epoll, EPOLL_CTL_ADD, fd, this.#address + at));
  }

  unwatch(epoll: number, fd: number): number {
    return this.#done(epollCtl(epoll, EPOLL_CTL_DEL, fd, this.#address + this.#scratch + EVENT));
  }

  /** `waitMs` of any size: deadlines lie between milliseconds, and early is too early. */
  wait(epoll: number, at: number, events: number, waitMs: number): number {
    const whole = Math.ceil(Math.min(waitMs, LONGEST_WAIT_MS));
    return this.#done(epollWait(epoll, this.#address + at, events, whole));
  }

  socket(family: number): number {
    return this.#done(socket(family, SOCK_STREAM | NONBLOCK_CLOEXEC, 0));
  }

  /** Accepts a connection and stores its peer's address at `peerAt`. */
  accept(fd: number, peerAt: number): number {
    const lengthAt = peerAt + SOCKADDR_LENGTH_AT;
    this.#words[lengthAt >> 2] = SOCKADDR_LENGTH_AT;
    const address = this.#address;
    return this.#done(accept4(fd, address + peerAt, address + lengthAt, NONBLOCK_CLOEXEC));
  }

  /** True when bytes or connections wait at the descriptor. */
  readable(fd: number): boolean {
    const at = this.#scratch >> 2;
    this.#words[at] = fd;
    this.#words[at + 1] = POLLIN;
    return this.#done(poll(this.#address + this.#scratch, 1n, 0)) === 1;
  }

  connect(fd: number, at: number, bytes: number): number {
    return this.#done(connect(fd, this.#address + at, bytes));
  }

  /** How a connect that was in progress ended: 0 or -errno. */
  connectResult(fd: number): number {
    const at = this.#scratch;
    this.#words[(at + VALUE) >> 2] = 0;
    this.#words[(at + LENGTH) >> 2] = 4;
    const address = this.#address + at;
    const result = this.#done(
      getsockopt(fd, SOL_SOCKET, SO_ERROR, address + VALUE, address + LENGTH),
    );
    return result < 0 ? result : -this.#words[(at + VALUE) >> 2]!;
  }

  recv(fd: number, at: number, bytes: number): number {
    return this.#done(read(fd, this.#address + at, bytes));
  }

  send(fd: number, at: number, bytes: number, more: boolean): number {
    const scratch = this.#scratch;
    this.#words[(scratch + IOVEC) >> 2] = this.#address + at;
    this.#words[(scratch + IOVEC + 8) >> 2] = bytes;
    const flags = more ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
    return this.#done(sendmsg(fd, this.#address + scratch + MESSAGE, flags));
  }

  noDelay(fd: number): number {
    return this.#setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1, 4);
  }

  /** Makes the coming close an abort (RST). */
  resetOnClose(fd: number): number {
    this.#words[(this.#scratch + VALUE + 4) >> 2] = 0;
    return this.#setOption(fd, SOL_SOCKET, SO_LINGER, 1, 8);
  }

  #setOption(fd: number, level: number, option: number, value: number, bytes: number): number {
    const at = this.#scratch + VALUE;
    this.#words[at >> 2] = value;
    return this.#done(setsockopt(fd, level, option, this.#address + at, bytes));
  }

  finish(fd: number): number {
    return this.#done(shutdown(fd, SHUT_WR));
  }

  close(fd: number): number {
    return this.#done(close(fd));
  }

  /** Empties an eventfd. */
  drain(fd: number): number {
    return this.#done(read(fd, this.#address + this.#scratch + VALUE, 8));
  }

  /** A pipe as two descriptors at words[at >> 2]. */
  pipe(at: number): number {
    return this.#done(pipe2(this.#address + at, NONBLOCK_CLOEXEC));
  }

  /** Returns the size the pipe has now. */
  sizePipe(fd: number, bytes: number): number {
    return this.#done(fcntl(fd, F_SETPIPE_SZ, bytes));
  }

  splice(from: number, to: number, bytes: number): number {
    return this.#done(splice(from, 0, to, 0, bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
  }
}
