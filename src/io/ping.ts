import { randomBytes } from "node:crypto";
import type { Cancel, Timers } from "#base/clock.ts";
import { deadline } from "#base/deadline.ts";
import { describeSystemError, isLocalShortage } from "./dial.ts";
import { EchoSocket, isForbidden } from "./echo-socket.ts";

export interface PingOptions {
  /** From the first call to the answer. */
  readonly timeoutMs: number;
  /** Sent, and expected back. */
  readonly payloadBytes: number;
  /** Hops a request may take; undefined: as the system has it. */
  readonly ttl: number | undefined;
  /** Firewall mark of what is sent. Needs CAP_NET_ADMIN. */
  readonly mark?: number | undefined;
}

/** What came of it: `failure` is undefined when the host answered. */
export interface Pinged {
  readonly failure: PingFailure | undefined;
}

export interface PingFailure {
  /** Nothing came, rather than a word from somebody that it cannot be. */
  readonly timeout: boolean;
  /** It lay with us: not permitted, no descriptor. Says nothing about the host. */
  readonly local: boolean;
  /** In words. */
  readonly text: string;
}

/**
 * Node waits for no socket of this kind, so it is looked at again and again: after 1 ms, and then
 * whenever a quarter of the time that has passed has passed once more, at most so much. A host that
 * is near is seen to answer at once, one that is silent for 2 s costs some fifty looks.
 */
const LONGEST_LOOK_MS = 100;
const FIRST_LOOK_MS = 1;

const FORBIDDEN =
  "ping is not permitted: it needs CAP_NET_RAW, or a group of weir's in net.ipv4.ping_group_range";

/**
 * Sends one echo request to an IP address and calls `done` once, never from inside this call. After
 * Cancel it is not called. Only an answer that brings back what was sent, random bytes, counts.
 */
export function ping(
  timers: Timers,
  host: string,
  options: PingOptions,
  done: (result: Pinged) => void,
): Cancel {
  const startedMs = timers.monotonicMs();
  let socket: EchoSocket | undefined;
  let over = false;
  let cancelLook: Cancel = () => {};
  const end = (): boolean => {
    if (over) return false;
    over = true;
    cancelDeadline();
    cancelLook();
    socket?.close();
    return true;
  };
  const finish = (failure?: PingFailure): void => {
    if (end()) done({ failure });
  };
  const fail = (error: unknown): void => {
    const forbidden = isForbidden(error);
    const text = forbidden ? FORBIDDEN : describeSystemError(error);
    finish({ timeout: false, local: forbidden || isLocalShortage(error), text });
  };
  const look = (): void => {
    let answered = false;
    try {
      answered = socket!.receive();
    } catch (error) {
      fail(error);
      return;
    }
    if (answered) {
      finish();
      return;
    }
    const passedMs = timers.monotonicMs() - startedMs;
    const nextMs = Math.min(LONGEST_LOOK_MS, Math.max(FIRST_LOOK_MS, passedMs / 4));
    cancelLook = timers.after(nextMs, look);
  };
  const cancelDeadline = deadline(timers, options.timeoutMs, () => {
    finish({ timeout: true, local: false, text: "no echo reply in time" });
  });
  try {
    const marks = randomBytes(4);
    socket = EchoSocket.open(host, {
      payload: Uint8Array.from(randomBytes(options.payloadBytes)),
      identifier: marks.readUInt16LE(0),
      sequence: marks.readUInt16LE(2),
      ttl: options.ttl,
      mark: options.mark,
    });
    socket.send();
    cancelLook = timers.after(FIRST_LOOK_MS, look);
  } catch (error) {
    cancelLook = timers.after(0, () => fail(error));
  }
  return () => void end();
}
