// @hot
import { latin1 } from "#base/bytes.ts";

const DAY_MS = 86_400_000;
const DAYS = latin1("ThuFriSatSunMonTueWed");
const MONTHS = latin1("JanFebMarAprMayJunJulAugSepOctNovDec");

/** `Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n` (RFC 9110 §5.6.7), written anew once a second. */
export class DateLine {
  readonly #bytes = latin1("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
  #second = 0;

  /**
   * The line for this moment, ms since 1970; the same array each time, good until the next call.
   */
  at(wallMs: number): Uint8Array {
    const second = Math.floor(wallMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      writeDate(this.#bytes, 6, wallMs);
    }
    return this.#bytes;
  }
}

/** The 29 bytes of an HTTP date from 1970 to 9999 at out[at…]; returns the position after them. */
export function writeDate(out: Uint8Array, at: number, wallMs: number): number {
  const days = Math.floor(wallMs / DAY_MS);
  const seconds = Math.floor((wallMs - days * DAY_MS) / 1000);
  // Days since 0000-03-01 in eras of 400 years, so that leap days come last in their year.
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
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const month = fromMarch < 10 ? fromMarch + 2 : fromMarch - 10;
  const year = yearOfEra + era * 400 + (month < 2 ? 1 : 0);
  threeLetters(out, at, DAYS, days % 7);
  out[at + 3] = 44;
  out[at + 4] = 32;
  twoDigits(out, at + 5, day);
  out[at + 7] = 32;
  threeLetters(out, at + 8, MONTHS, month);
  out[at + 11] = 32;
  twoDigits(out, at + 12, Math.floor(year / 100));
  twoDigits(out, at + 14, year % 100);
  out[at + 16] = 32;
  twoDigits(out, at + 17, Math.floor(seconds / 3600));
  out[at + 19] = 58;
  twoDigits(out, at + 20, Math.floor(seconds / 60) % 60);
  out[at + 22] = 58;
  twoDigits(out, at + 23, seconds % 60);
  out[at + 25] = 32;
  out[at + 26] = 71;
  out[at + 27] = 77;
  out[at + 28] = 84;
  return at + 29;
}

function twoDigits(out: Uint8Array, at: number, value: number): void {
  out[at] = 48 + Math.floor(value / 10);
  out[at + 1] = 48 + (value % 10);
}

function threeLetters(out: Uint8Array, at: number, names: Uint8Array, index: number): void {
  for (let i = 0; i < 3; i++) out[at + i] = names[index * 3 + i]!;
}
