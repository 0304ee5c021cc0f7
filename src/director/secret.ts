import type { BpfMap } from "#io/bpf/map.ts";
import { randomKey } from "#io/seed.ts";
import { rowKey } from "./rows.ts";

/**
 * Draws the key that SYN cookies are made with, where the kernel has none yet. One that is there
 * stays: clients may be about to return cookies made with it. Throws a SystemError.
 */
export function ensureSecret(map: BpfMap): void {
  const row = rowKey(0);
  if (map.lookup(row)!.every((byte) => byte === 0)) map.update(row, randomKey(map.valueBytes));
}
