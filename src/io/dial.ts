import { connect, Socket } from "node:net";
import { getSystemErrorMap } from "node:util";
import { type Address, formatAddress } from "#base/address.ts";
import type { Cancel, Timers } from "#base/clock.ts";
import { deadline } from "#base/deadline.ts";
import { connectMarked } from "./marked-socket.ts";

/**
 * Short conversations of the control thread, such as health checks: connect, say one thing, hear
 * one answer, hang up. Everything is bounded: one deadline for the whole of it, and a limit of
 * bytes.
 */
export interface DialOptions {
  /** From the first call to the end of the answer. */
  readonly timeoutMs: number;
  /** Sent as soon as the connection stands. */
  readonly send?: Uint8Array;
  /**
   * Most bytes of an answer that are kept; 0 = wait for none, a connection is all that is asked.
   */
  readonly answerBytes: number;
  /**
   * Told all that came so far, returns true when that is a whole answer. Absent: it ends at the
   * close.
   */
  readonly enough?: (received: Uint8Array) => boolean;
  /** Firewall mark of what is sent; of addresses with a port. Needs CAP_NET_ADMIN. */
  readonly mark?: number;
}

/**
 * What came of it. `failure` is undefined when the conversation ended as it should: a whole answer,
 * a full one (`end` says "limit") or the peer's close. `bytes` holds what was received in any case.
 */
export interface Dialled {
  readonly failure: DialFailure | undefined;
  readonly end: "connected" | "enough" | "closed" | "limit" | "failed";
  readonly bytes: Uint8Array;
}

export interface DialFailure {
  /** How far it got. */
  readonly phase: "connect" | "answer";
  /** It was too slow, rather than refused or reset. */
  readonly timeout: boolean;
  /** It lay with us: no descriptor, no memory, no port left. Says nothing about the other side. */
  readonly local: boolean;
  /** In words: "connection refused". */
  readonly text: string;
}

/** A system error in words: "connection refused". */
export function describeSystemError(error: unknown): string {
  const { code, errno, message } = error as NodeJS.ErrnoException;
  const words = errno === undefined ? undefined : getSystemErrorMap().get(-Math.abs(errno))?.[1];
  return words ?? code ?? message ?? String(error);
}

const SHORTAGES = ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EADDRNOTAVAIL", "EAGAIN"];

/** True when this machine or process had run out of something. */
export const isLocalShortage = (error: unknown): boolean =>
  SHORTAGES.includes((error as NodeJS.ErrnoException).code ?? "");

function open(address: Address, mark: number | undefined, connected: () => void): Socket {
  switch (address.kind) {
    case "unix":
      return connect({ path: address.path }, connected);
    case "inet":
      if (mark === undefined) {
        return connect({ host: address.host, port: address.port, noDelay: true }, connected);
      }
      return adopt(connectMarked(address, mark), connected);
    default:
      throw new Error(`${formatAddress(address)} is not the address of a socket`);
  }
}

/**
 * A connection that is being made, for Node to wait for. Node takes it for one that stands, and is
 * right about all but when it does: nothing is written before that, not even nothing.
 */
function adopt(fd: number, connected: () => void): Socket {
  const socket = new Socket({ fd });
  socket.write(new Uint8Array(), (error) => {
    if (!error) connected();
  });
  return socket;
}

/**
 * Holds one conversation and calls `done` once, never from inside this call. After Cancel it is not
 * called. The connection is gone when `done` runs; a mere connect is ended by RST, so that neither
 * side keeps it in TIME_WAIT and a server that accepts lazily never hears of it.
 */
export function dial(
  timers: Timers,
  address: Address,
  options: DialOptions,
  done: (result: Dialled) => void,
): Cancel {
  let bytes = new Uint8Array(0);
  let connected = false;
  let over = false;
  let socket: Socket | undefined;
  const hangUp = (): boolean => {
    if (over) return false;
    over = true;
    cancelDeadline();
    if (options.answerBytes === 0 && connected) socket?.resetAndDestroy();
    else socket?.destroy();
    return true;
  };
  const finish = (end: Dialled["end"], failure?: DialFailure): void => {
    if (hangUp()) done({ failure, end, bytes });
  };
  const phase = (): DialFailure["phase"] => (connected ? "answer" : "connect");
  const fail = (error: unknown): void => {
    const text = describeSystemError(error);
    finish("failed", { phase: phase(), timeout: false, local: isLocalShortage(error), text });
  };
  const cancelDeadline = deadline(timers, options.timeoutMs, () => {
    const text = connected ? "no whole answer in time" : "no connection in time";
    finish("failed", { phase: phase(), timeout: true, local: false, text });
  });
  try {
    socket = open(address, options.mark, () => {
      connected = true;
      if (options.answerBytes === 0) finish("connected");
      else if (options.send) socket?.write(options.send);
    });
  } catch (error) {
    // Arguments the system would never take: still answered later, like everything else.
    timers.after(0, () => fail(error));
    return () => void hangUp();
  }
  socket.on("error", fail);
  socket.on("data", (chunk: Buffer) => {
    if (over) return;
    const room = options.answerBytes - bytes.length;
    const whole = new Uint8Array(bytes.length + Math.min(room, chunk.length));
    whole.set(bytes);
    whole.set(chunk.subarray(0, room), bytes.length);
    bytes = whole;
    if (options.enough?.(bytes)) finish("enough");
    else if (chunk.length >= room) finish("limit");
  });
  socket.on("end", () => finish("closed"));
  socket.on("close", () => finish("closed"));
  return () => void hangUp();
}
