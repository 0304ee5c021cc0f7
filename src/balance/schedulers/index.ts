import type { SchedulerType } from "../scheduler.ts";
import { leastconn } from "./leastconn.ts";
import { random } from "./random.ts";
import { roundrobin } from "./roundrobin.ts";

/** Every scheduler there is, in the order the documentation lists them. */
export const schedulers = [roundrobin, leastconn, random] as const satisfies SchedulerType[];

/** The scheduler a backend names; undefined when there is none of that name. */
export function schedulerByName(name: string): SchedulerType | undefined {
  return schedulers.find((type) => type.name === name);
}
