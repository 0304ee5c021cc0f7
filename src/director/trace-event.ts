import { viewOf } from "#base/bytes.ts";
import { formatIp } from "#base/ip.ts";
import { PROTOCOL } from "#base/protocol.ts";
import { EVENT, FLOW } from "#plan/director-layout.ts";
import { COUNTER, EVENT_KIND } from "#plan/director-numbers.ts";
import { stateName } from "./status.ts";

/** What became of a packet. */
export type TraceWhat =
  /** It began a connection, and went to the server. */
  | "new"
  | "forwarded"
  /** A server's, on to the client. */
  | "reply"
  /** An error about a packet of the connection, passed on. */
  | "icmp"
  /** Left to this machine itself. */
  | "local"
  /** A SYN, with a cookie. */
  | "answered"
  /** Its sender was told that it goes no further. */
  | "rejected"
  | "dropped";

/** Why a packet was not simply forwarded, in the words of `enum counter`. */
export type TraceReason = Exclude<keyof typeof COUNTER, "ROWS">;

/** A packet and its end; services and servers are rows. */
export interface PacketEvent {
  /** Nanoseconds, monotonic. */
  readonly ns: bigint;
  readonly what: TraceWhat;
  readonly reason: TraceReason | undefined;
  readonly protocol: number;
  readonly client: string;
  readonly clientPort: number;
  /** Where the client's packets go. */
  readonly address: string;
  readonly port: number;
  /** Slot; negative when it is none's. */
  readonly service: number;
  /** Row of `destinations`; negative when there is none. */
  readonly destination: number;
  /** `S`, `SA` and so on; empty for what is not TCP. */
  readonly flags: string;
  /** Of the connection afterwards; empty when it is not tracked. */
  readonly state: string;
  readonly bytes: number;
}

const TCP_FLAGS = "FSRPAU";
/** What the program answers with (TC_ACT_SHOT, TC_ACT_REDIRECT). */
const SHOT = 2;
const REDIRECT = 7;
/** What a sender is told of. */
const TOLD: ReadonlySet<TraceReason | undefined> = new Set([
  ...(["NO_SERVER", "NOT_SYN", "LIMIT", "NO_DESTINATION", "TTL", "TOO_BIG"] as const),
]);

const REASONS = new Map(
  Object.entries(COUNTER).map(([name, row]) => [row as number, name as TraceReason]),
);

/** Reads a record of the ring `events`. */
export function readEvent(bytes: Uint8Array): PacketEvent {
  const view = viewOf(bytes);
  const reason = REASONS.get(bytes[EVENT.REASON]! - 1);
  const protocol = bytes[FLOW.PROTOCOL]!;
  const tcp = bytes[EVENT.TCP]!;
  const state = view.getUint16(EVENT.STATE, true);
  return {
    ns: view.getBigUint64(EVENT.AT, true),
    what: whatOf(bytes[EVENT.KIND]!, bytes[EVENT.VERDICT]!, reason),
    reason,
    protocol,
    client: formatIp(bytes, FLOW.SOURCE),
    clientPort: view.getUint16(FLOW.SOURCE_PORT),
    address: formatIp(bytes, FLOW.DESTINATION),
    port: view.getUint16(FLOW.DESTINATION_PORT),
    service: view.getInt32(EVENT.SERVICE, true),
    destination: view.getInt32(EVENT.DESTINATION, true),
    flags:
      protocol === PROTOCOL.tcp ? [...TCP_FLAGS].filter((_, bit) => tcp & (1 << bit)).join("") : "",
    state: state === 0 ? "" : stateName(state),
    bytes: view.getUint32(EVENT.LENGTH, true),
  };
}

function whatOf(kind: number, verdict: number, reason: TraceReason | undefined): TraceWhat {
  if (verdict === SHOT) return "dropped";
  if (kind === EVENT_KIND.ICMP) return "icmp";
  if (kind === EVENT_KIND.REPLY) return "reply";
  if (verdict === REDIRECT && TOLD.has(reason)) return "rejected";
  if (reason === "COOKIE_SENT") return "answered";
  if (kind === EVENT_KIND.NEW) return "new";
  return verdict === REDIRECT ? "forwarded" : "local";
}
