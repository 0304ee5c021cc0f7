// @hot
import { HandleQueue } from "./handle-queue.ts";
import type { Sink } from "./transport.ts";
import { CQE_BUFFER, CQE_MORE, OP, RECV_MULTISHOT, RECV_POLL_FIRST, SQE } from "./uring-abi.ts";
import type { ProvidedBuffers } from "./uring-buffers.ts";
import type { LowWater } from "./uring-low-water.ts";
import { KIND, KIND_SHIFT, type Requests } from "./uring-requests.ts";
import type { Ring } from "./uring-ring.ts";
import { IS, SOCK } from "./uring-sockets.ts";

const ENOBUFS = 105;
const ECANCELED = 125;
const BUFFER_GROUP = 0;
const IGNORED = KIND.IGNORED << KIND_SHIFT;

/**
 * Receiving. A socket that gets small pieces has one multishot receive that serves many requests of
 * the owner; what comes unasked is held, and stops the flow. One that gets large bodies, which go
 * into the owner's memory or are spliced, is armed for one arrival at a time, so that nothing is in
 * the way.
 *
 *   asked, nothing here ─► ARMED ─bytes─► told            unasked bytes ─► held, receive cancelled
 *                            └─no buffer─► STARVED ─► armed again when buffers come back
 */
export class Receives {
  readonly #ring: Ring;
  readonly #requests: Requests;
  readonly #lowWater: LowWater;
  readonly #cells: Int32Array;
  readonly #words: Int32Array;
  readonly #memory: Uint8Array;
  readonly #address: number;
  readonly #buffers: ProvidedBuffers;
  /** Length and successor of each held buffer. */
  readonly #heldBytes: Int32Array;
  readonly #heldNext: Int32Array;
  /** Sockets with bytes or an end to deliver, sockets waiting for a buffer. */
  readonly #ready: HandleQueue;
  readonly #starving: HandleQueue;
  /** Receives that found no buffer. */
  starved = 0;

  constructor(
    ring: Ring,
    requests: Requests,
    lowWater: LowWater,
    cells: Int32Array,
    memory: ArrayBuffer,
    address: number,
    buffers: ProvidedBuffers,
    sockets: number,
  ) {
    this.#ring = ring;
    this.#requests = requests;
    this.#lowWater = lowWater;
    this.#cells = cells;
    this.#words = new Int32Array(memory);
    this.#memory = new Uint8Array(memory);
    this.#address = address;
    this.#buffers = buffers;
    this.#heldBytes = new Int32Array(buffers.count);
    this.#heldNext = new Int32Array(buffers.count);
    this.#ready = new HandleQueue(sockets + 1);
    this.#starving = new HandleQueue(sockets + 1);
  }

  /** Sockets with something to deliver at once. */
  get ready(): number {
    return this.#ready.count;
  }

