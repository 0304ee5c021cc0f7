import type { Cancel, Timers } from "#base/clock.ts";
import { formatIp, parseIp } from "#base/ip.ts";
import { nearest } from "#base/nearest.ts";
import type { Director } from "#director/director.ts";
import { Trace, type TraceFilter } from "#director/trace.ts";
import type { Plan } from "#plan/plan.ts";
import type { Refusal, TracedPacket, TraceSink, TraceWish } from "./api.ts";

/** How often the ring is looked at. */
const POLL_MS = 20;
/** How long the program goes on when nobody looks any more. */
const LEASE_MS = 1000;
/** More than the program tells in that time. */
const AT_ONCE = 4096;

/** A wish that was understood. */
export interface Wanted extends TraceFilter {
  readonly count: number;
  readonly seconds: number;
  /** Where the client's packets have to go; undefined: to any address of the service. */
  readonly address: string | undefined;
  readonly port: number | undefined;
}

const usage = (message: string): Refusal => ({ ok: false, code: "USAGE", message });

export function understand(plan: Plan, wish: TraceWish): Wanted | Refusal {
  const { count, seconds } = wish;
  const client = wish.client === undefined ? undefined : parseIp(wish.client);
  if (wish.client !== undefined && !client) return usage(`"${wish.client}" is no address`);
  const all = { client, service: undefined, count, seconds, address: undefined, port: undefined };
  if (wish.service === undefined) return all;
  const named = plan.services.find(({ name }) => name === wish.service);
  if (named) return { ...all, service: named.slot };
  const at = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(wish.service);
  const bytes = parseIp(at?.[1] ?? at?.[2] ?? "");
  if (!bytes) return usage(`there is no service "${wish.service}"${hint(plan, wish.service)}`);
  const [address, port] = [formatIp(bytes), Number(at![3])];
  const there = plan.services.filter(({ binds }) =>
    binds.some((bind) => bind.host === address && bind.firstPort <= port && port <= bind.lastPort),
  );
  if (there.length === 0) return usage(`no service takes packets for ${wish.service}`);
  // Services of several protocols may share it.
  const service = there.length === 1 ? there[0]!.slot : undefined;
  return { ...all, service, address, port };
}

function hint(plan: Plan, wanted: string): string {
  const names = plan.services.map(({ name }) => name);
  const near = nearest(wanted, names);
  return near === undefined ? "" : `; did you mean "${near}"?`;
}

/** Shows packets to the sink until there were enough, or time is over. */
export function runTrace(
  director: Director,
  timers: Timers,
  wanted: Wanted,
  sink: TraceSink,
): { stop(why: string | undefined): void } {
  const trace = new Trace(director, wanted);
  const endMs = timers.monotonicMs() + 1000 * wanted.seconds;
  const isWanted = ({ address, port }: TracedPacket): boolean =>
    (wanted.address === undefined || address === wanted.address) &&
    (wanted.port === undefined || port === wanted.port);
  let left = wanted.count;
  let cancel: Cancel | undefined;
  const stop = (why: string | undefined): void => {
    if (!cancel) return;
    cancel();
    cancel = undefined;
    const { leftOut } = trace;
    trace.close();
    if (why !== undefined) sink.end({ why, leftOut });
  };
  const look = (): void => {
    const packets = trace.read(AT_ONCE, timers.wallMs()).filter(isWanted).slice(0, left);
    left -= packets.length;
    if (packets.length > 0) sink.packets(packets);
    const leftMs = endMs - timers.monotonicMs();
    if (left <= 0) stop(`${wanted.count} packets`);
    else if (leftMs <= 0) stop(`${wanted.seconds} s`);
    else next(leftMs);
  };
  const next = (leftMs: number): void => {
    trace.renew(Math.min(LEASE_MS, leftMs));
    cancel = timers.after(Math.min(POLL_MS, leftMs), look);
  };
  next(endMs - timers.monotonicMs());
  return { stop };
}
