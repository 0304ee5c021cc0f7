import type { PacketSchedule } from "#balance/packet-schedule.ts";
import type { SchedulerType } from "#balance/scheduler.ts";
import { schedulers } from "#balance/schedulers/index.ts";
import { fallbacks } from "#schema/index.ts";

/** Yes and no of these options make a difference to packets. */
const SWITCHES = ["port", "fallback"];

export interface NamedSchedule {
  readonly name: string;
  readonly schedule: PacketSchedule;
}

function variants(type: SchedulerType): NamedSchedule[] {
  const options: Record<string, unknown> = { ...fallbacks(type.options) };
  if ("balanceFactor" in options) options["balanceFactor"] = 0;
  let all = [{ name: type.name, options }];
  for (const option of SWITCHES.filter((one) => one in options)) {
    all = all.flatMap(({ name, options }) => [
      { name, options: { ...options, [option]: false } },
      { name: `${name}, with ${option}`, options: { ...options, [option]: true } },
    ]);
  }
  return all.map(({ name, options }) => {
    const schedule = type.packets!(options as never);
    if (typeof schedule === "string") throw new Error(`${name}: ${schedule}`);
    return { name, schedule };
  });
}

/** Every schedule of packets there is. */
export const packetSchedules = (): NamedSchedule[] =>
  (schedulers as readonly SchedulerType[]).filter(({ packets }) => packets).flatMap(variants);

export function packetSchedule(name: string): PacketSchedule {
  const found = packetSchedules().find((one) => one.name === name);
  if (!found) throw new Error(`no schedule of packets is called ${name}`);
  return found.schedule;
}
