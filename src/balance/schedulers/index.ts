import type { SchedulerType } from "../scheduler.ts";
import { ewma } from "./ewma.ts";
import { first } from "./first.ts";
import { header } from "./header.ts";
import { leastconn } from "./leastconn.ts";
import { maglev } from "./maglev.ts";
import { query } from "./query.ts";
import { random } from "./random.ts";
import { ring } from "./ring.ts";
import { roundrobin } from "./roundrobin.ts";
import { source } from "./source.ts";
import { staticRoundRobin } from "./static-rr.ts";
import { uri } from "./uri.ts";

/** Every scheduler there is, in the order the documentation lists them. */
export const schedulers = [
  roundrobin,
  staticRoundRobin,
  leastconn,
  first,
  random,
  ewma,
  source,
  uri,
  header,
  query,
  ring,
  maglev,
] as const satisfies SchedulerType[];

/** The scheduler a backend names; undefined when there is none of that name. */
export function schedulerByName(name: string): SchedulerType | undefined {
  return schedulers.find((type) => type.name === name);
}