  receive(socket: number): void {
    const at = socket * SOCK.WORDS;
    let flags = this.#cells[at + SOCK.FLAGS]! | IS.WANTED;
    // One arrival after another in small pieces: a multishot receive saves arming each time.
    if (flags & IS.POOLED_LAST) flags |= IS.MULTI;
    this.#cells[at + SOCK.FLAGS] = flags;
    if (this.#cells[at + SOCK.HELD]! > 0 || flags & IS.ENDED) this.#enqueue(socket);
    else if ((flags & (IS.ARMED | IS.STARVED | IS.INTO_ARMED)) === 0) this.#arm(socket);
  }

  receiveInto(socket: number, at: number, bytes: number): void {
    const cell = socket * SOCK.WORDS;
    this.#cells[cell + SOCK.INTO_AT] = at;
    this.#cells[cell + SOCK.INTO_BYTES] = bytes;
    const past = IS.MULTI | IS.POOLED_LAST;
    const flags = (this.#cells[cell + SOCK.FLAGS]! & ~past) | IS.INTO;
    this.#cells[cell + SOCK.FLAGS] = flags;
    if (this.#cells[cell + SOCK.HELD]! > 0 || flags & IS.ENDED) this.#enqueue(socket);
    else if (flags & IS.ARMED) this.#disarm(socket);
    else this.#armInto(socket);
  }

  release(buffer: number): void {
    this.#buffers.give(buffer);
  }

  /**
   * Somebody else is to read from the socket: false when a receive or held bytes are in the way.
   */
  yieldTo(socket: number): boolean {
    const at = socket * SOCK.WORDS;
    const busy = IS.ARMED | IS.INTO_ARMED | IS.STARVED | IS.ENDED;
    if (this.#cells[at + SOCK.FLAGS]! & busy || this.#cells[at + SOCK.HELD]! > 0) return false;
    this.#cells[at + SOCK.FLAGS]! &= ~(IS.MULTI | IS.POOLED_LAST);
    return true;
  }

  #arm(socket: number): void {
    const cell = socket * SOCK.WORDS + SOCK.FLAGS;
    const flags = this.#cells[cell]!;
    this.#cells[cell] = flags | IS.ARMED;
    this.#lowWater.lower(socket);
    // A fresh client's request is often here already; anything else is asked for before it comes.
    const single = flags & IS.ACCEPTED ? 0 : RECV_POLL_FIRST;
    const how = flags & IS.MULTI ? RECV_MULTISHOT : single;
    const at = this.#requests.entry(OP.RECV | SQE.BUFFER_SELECT | how, KIND.RECEIVE, socket);
    this.#words[at + 10] = BUFFER_GROUP;
  }

  #disarm(socket: number): void {
    const cell = socket * SOCK.WORDS + SOCK.FLAGS;
    if (this.#cells[cell]! & IS.CANCELLING) return;
    this.#cells[cell]! |= IS.CANCELLING;
    const at = this.#ring.entry(OP.ASYNC_CANCEL | SQE.CQE_SKIP_SUCCESS, -1, IGNORED, 0);
    this.#words[at + 4] = (KIND.RECEIVE << KIND_SHIFT) | socket;
  }

  #armInto(socket: number): void {
    const cell = socket * SOCK.WORDS;
    this.#cells[cell + SOCK.FLAGS]! |= IS.INTO_ARMED;
    this.#lowWater.lower(socket);
    const at = this.#requests.entry(OP.RECV, KIND.INTO, socket);
    this.#words[at + 4] = this.#address + this.#cells[cell + SOCK.INTO_AT]!;
    this.#words[at + 6] = this.#cells[cell + SOCK.INTO_BYTES]!;
  }

  #enqueue(socket: number): void {
    const cell = socket * SOCK.WORDS + SOCK.FLAGS;
    if (this.#cells[cell]! & IS.QUEUED) return;
    this.#cells[cell]! |= IS.QUEUED;
    this.#ready.push(socket);
  }

  deliverReady(sink: Sink): void {
    for (let n = this.#ready.count; n > 0; n--) {
      const socket = this.#ready.shift();
      this.#cells[socket * SOCK.WORDS + SOCK.FLAGS]! &= ~IS.QUEUED;
      this.#deliver(sink, socket);
    }
  }

  /** Gives the owner what it asked for, if that is here. */
  #deliver(sink: Sink, socket: number): void {
    const cells = this.#cells;
    const at = socket * SOCK.WORDS;
    const flags = cells[at + SOCK.FLAGS]!;
    if (flags & IS.CLOSING || (flags & (IS.WANTED | IS.INTO)) === 0) return;
    if (cells[at + SOCK.HELD]! > 0) {
      if (flags & IS.WANTED) this.#deliverHeld(sink, socket);
      else this.#copyHeld(sink, socket);
    } else if (flags & IS.ENDED) {
      cells[at + SOCK.FLAGS] = flags & ~(IS.WANTED | IS.INTO);
      sink.received(socket, cells[at + SOCK.END]!, cells[at + SOCK.INTO_AT]!, -1);
    }
  }

  #deliverHeld(sink: Sink, socket: number): void {
    const cells = this.#cells;
    const at = socket * SOCK.WORDS;
    const buffer = cells[at + SOCK.HELD_FIRST]!;
    const skip = cells[at + SOCK.HELD_SKIP]!;
    this.#dropHeld(at, buffer);
    cells[at + SOCK.FLAGS]! &= ~IS.WANTED;
    sink.received(socket, this.#heldBytes[buffer]! - skip, this.#buffers.at(buffer) + skip, buffer);
  }

  #copyHeld(sink: Sink, socket: number): void {
    const cells = this.#cells;
    const at = socket * SOCK.WORDS;
    const buffer = cells[at + SOCK.HELD_FIRST]!;
    const skip = cells[at + SOCK.HELD_SKIP]!;
    const rest = this.#heldBytes[buffer]! - skip;
    const bytes = Math.min(rest, cells[at + SOCK.INTO_BYTES]!);
    const into = cells[at + SOCK.INTO_AT]!;
    const from = this.#buffers.at(buffer) + skip;
    this.#memory.copyWithin(into, from, from + bytes);
    if (bytes === rest) {
      this.#dropHeld(at, buffer);
      this.release(buffer);
    } else {
      cells[at + SOCK.HELD_SKIP] = skip + bytes;
    }
    cells[at + SOCK.FLAGS]! &= ~IS.INTO;
    sink.received(socket, bytes, into, -1);
  }

