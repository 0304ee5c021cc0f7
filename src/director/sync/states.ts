import { PROTOCOL } from "#base/protocol.ts";
import { CONN_STATE } from "#plan/director-numbers.ts";

/* States as they travel: IPVS's numbers, which those of TCP and SCTP have in their lower bits. */

const NUMBER = 0xf;

/** Connections that go on. */
const OPEN: ReadonlySet<number> = new Set([
  ...[CONN_STATE.ESTABLISHED, CONN_STATE.FIN_WAIT, CONN_STATE.CLOSE_WAIT],
  ...[CONN_STATE.UDP, CONN_STATE.SCTP_ESTABLISHED, CONN_STATE.SCTP_SHUTDOWN_SENT],
  ...[CONN_STATE.SCTP_SHUTDOWN_RECEIVED, CONN_STATE.SCTP_SHUTDOWN_ACK_SENT],
]);
/** Those that may be over as soon as they are there, for all that their state says. */
const PASSING: ReadonlySet<number> = new Set([
  ...[CONN_STATE.FIN_WAIT, CONN_STATE.CLOSE_WAIT, CONN_STATE.UDP, CONN_STATE.SCTP_SHUTDOWN_SENT],
  ...[CONN_STATE.SCTP_SHUTDOWN_RECEIVED, CONN_STATE.SCTP_SHUTDOWN_ACK_SENT],
]);
/** Ends of connections: who knows of one is told. */
const ENDS: ReadonlySet<number> = new Set([
  ...[CONN_STATE.TIME_WAIT, CONN_STATE.CLOSE, CONN_STATE.LAST_ACK],
  ...[CONN_STATE.SCTP_REJECTED, CONN_STATE.SCTP_CLOSED],
]);
/** As is_active() in states.h. */
const ACTIVE: ReadonlySet<number> = new Set([
  ...[CONN_STATE.ESTABLISHED, CONN_STATE.SYN_SENT, CONN_STATE.SYN_RECV, CONN_STATE.SYNACK],
  CONN_STATE.SCTP_ESTABLISHED,
]);

export const isOpen = (state: number): boolean => OPEN.has(state);
export const isPassing = (state: number): boolean => PASSING.has(state);
export const isEnd = (state: number): boolean => ENDS.has(state);
export const isActive = (state: number): boolean => ACTIVE.has(state);

/** The state of a connection as others name it. */
export const wireState = (state: number): number => (state === CONN_STATE.UDP ? 0 : state & NUMBER);

/** What others say of a connection, or undefined where there is no such protocol or state. */
export function stateOf(protocol: number, wire: number): number | undefined {
  switch (protocol) {
    case PROTOCOL.tcp:
      return wire <= CONN_STATE.SYNACK ? wire : undefined;
    case PROTOCOL.udp:
      return wire === 0 ? CONN_STATE.UDP : undefined;
    case PROTOCOL.sctp:
      return wire <= (CONN_STATE.SCTP_CLOSED & NUMBER) ? CONN_STATE.SCTP_NONE + wire : undefined;
    default:
      return undefined;
  }
}
