import { currentLanguage } from "./language.js";

const cache = new Map();

function formatter(options) {
  const key = currentLanguage() + JSON.stringify(options);
  if (!cache.has(key)) cache.set(key, new Intl.NumberFormat(currentLanguage(), options));
  return cache.get(key);
}

/** A figure in a few characters: 0, 3.4, 128, 12.3K. */
export const number = (value) =>
  value < 9999.5
    ? formatter({ maximumFractionDigits: value < 10 ? 1 : 0 }).format(value)
    : formatter({ notation: "compact", maximumSignificantDigits: 3 }).format(value);

/** Milliseconds as `[figure, unit]`; null is a dash. */
export function duration(ms) {
  if (ms === null) return ["–", ""];
  if (ms < 1000)
    return [formatter({ maximumSignificantDigits: ms < 100 ? 2 : 3 }).format(ms), "ms"];
  return [formatter({ maximumSignificantDigits: 3 }).format(ms / 1000), "s"];
}

const STEPS = ["B", "kB", "MB", "GB", "TB"];

/** Bytes as `[figure, unit]`, powers of 1000. */
export function bytes(value) {
  const step = value < 1 ? 0 : Math.min(STEPS.length - 1, Math.floor(Math.log10(value) / 3));
  return [formatter({ maximumSignificantDigits: 3 }).format(value / 1000 ** step), STEPS[step]];
}

/** A share of 1 as `[figure, "%"]`; null is a dash. */
export const percent = (share) =>
  share === null
    ? ["–", ""]
    : [formatter({ maximumFractionDigits: share < 0.1 ? 2 : 1 }).format(share * 100), "%"];

/** `[figure, unit]` as one text. */
export const joined = ([figure, unit]) => (unit ? `${figure} ${unit}` : figure);

/** A long time in its two largest units: 3 d 4 h. */
export function span(ms) {
  const seconds = Math.floor(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  const shown = first < 0 ? parts.slice(-1) : parts.slice(first, first + 2);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(" ");
}

/** Time of day; with the date when it was not today. */
export function moment(ms) {
  const at = new Date(ms);
  const today = at.toDateString() === new Date().toDateString();
  const options = today ? { timeStyle: "medium" } : { dateStyle: "short", timeStyle: "medium" };
  return new Intl.DateTimeFormat(currentLanguage(), options).format(at);
}