  #dropHeld(at: number, buffer: number): void {
    this.#cells[at + SOCK.HELD]!--;
    this.#cells[at + SOCK.HELD_FIRST] = this.#heldNext[buffer]!;
    this.#cells[at + SOCK.HELD_SKIP] = 0;
  }

  #hold(at: number, buffer: number, bytes: number): void {
    const cells = this.#cells;
    this.#heldBytes[buffer] = bytes;
    this.#heldNext[buffer] = -1;
    if (cells[at + SOCK.HELD] === 0) cells[at + SOCK.HELD_FIRST] = buffer;
    else this.#heldNext[cells[at + SOCK.HELD_LAST]!] = buffer;
    cells[at + SOCK.HELD_LAST] = buffer;
    cells[at + SOCK.HELD]!++;
  }

  /**
   * A pooled receive completed. True when the socket is being closed and this was its last request.
   */
  completed(sink: Sink, socket: number, result: number, flags: number): boolean {
    const cells = this.#cells;
    const at = socket * SOCK.WORDS;
    const buffer = flags & CQE_BUFFER ? flags >>> 16 : -1;
    if (buffer >= 0) this.#buffers.free--;
    if ((flags & CQE_MORE) === 0) {
      cells[at + SOCK.FLAGS]! &= ~(IS.ARMED | IS.CANCELLING);
      cells[at + SOCK.PENDING]!--;
    }
    const state = cells[at + SOCK.FLAGS]!;
    if (state & IS.CLOSING) {
      if (buffer >= 0) this.release(buffer);
      return cells[at + SOCK.PENDING] === 0;
    }
    if (result > 0) {
      if (state & IS.WANTED && cells[at + SOCK.HELD] === 0) {
        cells[at + SOCK.FLAGS] = (state & ~IS.WANTED) | IS.POOLED_LAST;
        sink.received(socket, result, this.#buffers.at(buffer), buffer);
        return false;
      }
      this.#hold(at, buffer, result);
      // Bytes nobody asked for: stop the flow, the rest waits in the kernel.
      if ((state & (IS.ARMED | IS.INTO)) === IS.ARMED) this.#disarm(socket);
    } else {
      if (buffer >= 0) this.release(buffer);
      if (result === -ENOBUFS) this.#starve(socket);
      else if (result !== -ECANCELED) {
        cells[at + SOCK.FLAGS]! |= IS.ENDED;
        cells[at + SOCK.END] = result;
      }
    }
    this.#afterReceive(sink, socket);
    return false;
  }

  #afterReceive(sink: Sink, socket: number): void {
    const cells = this.#cells;
    const at = socket * SOCK.WORDS;
    const state = cells[at + SOCK.FLAGS]!;
    if (state & (IS.WANTED | IS.INTO) && (cells[at + SOCK.HELD]! > 0 || state & IS.ENDED)) {
      this.#deliver(sink, socket);
    } else if ((state & (IS.ARMED | IS.STARVED)) === 0) {
      if (state & IS.INTO) this.#armInto(socket);
      else if (state & IS.WANTED) this.#arm(socket);
    }
  }

  #starve(socket: number): void {
    this.starved++;
    const cell = socket * SOCK.WORDS + SOCK.FLAGS;
    if (this.#cells[cell]! & IS.STARVED) return;
    this.#cells[cell]! |= IS.STARVED;
    this.#starving.push(socket);
  }

  /** Receives that found no buffer are asked again, as many as there are buffers now. */
  feedStarving(): void {
    for (let n = this.#buffers.free; n > 0 && this.#starving.count > 0; ) {
      const socket = this.#starving.shift();
      const cell = socket * SOCK.WORDS + SOCK.FLAGS;
      const state = this.#cells[cell]! & ~IS.STARVED;
      this.#cells[cell] = state;
      if ((state & (IS.USED | IS.CLOSING | IS.WANTED | IS.ARMED)) === (IS.USED | IS.WANTED)) {
        n--;
        this.#arm(socket);
      }
    }
  }

  /** A receive into the owner's memory completed; the socket is not being closed. */
  intoCompleted(sink: Sink, socket: number, result: number): void {
    const cell = socket * SOCK.WORDS;
    sink.received(socket, result, this.#cells[cell + SOCK.INTO_AT]!, -1);
  }

  /** Gives back what a closing socket still holds. */
  drop(socket: number): void {
    const at = socket * SOCK.WORDS;
    while (this.#cells[at + SOCK.HELD]! > 0) {
      const buffer = this.#cells[at + SOCK.HELD_FIRST]!;
      this.#dropHeld(at, buffer);
      this.release(buffer);
    }
  }
}
