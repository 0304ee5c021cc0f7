import type { Random } from "#base/clock.ts";
import { FRAGMENTS } from "./samples.ts";

/** A whole number from 0 to `bound` - 1. */
export const below = (random: Random, bound: number): number => random.next() % bound;

/**
 * One change: a byte, a bit, a fragment put in, a stretch left out, doubled, or taken from another.
 */
export function damage(random: Random, text: string, other: string): string {
  const at = below(random, text.length + 1);
  const to = Math.min(text.length, at + below(random, 12));
  switch (below(random, 6)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(below(random, 256)) + text.slice(at + 1);
    case 1:
      if (at === text.length) return text;
      return (
        text.slice(0, at) +
        String.fromCharCode(text.charCodeAt(at) ^ (1 << below(random, 8))) +
        text.slice(at + 1)
      );
    case 2:
      return text.slice(0, at) + FRAGMENTS[below(random, FRAGMENTS.length)] + text.slice(at);
    case 3:
      return text.slice(0, at) + text.slice(to);
    case 4:
      return text.slice(0, to) + text.slice(at, to) + text.slice(to);
    default:
      return text.slice(0, at) + other.slice(below(random, other.length));
  }
}
