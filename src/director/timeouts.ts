import type { BpfMap } from "#io/bpf/map.ts";
import { CONFIG } from "#plan/director-layout.ts";
import { CONN_STATE } from "#plan/director-numbers.ts";
import type { DirectorPlan } from "#plan/plan.ts";
import { rowKey } from "./rows.ts";
import { ticksOf } from "./ticks.ts";

/**
 * Seconds a connection may be silent in a state, as IPVS has them (ip_vs_proto_tcp.c and
 * ip_vs_proto_sctp.c in net/netfilter/ipvs), where the configuration does not say.
 */
const SECONDS: Readonly<Partial<Record<keyof typeof CONN_STATE, number>>> = {
  NONE: 2,
  SYN_SENT: 120,
  SYN_RECV: 60,
  TIME_WAIT: 120,
  CLOSE: 10,
  CLOSE_WAIT: 60,
  LAST_ACK: 30,
  LISTEN: 120,
  SYNACK: 120,
  SCTP_NONE: 2,
  SCTP_INIT1: 4,
  SCTP_INIT: 61,
  SCTP_COOKIE_SENT: 61,
  SCTP_COOKIE_REPLIED: 61,
  SCTP_COOKIE_WAIT: 61,
  SCTP_COOKIE: 61,
  SCTP_COOKIE_ECHOED: 61,
  SCTP_ESTABLISHED: 900,
  SCTP_SHUTDOWN_SENT: 61,
  SCTP_SHUTDOWN_RECEIVED: 61,
  SCTP_SHUTDOWN_ACK_SENT: 61,
  SCTP_REJECTED: 4,
  SCTP_CLOSED: 61,
};

/** Ticks by state, for the kernel. */
export function timeoutTicks(plan: DirectorPlan["timeouts"]): number[] {
  const ticks = new Array<number>(CONN_STATE.ROWS).fill(ticksOf(2000));
  for (const [state, seconds] of Object.entries(SECONDS)) {
    ticks[CONN_STATE[state as keyof typeof CONN_STATE]] = ticksOf(seconds * 1000);
  }
  ticks[CONN_STATE.ESTABLISHED] = ticksOf(plan.tcpMs);
  ticks[CONN_STATE.FIN_WAIT] = ticksOf(plan.tcpFinMs);
  ticks[CONN_STATE.UDP] = ticksOf(plan.udpMs);
  return ticks;
}

/** Those that the kernel has in its configuration. */
export const timeoutsIn = (configuration: BpfMap): Uint32Array<ArrayBuffer> =>
  new Uint32Array(configuration.lookup(rowKey(0))!.slice(CONFIG.TIMEOUT).buffer);
