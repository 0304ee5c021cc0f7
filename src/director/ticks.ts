import { kernelNs } from "#io/clock.ts";

/** Bits of the kernel's nanoseconds that a tick of its programs leaves out: it is some 1.05 ms. */
const TICK_BITS = 20;
const TICK_NS = 2 ** TICK_BITS;
/** Largest number of ticks that still compares right. */
const TICKS_MAX = 0x7fff_ffff;

export const TICKS_A_SECOND = 1e9 / TICK_NS;

/** Ticks now, as an uint32 that wraps. */
export const kernelTicks = (): number => Number((kernelNs() >> BigInt(TICK_BITS)) & 0xffff_ffffn);

/** Milliseconds in ticks, at least one. */
export const ticksOf = (ms: number): number =>
  Math.min(TICKS_MAX, Math.max(1, Math.round((ms * 1e6) / TICK_NS)));

export const msOfTicks = (ticks: number): number => (ticks * TICK_NS) / 1e6;
