/**
 * Figures as tables of the terminal show them: short, with their unit, `-` for what is not known.
 */

/** 0, 3.4, 128, 12.3k, 4.56M. */
export function count(value: number): string {
  if (value < 10 && !Number.isInteger(value)) return value.toFixed(1);
  if (value < 9999.5) return value.toFixed(0);
  for (const [scale, unit] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (value >= scale) return (value / scale).toPrecision(3) + unit;
  }
  return value.toFixed(0);
}

/** Bytes in powers of 1000: 820 B, 1.21 MB. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = value < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** step;
  return `${step === 0 ? scaled.toFixed(0) : scaled.toPrecision(3)} ${units[step]}`;
}

/** A latency: 0.42 ms, 12 ms, 1.50 s. */
export function latency(ms: number | null): string {
  if (ms === null) return "-";
  if (ms >= 1000) return `${(ms / 1000).toPrecision(3)} s`;
  return `${ms >= 100 ? ms.toFixed(0) : ms.toPrecision(2)} ms`;
}

/** A share of 1: 0.25 %. */
export const percent = (share: number | null): string =>
  share === null ? "-" : `${(share * 100).toFixed(share < 0.1 ? 2 : 1)} %`;

/** A long time in its two largest units: 3 d 4 h. */
export function span(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  const shown = first < 0 ? parts.slice(-1) : parts.slice(first, first + 2);
  return shown.map(([n, unit]) => `${n} ${unit}`).join(" ");
}
