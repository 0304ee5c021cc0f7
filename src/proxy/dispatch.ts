// @hot
import type { Clock } from "#base/clock.ts";
import type { Sink } from "#io/transport.ts";
import {
  clientAccepted,
  clientClosed,
  clientDue,
  clientReceived,
  clientSent,
  clientSpliced,
} from "./client.ts";
import type { Core } from "./core.ts";
import { KIND } from "./tables.ts";
import {
  upstreamClosed,
  upstreamConnected,
  upstreamDue,
  upstreamReceived,
  upstreamSent,
  upstreamSpliced,
} from "./upstream.ts";

/** Leads what the driver reports to the side that the socket is on. */
export class Dispatch implements Sink {
  readonly #core: Core;
  readonly #clock: Clock;
  /** The clock was read since the last wait ended. */
  #fresh = false;
  wallOffset = 0.5;
  /** Control has something to say. */
  wake = false;
  /** For TimerWheel.advance: made once. */
  readonly due: (socket: number) => void;

  constructor(core: Core, clock: Clock) {
    this.#core = core;
    this.#clock = clock;
    this.due = (socket) => this.expired(socket);
  }

  /** A wait begins: the first completion after it reads the clock. */
  waiting(): void {
    this.#fresh = false;
  }

  /** The wait is over, and nobody may have read the clock. */
  settle(): void {
    if (!this.#fresh) this.#read();
  }

  #read(): void {
    const now = this.#clock.monotonicMs();
    this.#core.nowMs = now;
    this.#core.wallMs = now + this.wallOffset;
    this.#fresh = true;
  }

  accepted(listener: number, socket: number): void {
    if (!this.#fresh) this.#read();
    clientAccepted(this.#core, listener, socket);
  }

  connected(socket: number, result: number): void {
    if (!this.#fresh) this.#read();
    upstreamConnected(this.#core, socket, result);
  }

  received(socket: number, result: number, at: number, buffer: number): void {
    if (!this.#fresh) this.#read();
    const core = this.#core;
    if (core.kinds[socket] === KIND.CLIENT) clientReceived(core, socket, result, at, buffer);
    else upstreamReceived(core, socket, result, at, buffer);
  }

  sent(socket: number, result: number): void {
    if (!this.#fresh) this.#read();
    const core = this.#core;
    if (core.kinds[socket] === KIND.CLIENT) clientSent(core, socket, result);
    else upstreamSent(core, socket, result);
  }

  spliced(from: number, result: number): void {
    if (!this.#fresh) this.#read();
    const core = this.#core;
    if (core.kinds[from] === KIND.CLIENT) clientSpliced(core, from, result);
    else upstreamSpliced(core, from, result);
  }

  closed(socket: number): void {
    if (!this.#fresh) this.#read();
    const core = this.#core;
    const kind = core.kinds[socket]!;
    core.kinds[socket] = KIND.NONE;
    core.timers.clear(socket);
    if (kind === KIND.CLIENT) clientClosed(core, socket);
    else if (kind === KIND.UPSTREAM) upstreamClosed(core, socket);
  }

  woken(): void {
    this.wake = true;
  }

  expired(socket: number): void {
    const core = this.#core;
    const kind = core.kinds[socket]!;
    if (kind === KIND.CLIENT) clientDue(core, socket);
    else if (kind === KIND.UPSTREAM) upstreamDue(core, socket);
  }
}
