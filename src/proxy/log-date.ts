// @hot
/**
 * Dates of the access log, always UTC. The text of a second is made once and kept: lines come by
 * the thousand within one. (HAProxy writes local time; a log that jumps twice a year sorts badly.)
 */
import { latin1 } from "#base/bytes.ts";
import { putBytes, putPadded } from "./log-bytes.ts";

const MONTHS = latin1("JanFebMarAprMayJunJulAugSepOctNovDec");
const clf = latin1("01/Jan/1970:00:00:00");
const iso = latin1("1970-01-01T00:00:00");
let second = 0;

/** `23/Nov/2026:16:19:00` */
export function putClfSecond(wallMs: number, out: Uint8Array, at: number): number {
  refresh(wallMs);
  return putBytes(clf, out, at);
}

/** `2026-11-23T16:19:00` */
export function putIsoSecond(wallMs: number, out: Uint8Array, at: number): number {
  refresh(wallMs);
  return putBytes(iso, out, at);
}

/** `.123`, the milliseconds that belong behind either. */
export function putMillis(wallMs: number, out: Uint8Array, at: number): number {
  out[at] = 46;
  return putPadded((wallMs - Math.floor(wallMs / 1000) * 1000) | 0, 3, out, at + 1);
}

/**
 * Gregorian date of a day number by counting years from 1 March (era of 400 years = 146097 days).
 */
function refresh(wallMs: number): void {
  const wanted = Math.floor(wallMs / 1000);
  if (wanted === second) return;
  second = wanted;
  const days = Math.floor(wanted / 86_400);
  const clock = wanted - days * 86_400;
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);

  putPadded(day, 2, clf, 0);
  for (let i = 0; i < 3; i++) clf[3 + i] = MONTHS[(month - 1) * 3 + i]!;
  putPadded(year, 4, clf, 7);
  putClock(clock, clf, 12);
  putPadded(year, 4, iso, 0);
  putPadded(month, 2, iso, 5);
  putPadded(day, 2, iso, 8);
  putClock(clock, iso, 11);
}

/** Seconds of the day as `hh:mm:ss`; the colons are there already. */
function putClock(clock: number, out: Uint8Array, at: number): void {
  putPadded((clock / 3600) | 0, 2, out, at);
  putPadded(((clock / 60) | 0) % 60, 2, out, at + 3);
  putPadded(clock % 60, 2, out, at + 6);
}
