import type { PacketSchedule, PacketServer } from "#balance/packet-schedule.ts";
import type { SchedulerType } from "#balance/scheduler.ts";
import { schedulerByName } from "#balance/schedulers/index.ts";
import { assert } from "#base/assert.ts";
import { PACKET_FLAG, PACKET_NOBODY, PACKET_PROGRAM } from "#plan/packet-schedule.ts";
import type { Chosen } from "#plan/plan.ts";
import { NO_LIST } from "./rows.ts";

/** How the kernel is to find a server of a backend. */
export interface Pool {
  readonly program: number;
  readonly hash: number;
  /** Of PACKET_FLAG. */
  readonly flags: number;
  /** Numbers of servers among their service's rows. */
  readonly slots: Uint16Array;
  /** Numbers of all servers, where the kernel needs them besides. */
  readonly servers: Uint16Array;
}

/** What a scheduler does with packets. The configuration has made sure that it can. */
export function scheduleOf(balance: Chosen): PacketSchedule {
  const type: SchedulerType | undefined = schedulerByName(balance.name);
  const schedule = type?.packets?.(balance.options);
  assert(typeof schedule === "object", `${balance.name} schedules no packets`);
  return schedule;
}

/**
 * The pool of servers in the order of the configuration; `numbers` are theirs among the rows. Those
 * without weight are in it as far as the scheduler wants them.
 */
export function composePool(
  schedule: PacketSchedule,
  servers: readonly PacketServer[],
  numbers: readonly number[],
): Pool {
  const all = Uint16Array.from(numbers);
  if (schedule.kind === "walk") {
    return { program: schedule.program, hash: 0, flags: 0, slots: all, servers: NO_LIST };
  }
  const slots = schedule
    .table(servers)
    .map((position) => (position === PACKET_NOBODY ? PACKET_NOBODY : numbers[position]!));
  if (schedule.kind === "turns") {
    return { program: PACKET_PROGRAM.TURNS, hash: 0, flags: 0, slots, servers: all };
  }
  const { hash, flags } = schedule;
  const list = flags & PACKET_FLAG.FALLBACK ? all : NO_LIST;
  return { program: PACKET_PROGRAM.HASH, hash, flags, slots, servers: list };
}
