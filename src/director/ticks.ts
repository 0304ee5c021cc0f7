import { kernelNs } from "#io/clock.ts";

const TICK_BITS = 20n;

/** Ticks of the kernel's programs now, as an uint32 that wraps. */
export const kernelTicks = (): number => Number((kernelNs() >> TICK_BITS) & 0xffff_ffffn);
