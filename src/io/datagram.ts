import { createSocket } from "node:dgram";
import { type Address, formatAddress } from "#base/address.ts";
import type { Cancel, Timers } from "#base/clock.ts";
import { deadline } from "#base/deadline.ts";
import type { DialFailure, Dialled } from "./dial.ts";
import { describeSystemError, isLocalShortage } from "./dial.ts";
import { openDatagrams, sendOn } from "./marked-socket.ts";

/** One question of UDP and its answer: what `dial` is for connections. */
export interface DatagramOptions {
  /** From the first call to the answer. */
  readonly timeoutMs: number;
  readonly send: Uint8Array;
  /** Told of each datagram that comes back, returns true for the answer; others are passed over. */
  readonly isAnswer: (datagram: Uint8Array) => boolean;
  /** Firewall mark of what is sent. Needs CAP_NET_ADMIN. */
  readonly mark?: number | undefined;
}

/**
 * Sends one datagram and calls `done` once, never from inside this call. After Cancel it is not
 * called. Only what comes from that address and port is heard; that nobody is there is said by
 * ICMP, as of a connection that is refused.
 */
export function askByDatagram(
  timers: Timers,
  address: Address,
  options: DatagramOptions,
  done: (result: Dialled) => void,
): Cancel {
  const isV6 = address.kind === "inet" && address.host.includes(":");
  const socket = createSocket(isV6 ? "udp6" : "udp4");
  let over = false;
  const hangUp = (): boolean => {
    if (over) return false;
    over = true;
    cancelDeadline();
    socket.close();
    return true;
  };
  const fail = (failure: DialFailure): void => {
    if (hangUp()) done({ failure, end: "failed", bytes: new Uint8Array() });
  };
  const failBy = (error: unknown): void => {
    const text = describeSystemError(error);
    fail({ phase: "connect", timeout: false, local: isLocalShortage(error), text });
  };
  const cancelDeadline = deadline(timers, options.timeoutMs, () => {
    fail({ phase: "answer", timeout: true, local: false, text: "no answer in time" });
  });
  socket.on("error", failBy);
  socket.on("message", (bytes) => {
    if (options.isAnswer(bytes) && hangUp()) done({ failure: undefined, end: "enough", bytes });
  });
  try {
    if (address.kind !== "inet") throw new Error(`${formatAddress(address)} takes no datagrams`);
    const fd = openDatagrams(address, options.mark);
    socket.bind({ fd }, () => {
      if (over) return;
      try {
        sendOn(fd, options.send);
      } catch (error) {
        failBy(error);
      }
    });
  } catch (error) {
    timers.after(0, () => failBy(error));
  }
  return () => void hangUp();
}
