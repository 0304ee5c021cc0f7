// @hot
import { type Completions, DONE } from "./completions.ts";
import type { Kernel } from "./epoll-kernel.ts";
import { IS, SOCK, type SocketTable } from "./epoll-table.ts";
import { ERRNO } from "./errno-names.ts";
import type { Pipes } from "./pipes.ts";

const EAGAIN = -ERRNO.EAGAIN;
const EPIPE = -ERRNO.EPIPE;

/**
 * Bytes from one socket to another without a copy: into a pipe as far as there are any, then out of
 * it until it is empty, which completes the request. State lies in the row of the socket read from.
 */
export class EpollSplices {
  readonly #kernel: Kernel;
  readonly #cells: Int32Array;
  readonly #pipes: Pipes;
  readonly #done: Completions;

  constructor(kernel: Kernel, table: SocketTable, pipes: Pipes, done: Completions) {
    this.#kernel = kernel;
    this.#cells = table.cells;
    this.#pipes = pipes;
    this.#done = done;
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
    cells[at + SOCK.FLAGS]! |= IS.SPLICING;
    cells[to * SOCK.WORDS + SOCK.FLAGS]! |= IS.SPLICED_INTO;
    cells[to * SOCK.WORDS + SOCK.SPLICE_FROM] = from;
    return true;
  }

  /** Moves what can be moved now. */
  run(from: number): void {
    const cells = this.#cells;
    const at = from * SOCK.WORDS;
    const held = cells[at + SOCK.SPLICE_HELD]! > 0 || this.#fill(from, at);
    if (held) this.#empty(from, at);
  }

  /** Source to pipe. True when the pipe holds bytes now. */
  #fill(from: number, at: number): boolean {
    const cells = this.#cells;
    if ((cells[at + SOCK.FLAGS]! & IS.READABLE) === 0) return false;
    const pipe = this.#pipes.writer(cells[at + SOCK.SPLICE_PIPE]!);
    const n = this.#kernel.splice(cells[at + SOCK.FD]!, pipe, cells[at + SOCK.SPLICE_LIMIT]!);
    if (n === EAGAIN) {
      cells[at + SOCK.FLAGS]! &= ~IS.READABLE;
    } else if (n <= 0) {
      this.#end(from, n);
    } else {
      cells[at + SOCK.SPLICE_BYTES] = n;
      cells[at + SOCK.SPLICE_HELD] = n;
    }
    return n > 0;
  }

  /** Pipe to destination, as much as it takes. */
  #empty(from: number, at: number): void {
    const cells = this.#cells;
    const to = cells[at + SOCK.SPLICE_TO]! * SOCK.WORDS;
    const pipe = this.#pipes.reader(cells[at + SOCK.SPLICE_PIPE]!);
    while (cells[to + SOCK.FLAGS]! & IS.WRITABLE) {
      const n = this.#kernel.splice(pipe, cells[to + SOCK.FD]!, cells[at + SOCK.SPLICE_HELD]!);
      if (n === EAGAIN) {
        cells[to + SOCK.FLAGS]! &= ~IS.WRITABLE;
      } else if (n <= 0) {
        this.#end(from, n === 0 ? EPIPE : n);
        return;
      } else if ((cells[at + SOCK.SPLICE_HELD]! -= n) === 0) {
        this.#end(from, cells[at + SOCK.SPLICE_BYTES]!);
        return;
      }
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
    const flags = this.#cells[socket * SOCK.WORDS + SOCK.FLAGS]!;
    if (flags & IS.SPLICING) this.#cancel(socket);
    if (flags & IS.SPLICED_INTO) {
      this.#end(this.#cells[socket * SOCK.WORDS + SOCK.SPLICE_FROM]!, EPIPE);
    }
  }

  #end(from: number, result: number): void {
    this.#cancel(from);
    this.#done.push(DONE.SPLICED, from, result, 0, -1);
  }

  #cancel(from: number): void {
    const cells = this.#cells;
    const at = from * SOCK.WORDS;
    const pipe = cells[at + SOCK.SPLICE_PIPE]!;
    if (cells[at + SOCK.SPLICE_HELD]! > 0) this.#pipes.discard(pipe);
    else this.#pipes.give(pipe);
    cells[at + SOCK.FLAGS]! &= ~IS.SPLICING;
    cells[cells[at + SOCK.SPLICE_TO]! * SOCK.WORDS + SOCK.FLAGS]! &= ~IS.SPLICED_INTO;
  }
}
