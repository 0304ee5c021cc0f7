import { formatEndpoint } from "#base/address.ts";
import { protocolTitle } from "#base/protocol.ts";
import type { TracedPacket } from "#control/api.ts";
import type { Style } from "../style.ts";

/** Why a packet was not simply forwarded. */
const REASONS: Readonly<Record<NonNullable<TracedPacket["reason"]>, string>> = {
  NO_SERVER: "no server",
  NO_PORT: "no local port is free",
  STATELESS: "too many new flows: not tracked",
  TABLE_FULL: "the connection table is full",
  TTL: "no hops left",
  TOO_BIG: "too big for the way",
  NO_FRAGMENT: "a fragment whose first was not seen",
  NO_DESTINATION: "its server is gone",
  MALFORMED: "malformed",
  NO_ROUTE: "no route to the server",
  ICMP: "an error",
  LIMIT: "the service's limit",
  NOT_SYN: "of no known connection",
  DROPPED: "dropped at random, as dropPacket says",
  NO_ROOM: "no room to say who the client is",
  NO_CALL_ID: "no Call-ID, by which the service goes",
  COOKIE_SENT: "a SYN cookie",
  COOKIE_ACCEPTED: "the client has returned its cookie",
  CUT: "the first part of one too big for the way",
  PORT_REUSED: "with the local port of one that is over",
};

const WHAT: Readonly<Record<TracedPacket["what"], string>> = {
  new: "new connection",
  forwarded: "forwarded",
  reply: "reply",
  icmp: "ICMP error passed on",
  local: "left to this machine",
  answered: "answered",
  rejected: "rejected",
  dropped: "dropped",
};

/** A packet in one line: time, flow, service, what became of it. */
export function traceLine(packet: TracedPacket, style: Style): string {
  const { what, reason, protocol, flags, state, bytes, service } = packet;
  const client = formatEndpoint(packet.client, packet.clientPort);
  const isReply = what === "reply";
  const flow = `${client} ${isReply ? "<" : ">"} ${formatEndpoint(packet.address, packet.port)}`;
  const became = what === "dropped" || what === "rejected" ? style.red(WHAT[what]) : WHAT[what];
  return [
    style.dim(clock(packet.at)),
    protocolTitle(protocol) ?? `IP ${protocol}`,
    flow,
    ...(flags === "" ? [] : [`[${flags}]`]),
    `${bytes} B`,
    service === "" ? "-" : style.bold(service),
    `${became}${serverOf(packet)}${reason === undefined ? "" : `: ${REASONS[reason]}`}`,
    ...(state === "" ? [] : [style.dim(state)]),
  ].join(" ");
}

function serverOf({ what, server, serverAddress }: TracedPacket): string {
  if (server === "" || what === "rejected" || what === "dropped") return "";
  return ` ${what === "reply" ? "←" : "→"} ${server} ${serverAddress}`.trimEnd();
}

/** Time of day to the microsecond, as tcpdump has it. */
function clock(ms: number): string {
  const at = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, "0");
  const fraction = (at.getSeconds() + (ms % 1000) / 1000).toFixed(6).padStart(9, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${fraction}`;
}
