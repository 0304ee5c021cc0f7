import type { SchedulerType } from "../scheduler.ts";
import { dh } from "./dh.ts";
import { ewma } from "./ewma.ts";
import { first } from "./first.ts";
import { fo } from "./fo.ts";
import { header } from "./header.ts";
import { lblc } from "./lblc.ts";
import { lblcr } from "./lblcr.ts";
import { lc } from "./lc.ts";
import { leastconn } from "./leastconn.ts";
import { maglev } from "./maglev.ts";
import { mh } from "./mh.ts";
import { nq } from "./nq.ts";
import { ovf } from "./ovf.ts";
import { query } from "./query.ts";
import { random } from "./random.ts";
import { ring } from "./ring.ts";
import { roundrobin } from "./roundrobin.ts";
import { rr } from "./rr.ts";
import { sed } from "./sed.ts";
import { sh } from "./sh.ts";
import { source } from "./source.ts";
import { staticRoundRobin } from "./static-rr.ts";
import { twos } from "./twos.ts";
import { uri } from "./uri.ts";
import { wlc } from "./wlc.ts";
import { wrr } from "./wrr.ts";

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
  rr,
  wrr,
  lc,
  wlc,
  sed,
  nq,
  fo,
  ovf,
  twos,
  lblc,
  lblcr,
  dh,
  sh,
  mh,
] as const satisfies SchedulerType[];

/** The scheduler a backend names; undefined when there is none of that name. */
export function schedulerByName(name: string): SchedulerType | undefined {
  return schedulers.find((type) => type.name === name);
}
