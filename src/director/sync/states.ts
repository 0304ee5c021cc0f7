import { PROTOCOL } from "#base/protocol.ts";
import { CONN_STATE } from "#plan/director-numbers.ts";

/*
 * States as they travel: those of TCP have the same numbers here, UDP has one, and of IPVS's 14 of
 * SCTP (ip_vs_proto_sctp.c) three are told apart.
 */

const WIRE_SCTP_ESTABLISHED = 8;
const WIRE_SCTP_SHUTDOWN_SENT = 9;
const WIRE_SCTP_STATES = 14;

/** Connections that go on. */
const OPEN: ReadonlySet<number> = new Set([
  ...[CONN_STATE.ESTABLISHED, CONN_STATE.FIN_WAIT, CONN_STATE.CLOSE_WAIT],
  ...[CONN_STATE.UDP, CONN_STATE.SCTP_ESTABLISHED],
]);
/** Those that may be over as soon as they are there, for all that their state says. */
const PASSING: ReadonlySet<number> = new Set([
  ...[CONN_STATE.FIN_WAIT, CONN_STATE.CLOSE_WAIT, CONN_STATE.UDP],
]);
/** Ends of connections: who knows of one is told. */
const ENDS: ReadonlySet<number> = new Set([
  ...[CONN_STATE.TIME_WAIT, CONN_STATE.CLOSE, CONN_STATE.LAST_ACK, CONN_STATE.SCTP_CLOSING],
]);

export const isOpen = (state: number): boolean => OPEN.has(state);
export const isPassing = (state: number): boolean => PASSING.has(state);
export const isEnd = (state: number): boolean => ENDS.has(state);

/** As is_active() in states.h. */
export const isActive = (state: number): boolean =>
  state === CONN_STATE.ESTABLISHED ||
  state === CONN_STATE.SYN_SENT ||
  state === CONN_STATE.SYN_RECV ||
  state === CONN_STATE.SYNACK ||
  state === CONN_STATE.UDP ||
  state === CONN_STATE.SCTP_ESTABLISHED;

/** The state of a connection as others name it. */
export function wireState(state: number): number {
  switch (state) {
    case CONN_STATE.UDP:
      return 0;
    case CONN_STATE.SCTP_ESTABLISHED:
      return WIRE_SCTP_ESTABLISHED;
    case CONN_STATE.SCTP_CLOSING:
      return WIRE_SCTP_SHUTDOWN_SENT;
    default:
      return state;
  }
}

/** What others say of a connection, or undefined where there is no such protocol or state. */
export function stateOf(protocol: number, wire: number): number | undefined {
  switch (protocol) {
    case PROTOCOL.tcp:
      return wire <= CONN_STATE.SYNACK ? wire : undefined;
    case PROTOCOL.udp:
      return wire === 0 ? CONN_STATE.UDP : undefined;
    case PROTOCOL.sctp:
      if (wire >= WIRE_SCTP_STATES) return undefined;
      if (wire < WIRE_SCTP_ESTABLISHED) return CONN_STATE.SCTP_INIT;
      return wire === WIRE_SCTP_ESTABLISHED ? CONN_STATE.SCTP_ESTABLISHED : CONN_STATE.SCTP_CLOSING;
    default:
      return undefined;
  }
}
